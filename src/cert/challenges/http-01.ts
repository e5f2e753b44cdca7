// HTTP-01 answers. The supervisor that orders writes them to the storage; the worker that the CA reaches on port 80, on any machine,
// reads them (port 2). Does not know who orders and who listens. ChallengeSolver is the contract of all kinds of challenge.

import type { Clock } from '../../core/platform/clock.ts';
import { isDomainName, normalizeName } from '../../core/domain-name.ts';
import type { AnswerChallenge } from '../../core/ports.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import type { ChallengeType, KeyType } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';

/** A challenge of the CA (RFC 8555 §8). */
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
   * Puts the answer where the CA asks for it, and waits until it can be seen there.
   * @returns a function that removes the answer
   * @throws LinkgateError when the answer cannot be put there: then another kind of challenge is tried
   */
  present(challenge: OpenChallenge, signal: AbortSignal): Promise<() => Promise<void>>;
}

/** base64url (RFC 8555 §8.3), with a limit: the token of a request becomes part of a storage key. */
const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;

/** Whether a token of a CA or of a request may be part of a storage key. */
export const isToken = (token: string): boolean => TOKEN.test(token);

const hostKey = (host: string): string => `challenges/http-01/${host}`;
const challengeKey = (host: string, token: string): string => `${hostKey(host)}/${token}`;

export interface ChallengeAnswers {
  /**
   * Stores an answer, and removes older ones for the host, which a killed process left: the caller holds the lock of the name, so no
   * other order is open. @throws LinkgateError `ERR_STORAGE_UNAVAILABLE`
   */
  present(host: string, token: string, keyAuthorization: string): Promise<void>;
  /** does nothing when there is none; @throws LinkgateError `ERR_STORAGE_UNAVAILABLE` */
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
  /** of the account that orders; absent where only stored answers are given */
  readonly thumbprint?: () => Promise<string | undefined>;
}

/** characters; a shorter token has less than the 128 bits that a CA must use (RFC 8555 §8.1) */
const SHORTEST_TOKEN = 22;
/** how long the thumbprint is used before it is read again, also when there was none */
const THUMBPRINT_MS = 10_000;

/** listings at the same time: each is some file calls on the few threads that also read certificates and resolve names */
const MOST_LISTINGS = 16;

interface Listing {
  readonly keys: Promise<readonly string[]>;
  next: Promise<readonly string[]> | undefined;
}

/**
 * Which tokens are open for a host. A question gets a listing that began after it, and all questions during one listing share the next:
 * requests for any number of tokens cost one listing at a time. Only open tokens are then read.
 */
class OpenTokens {
  readonly #storage: Pick<Storage, 'list'>;
  readonly #listings = new Map<string, Listing>();
  /** hosts in their order, each at most once */
  readonly #waiting: (() => void)[] = [];
  #free = MOST_LISTINGS;

  constructor(storage: Pick<Storage, 'list'>) {
    this.#storage = storage;
  }

  of(host: string): Promise<readonly string[]> {
    const listing = this.#listings.get(host);
    if (listing === undefined) return this.#begin(host);
    const begin = (): Promise<readonly string[]> => this.#begin(host);
    listing.next ??= listing.keys.then(begin, begin);
    return listing.next;
  }

  #begin(host: string): Promise<readonly string[]> {
    const listing: Listing = { keys: this.#list(host), next: undefined };
    this.#listings.set(host, listing);
    const forget = (): void => {
      if (listing.next === undefined) this.#listings.delete(host);
    };
    listing.keys.then(forget, forget);
    return listing.keys;
  }

  async #list(host: string): Promise<readonly string[]> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await this.#storage.list(hostKey(host));
    } finally {
      const go = this.#waiting.shift();
      if (go === undefined) this.#free += 1;
      else go();
    }
  }
}

/**
 * The answering side, port 2.
 * 1. The stored answer. 2. With `thumbprint`, the answer of the known account for that token: what another machine has stored may not be
 * visible here yet. 3. Else undefined. Never throws: a storage failure is an event, and the response is that of an unknown token.
 */
export const createAnswerChallenge = ({
  storage,
  emit,
  thumbprint,
  clock,
}: AnswerChallengeOptions): AnswerChallenge => {
  const openTokens = new OpenTokens(storage);
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
      const stored = (await openTokens.of(name)).includes(key) ? await storage.read(key) : undefined;
      return stored === undefined ? await stateless(token) : stored.toString('utf8');
    } catch (error) {
      reportStorageFailure(emit, error);
      return undefined;
    }
  };
};
