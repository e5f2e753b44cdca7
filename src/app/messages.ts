// The messages between supervisor and workers. They never carry certificates, challenge answers or private keys: those are in the
// storage, and a message only says what to read again. The keys of session tickets are in no storage, so a message carries them.

import type { ErrorCode } from '../core/errors.ts';
import type { Listener } from '../core/events.ts';
import type { Settings, UpstreamId } from '../core/settings.ts';
import type { UpstreamContact } from '../core/upstream-contact.ts';
import type { DrainTime } from '../serve/listeners.ts';
import type { SettingsChange } from './settings-change.ts';

export type ToWorker =
  /** first message; the sockets follow, one message each */
  | {
      readonly type: 'start';
      readonly settings: Settings;
      readonly logLevel?: string;
      readonly ticketKeys: Buffer;
    }
  /** comes with the socket's handle */
  | { readonly type: 'socket'; readonly listener: Listener }
  | { readonly type: 'settings'; readonly change: SettingsChange }
  /** instead of those before, the same for all workers */
  | { readonly type: 'ticket-keys'; readonly ticketKeys: Buffer }
  /** the log file was moved away */
  | { readonly type: 'reopen-log' }
  /** the storage has a new certificate for this name */
  | { readonly type: 'refresh'; readonly domain: string }
  /** asks for `measured` with the same number */
  | { readonly type: 'measure'; readonly question: number }
  | { readonly type: 'drain'; readonly time: DrainTime };

export type FromWorker =
  | { readonly type: 'ready' }
  /** the worker could not start, and ends */
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** what it has counted so far; `question` 0 when nobody asked */
  | {
      readonly type: 'measured';
      readonly question: number;
      readonly snapshot: unknown;
      readonly contacts: Contacts;
    };

/** how the last attempts to connect to each upstream went */
export type Contacts = Readonly<Partial<Record<UpstreamId, UpstreamContact>>>;
