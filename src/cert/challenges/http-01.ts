// What proves control of a name, and HTTP-01 answers on their way through the storage: the supervisor that orders puts them
// there, and whichever process the CA reaches on port 80, on any machine, finds them. Port 2 opens here. Must not know who
// orders or who listens. The other kinds of challenge stand in challenges/.

import type { Clock } from '../../core/platform/clock.ts';
import { isDomainName, normalizeName } from '../../core/domain-name.ts';
import type { AnswerChallenge } from '../../core/ports.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import type { ChallengeType, KeyType } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';

/** A challenge the CA has set (RFC 8555 §8). */
export interface OpenChallenge {
  /** lower-case A-label, no trailing dot */
  readonly name: string;
  /** checked by `isToken` */
  readonly token: string;
  /** RFC 8555 §8.1 */
  readonly keyAuthorization: string;
  /** of the certificate that is ordered */
  readonly keyType: KeyType;
}

/** Answers one kind of challenge. */
export interface ChallengeSolver {
  readonly type: ChallengeType;
  /**
   * Puts the answer where the CA will look for it, and waits until it can be seen there.
   * @returns takes the answer away again
   * @throws LinkgateError when it cannot be put there: another kind of challenge is then tried
   */
  present(challenge: OpenChallenge, signal: AbortSignal): Promise<() => Promise<void>>;
}

/** base64url (RFC 8555 §8.3), with a ceiling so that a path from outside never makes a long key. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/** Whether a token, from a CA or from a request, can stand in a storage key. */
export const isToken = (token: string): boolean => TOKEN.test(token);

const hostKey = (host: string): string => `challenges/http-01/${host}`;
const challengeKey = (host: string, token: string): string => `${hostKey(host)}/${token}`;

export interface ChallengeAnswers {
  /**
   * Puts an answer there, and takes away what a process that was killed left for the same host: the caller holds the
   * lock of the name, so nobody else's is open. @throws LinkgateError `ERR_STORAGE_UNAVAILABLE`
   */
  present(host: string, token: string, keyAuthorization: string): Promise<void>;
  /** quiet when there is none; @throws LinkgateError `ERR_STORAGE_UNAVAILABLE` */
  remove(host: string, token: string): Promise<void>;
}

/** The ordering side. */
export const createChallengeAnswers = ({ storage }: { readonly storage: Storage }): ChallengeAnswers => ({
  present: async (host, token, keyAuthorization) => {
    for (const key of await storage.list(hostKey(host))) await storage.remove(key);
    await storage.write(challengeKey(host, token), keyAuthorization);
  },
  remove: (host, token) => storage.remove(challengeKey(host, token)),
});

/** HTTP-01 (RFC 8555 §8.3). */
export const createHttpSolver = (options: { readonly storage: Storage }): ChallengeSolver => {
  const answers = createChallengeAnswers(options);
  return {
    type: 'http-01',
    present: async ({ name, token, keyAuthorization }) => {
      await answers.present(name, token, keyAuthorization);
      return () => answers.remove(name, token);
    },
  };
};

export interface AnswerChallengeOptions {
  readonly storage: Storage;
  readonly emit: Emit;
  readonly clock: Pick<Clock, 'now'>;
  /** of the account that orders; absent where no challenge is answered without its stored answer */
  readonly thumbprint?: () => Promise<string | undefined>;
}

/** below that a token does not have the 128 bits of a CA's (RFC 8555 §8.1) */
const SHORTEST_TOKEN = 22;
/** how long a thumbprint that was read, or was not there, is believed */
const THUMBPRINT_MS = 10_000;

/** Looks at once: each is some file calls on the few threads that also read certificates and look up names. */
const LOOKS = 16;

/**
 * Which tokens are open for a host. Whoever asks is told by a look that began after the question, and all who ask during
 * one share the next: any number of tokens, asked for by anybody, costs one look at a time. Only what is open is then read.
 */
const createOpenTokens = (storage: Pick<Storage, 'list'>): ((host: string) => Promise<readonly string[]>) => {
  interface Preflight {
    readonly keys: Promise<readonly string[]>;
    next: Promise<readonly string[]> | undefined;
  }
  const looks = new Map<string, Preflight>();
  /** hosts wait in turn, each at most once */
  const waiting: (() => void)[] = [];
  let free = LOOKS;
  const list = async (host: string): Promise<readonly string[]> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await storage.list(hostKey(host));
    } finally {
      const go = waiting.shift();
      if (go === undefined) free += 1;
      else go();
    }
  };
  const begin = (host: string): Promise<readonly string[]> => {
    const look: Preflight = { keys: list(host), next: undefined };
    looks.set(host, look);
    const forget = (): void => {
      if (look.next === undefined) looks.delete(host);
    };
    look.keys.then(forget, forget);
    return look.keys;
  };
  return (host) => {
    const look = looks.get(host);
    if (look === undefined) return begin(host);
    const again = (): Promise<readonly string[]> => begin(host);
    look.next ??= look.keys.then(again, again);
    return look.next;
  };
};

/**
 * The answering side, port 2: the stored answer, else (`thumbprint`) the one that the known account would give to that
 * token, for a machine that does not see yet what another one has stored. Never throws: a storage that fails is told as an event, and the request is then treated
 * as one for which no challenge is open.
 */
export const createAnswerChallenge = ({
  storage,
  emit,
  thumbprint,
  clock,
}: AnswerChallengeOptions): AnswerChallenge => {
  const openTokens = createOpenTokens(storage);
  let known: { readonly value: string | undefined; readonly atMs: number } | undefined;
  const stateless = async (token: string): Promise<string | undefined> => {
    if (thumbprint === undefined || token.length < SHORTEST_TOKEN) return undefined;
    const nowMs = clock.now();
    if (known === undefined || Math.abs(nowMs - known.atMs) >= THUMBPRINT_MS) {
      known = { value: await thumbprint(), atMs: nowMs };
    }
    return known.value === undefined ? undefined : `${token}.${known.value}`;
  };
  return async (host, token) => {
    const name = normalizeName(host);
    if (!isToken(token) || !isDomainName(name)) return undefined;
    try {
      const key = challengeKey(name, token);
      const stored = (await openTokens(name)).includes(key) ? await storage.read(key) : undefined;
      return stored === undefined ? await stateless(token) : stored.toString('utf8');
    } catch (error) {
      reportStorageFailure(emit, error);
      return undefined;
    }
  };
};
