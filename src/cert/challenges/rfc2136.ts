// TXT records by dynamic update (RFC 2136), signed with the key of the settings. For dns-01. Does not decide
// which record.

import { readFile } from 'node:fs/promises';
import { LinkgateError } from '../../core/errors.ts';
import type { Clock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import type { Rfc2136Settings } from '../../core/settings.ts';
import { sendUpdate } from '../../dns/send-update.ts';
import type { TsigKey } from '../../dns/tsig.ts';
import type { DnsProvider, TxtRecord } from './dns-provider.ts';

const LIMIT_MS = 15_000;
/** short: nobody needs it after the CA has validated */
const TTL_SECONDS = 60;

const unavailable = (what: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_DNS_UNAVAILABLE', what, { cause });

/** @throws LinkgateError, which never shows the content of the file */
const readKey = async ({ keyName, keyFile }: Rfc2136Settings): Promise<TsigKey> => {
  let text: string;
  try {
    text = (await readFile(keyFile, 'utf8')).trim();
  } catch (error) {
    throw unavailable(`dns.keyFile "${keyFile}" cannot be read`, error);
  }
  if (!/^[A-Za-z0-9+/]{8,1000}={0,2}$/.test(text)) {
    throw unavailable(`dns.keyFile "${keyFile}" holds no secret in base64`);
  }
  return { name: keyName, secret: Buffer.from(text, 'base64') };
};

export const createRfc2136Provider = ({
  settings,
  clock,
}: {
  readonly settings: Rfc2136Settings;
  readonly clock: Clock;
}): DnsProvider => {
  const { server } = settings;

  const update = async (
    { name, value, zone }: TxtRecord,
    ttl: number | undefined,
    signal: AbortSignal,
  ): Promise<void> => {
    const key = await readKey(settings);
    const change = { zone: settings.zone ?? zone, name, value, ttl };
    const late = (): Error =>
      unavailable(`name server ${server.host}:${server.port} did not answer in ${LIMIT_MS} ms`);
    await withDeadline({ clock, limitMs: LIMIT_MS, signal, late }, (signal) =>
      sendUpdate(change, { server, key, nowMs: clock.now(), signal }),
    );
  };

  return {
    present: (record, signal) => update(record, TTL_SECONDS, signal),
    cleanUp: (record, signal) => update(record, undefined, signal),
  };
};
