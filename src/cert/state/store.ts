// Certificates in the storage: one value a name, with where it came from, key and chain together, so that they are never
// torn apart, and the last ones before it. Beside it, how the attempts for a name went, so that a restart does not hammer a CA.

import { X509Certificate } from 'node:crypto';
import type { CertificateSource, LastProblem } from '../../core/certificate-state.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { ChallengeType } from '../../core/settings.ts';
import { readWhereReadable, type Storage } from '../../core/storage.ts';
import {
  checkCertificate,
  checkToServe,
  splitChain,
  type CertificateFacts,
  type KeyAndChain,
} from '../certificate/certificate.ts';
import { leafFacts } from '../certificate/leaf-facts.ts';
import { nameKey, nameOfKey } from './name-key.ts';

/** Where a certificate came from. */
export interface Origin {
  readonly source: CertificateSource;
  /** the issuer's name in the settings */
  readonly issuer: string;
  /** ACME directory URL */
  readonly directory?: string;
}

/** What is known of a name's certificate without its key. */
export interface KnownCertificate extends Origin, CertificateFacts {
  readonly domain: string;
}

export interface StoredCertificate extends KnownCertificate, KeyAndChain {}

/** The CA's wish for one certificate (RFC 9773 §4.2), as it was told last. */
export interface RenewalWindow {
  /** the certificate it is for: a wish for another one counts for nothing */
  readonly fingerprint: string;
  /** both 0 when the CA has no wish */
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** when the CA wants to be asked again */
  readonly askAgainMs: number;
  readonly explanationUrl?: string;
}

/** How the attempts to get a certificate went. */
export interface IssuanceState {
  /** failures in a row */
  readonly failures: number;
  /** no attempt before this time */
  readonly nextAttemptMs: number;
  /** when the last certificate was issued; 0 for never */
  readonly lastIssuedMs: number;
  /** when the last one was issued that was no early order (cert/renewal/plan.ts); absent where that is `lastIssuedMs` */
  readonly regularIssuedMs?: number;
  /** when the one before that was */
  readonly issuedBeforeMs?: number;
  /** when the certificates of the last early orders were issued, oldest first */
  readonly earlyIssuedMs?: readonly number[];
  /** the kind of challenge that proved the name last */
  readonly challenge?: ChallengeType;
  /** what the CA wishes for the certificate that is stored */
  readonly renewal?: RenewalWindow;
  readonly lastProblem: LastProblem | null;
}

export interface CertificateStore {
  /** @throws LinkgateError `ERR_CERT_INVALID` for a value that cannot be served, `ERR_STORAGE_UNREADABLE`, `ERR_STORAGE_UNAVAILABLE` */
  read(name: string): Promise<StoredCertificate | undefined>;
  /** As `read`, for one that `createSecureContext` is given next: what that checks itself is left to it. */
  readToServe(name: string): Promise<StoredCertificate | undefined>;
  /**
   * What `read` says, without a check of key, chain and name: a twentieth of the work, for plans of very many names.
   * @throws as `read`, as far as it is seen at a glance
   */
  glance(name: string): Promise<KnownCertificate | undefined>;
  /**
   * Replaces the certificate of a name, once the new one has been checked.
   * @throws LinkgateError `ERR_CERT_INVALID`, `ERR_STORAGE_UNAVAILABLE`; the old one is then still there
   */
  write(name: string, certificate: KeyAndChain & Origin): Promise<StoredCertificate>;
  /** every name with a certificate, sorted */
  list(): Promise<readonly string[]>;
  /** serials of the certificates kept for a look back */
  versions(name: string): Promise<readonly string[]>;
  /** Takes the certificate of a name away, into the archive. Quiet when there is none. */
  archive(name: string): Promise<void>;
  /** the names with a state, as far as their keys tell: those with the longest are not among them */
  listStates(): Promise<ReadonlySet<string>>;
  /** undefined when nothing was tried, or when the state cannot be read or understood: the next one replaces it */
  readState(name: string): Promise<IssuanceState | undefined>;
  writeState(name: string, state: IssuanceState): Promise<void>;
}

const KEY_BLOCK = /-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]*-----END PRIVATE KEY-----/;
const SOURCES: readonly string[] = ['acme', 'local', 'import'] satisfies readonly CertificateSource[];

type Fields = Readonly<Record<string, unknown>>;

const asFields = (text: string): Fields | undefined => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
};

/** The first line: explanatory text before the PEM, which RFC 7468 §2 allows and every reader skips. */
const originLine = ({ source, issuer, directory }: Origin, domain: string | undefined): string =>
  `linkgate: ${JSON.stringify({ version: 1, source, issuer, directory, domain })}\n`;

const originFields = (text: string): Fields | undefined =>
  asFields(/^linkgate: (\{.*\})$/m.exec(text.slice(0, 4096))?.[1] ?? '');

const parseOrigin = (text: string): Origin | undefined => {
  const { version, source, issuer, directory } = originFields(text) ?? {};
  if (
    version !== 1 ||
    typeof source !== 'string' ||
    !SOURCES.includes(source) ||
    typeof issuer !== 'string'
  ) {
    return undefined;
  }
  return {
    source: source as CertificateSource,
    issuer,
    ...(typeof directory === 'string' ? { directory } : {}),
  };
};

const CHALLENGES: readonly unknown[] = [
  'http-01',
  'tls-alpn-01',
  'dns-01',
] satisfies readonly ChallengeType[];
const isChallenge = (value: unknown): value is ChallengeType => CHALLENGES.includes(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
const isCounts = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(isCount);

const parseState = (text: string): IssuanceState | undefined => {
  const fields = asFields(text) ?? {};
  const { version, failures, nextAttemptMs, lastIssuedMs, challenge, lastProblem, renewal } = fields;
  const { regularIssuedMs, issuedBeforeMs, earlyIssuedMs } = fields;
  if (version !== 1 || !isCount(failures) || !isCount(nextAttemptMs) || !isCount(lastIssuedMs)) {
    return undefined;
  }
  const window = parseWindow(renewal);
  return {
    failures,
    nextAttemptMs,
    lastIssuedMs,
    ...(isCount(regularIssuedMs) ? { regularIssuedMs } : {}),
    ...(isCount(issuedBeforeMs) ? { issuedBeforeMs } : {}),
    ...(isCounts(earlyIssuedMs) ? { earlyIssuedMs } : {}),
    ...(isChallenge(challenge) ? { challenge } : {}),
    ...(window === undefined ? {} : { renewal: window }),
    lastProblem: parseProblem(lastProblem),
  };
};

const parseWindow = (value: unknown): RenewalWindow | undefined => {
  const { fingerprint, windowStartMs, windowEndMs, askAgainMs, explanationUrl } = (value ?? {}) as Fields;
  return typeof fingerprint === 'string' &&
    isCount(windowStartMs) &&
    isCount(windowEndMs) &&
    isCount(askAgainMs)
    ? {
        fingerprint,
        windowStartMs,
        windowEndMs,
        askAgainMs,
        ...(typeof explanationUrl === 'string' ? { explanationUrl } : {}),
      }
    : undefined;
};

const parseProblem = (value: unknown): LastProblem | null => {
  if (typeof value !== 'object' || value === null) return null;
  const fields = value as Fields;
  const text = (key: string): string => (typeof fields[key] === 'string' ? fields[key] : '');
  return {
    at: text('at'),
    issuer: text('issuer'),
    type: text('type'),
    detail: text('detail'),
    remedy: text('remedy'),
  };
};

const PEM = '.pem';
/** how many certificates before the present one are kept */
const VERSIONS = 3;

const certificateKey = (name: string): string => `certificates/${nameKey(name, PEM)}`;
const STATE = '.json';
const stateKey = (name: string): string => `state/${nameKey(name, STATE)}`;
const archiveFolder = (name: string): string => `archive/${name}`;
const archiveKey = (name: string, serial: string): string => `${archiveFolder(name)}/${serial}${PEM}`;

/** The leaf of a stored text, whatever else is wrong with it; undefined when it has none. */
const leafOf = (text: string): X509Certificate | undefined => {
  try {
    return new X509Certificate(splitChain(text)[0] ?? '');
  } catch {
    return undefined;
  }
};

export const createCertificateStore = ({ storage }: { readonly storage: Storage }): CertificateStore => {
  const readText = async (key: string): Promise<string | undefined> =>
    (await storage.read(key))?.toString('utf8');

  /** The oldest beyond those that are kept go. */
  const prune = async (name: string): Promise<void> => {
    const versions: { readonly key: string; readonly fromMs: number }[] = [];
    for (const key of await storage.list(archiveFolder(name))) {
      const leaf = leafOf((await readText(key)) ?? '');
      versions.push({ key, fromMs: leaf === undefined ? 0 : Date.parse(leaf.validFrom) });
    }
    const oldest = versions.toSorted((a, b) => b.fromMs - a.fromMs).slice(VERSIONS);
    for (const { key } of oldest) await storage.remove(key);
  };

  /** Keeps a copy of the certificate a name has now, unless it is the one with `serial`. */
  const keepCopy = async (name: string, serial?: string): Promise<void> => {
    const text = await readText(certificateKey(name));
    const old = leafOf(text ?? '')?.serialNumber.toLowerCase();
    if (text === undefined || old === undefined || old === serial) return;
    await storage.write(archiveKey(name, old), text);
    await prune(name);
  };

  const broken = (name: string, what: string): LinkgateError =>
    new LinkgateError('ERR_CERT_INVALID', `certificate for "${name}" ${what}`, { details: { domain: name } });

  const originOf = (name: string, text: string): Origin => {
    const origin = parseOrigin(text);
    if (origin === undefined) throw broken(name, 'does not say where it came from in its first line');
    return origin;
  };

  const readWith = async (
    check: typeof checkCertificate,
    name: string,
  ): Promise<StoredCertificate | undefined> => {
    const text = await readText(certificateKey(name));
    if (text === undefined) return undefined;
    const origin = originOf(name, text);
    const keyPem = KEY_BLOCK.exec(text)?.[0];
    if (keyPem === undefined) throw broken(name, 'has no private key');
    const keyAndChain = { keyPem: `${keyPem}\n`, chainPem: splitChain(text).join('') };
    return { domain: name, ...origin, ...keyAndChain, ...check(name, keyAndChain) };
  };

  return {
    read: (name) => readWith(checkCertificate, name),
    readToServe: (name) => readWith(checkToServe, name),

    glance: async (name) => {
      const text = await readText(certificateKey(name));
      if (text === undefined) return undefined;
      const facts = leafFacts(text);
      if (facts === undefined) throw broken(name, 'has a chain that cannot be read');
      return { domain: name, ...originOf(name, text), ...facts };
    },

    write: async (name, { keyPem, chainPem, source, issuer, directory }) => {
      const origin: Origin = { source, issuer, ...(directory === undefined ? {} : { directory }) };
      const keyAndChain = { keyPem: `${keyPem.trim()}\n`, chainPem: splitChain(chainPem).join('') };
      const facts = checkCertificate(name, keyAndChain);
      // A look back is worth less than the certificate: what cannot be kept does not stand in its way.
      await keepCopy(name, facts.serial).catch(() => {});
      const key = certificateKey(name);
      const isDigest = nameOfKey(key.slice(key.indexOf('/') + 1), PEM) === undefined;
      const line = originLine(origin, isDigest ? name : undefined);
      await storage.write(key, line + keyAndChain.keyPem + keyAndChain.chainPem);
      return { domain: name, ...origin, ...keyAndChain, ...facts };
    },

    list: async () => {
      const names: string[] = [];
      for (const key of await storage.list('certificates')) {
        const named = nameOfKey(key.slice(key.indexOf('/') + 1), PEM);
        const domain =
          named ?? originFields(String((await readWhereReadable(storage, key)) ?? ''))?.['domain'];
        if (typeof domain === 'string') names.push(domain);
      }
      return names.toSorted();
    },

    versions: async (name) =>
      (await storage.list(archiveFolder(name))).map((key) =>
        key.slice(archiveFolder(name).length + 1, -PEM.length),
      ),

    archive: async (name) => {
      await keepCopy(name);
      await storage.remove(certificateKey(name));
    },

    listStates: async () => {
      const names = new Set<string>();
      for (const key of await storage.list('state')) {
        const name = nameOfKey(key.slice(key.indexOf('/') + 1), STATE);
        if (name !== undefined) names.add(name);
      }
      return names;
    },

    readState: async (name) => parseState(String((await readWhereReadable(storage, stateKey(name))) ?? '')),

    writeState: async (name, state) => {
      await storage.write(stateKey(name), `${JSON.stringify({ version: 1, ...state })}\n`);
    },
  };
};
