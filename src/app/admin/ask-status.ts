// What a running proxy says of itself, asked over its admin port by another process of the same machine: how its names stand
// (/api/status) and what they served since it started (/metrics). Reads only, and touches no storage.

import type { Status } from '../../admin/status.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { AdminSettings, ListenAddress } from '../../core/settings.ts';
import { createAdminGet, type AdminGet } from './admin-request.ts';

/** Of one name since the proxy started. */
export interface Traffic {
  /** requests answered, by kind of link */
  readonly kinds: Readonly<Record<string, number>>;
  /** answers of the class 5xx */
  readonly errors: number;
}

export interface RunningStatus extends Status {
  /** names the metrics have no row of their own for (the ceiling of `domain` labels) are absent */
  readonly traffic: ReadonlyMap<string, Traffic>;
}

/** longer than the proxy itself waits for what it is asked */
const RESPONSE_LIMIT_MS = 12_000;
/** above the metrics and the status of any number of names that one machine serves */
const LARGEST_RESPONSE_BYTES = 64 * 1024 * 1024;

const where = ({ host, port }: ListenAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

interface Asked {
  readonly get: AdminGet;
  readonly address: ListenAddress;
}

const TOKEN_REFUSED =
  'refused the token: it runs with another admin.tokenFile (SIGHUP makes it read its configuration again)';

const read = async ({ get, address }: Asked, path: string, signal: AbortSignal): Promise<string> => {
  const failed = (what: string, cause?: unknown): LinkgateError =>
    new LinkgateError('ERR_ADMIN_UNREACHABLE', `proxy at "${where(address)}" ${what}`, { cause });
  const ask = (limit: AbortSignal): Promise<string> =>
    new Promise((resolve, reject) => {
      const request = get(path, limit, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > LARGEST_RESPONSE_BYTES) request.destroy(new Error('response is too large'));
          chunks.push(chunk);
        });
        response.on('end', () => {
          const { statusCode } = response;
          if (statusCode === 200) resolve(Buffer.concat(chunks).toString('utf8'));
          else if (statusCode === 401 || statusCode === 429) reject(failed(TOKEN_REFUSED));
          else reject(failed(`answered ${path} with ${statusCode}: is it linkgate?`));
        });
        response.on('error', (error) => reject(failed('broke off its response', error)));
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        const late = limit.aborted && !signal.aborted;
        reject(failed(`does not answer: ${late ? 'timeout' : (error.code ?? error.message)}`, error));
      });
    });
  const late = (): Error => new Error('timeout');
  return withDeadline({ clock: systemClock, limitMs: RESPONSE_LIMIT_MS, signal, late }, ask);
};

const CLICKS = /^linkgate_clicks_total\{([^}]*)\} (\d+)/gm;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** The counts per name in the text of /metrics. */
export const trafficOf = (metrics: string): ReadonlyMap<string, Traffic> => {
  const found = new Map<string, { kinds: Record<string, number>; errors: number }>();
  for (const [, labels = '', value] of metrics.matchAll(CLICKS)) {
    const { domain, kind, code } = Object.fromEntries(
      [...labels.matchAll(LABEL)].map(([, name, text]) => [name, text]),
    ) as Readonly<Record<string, string | undefined>>;
    if (domain === undefined || kind === undefined || domain === '_other') continue;
    const traffic = found.get(domain) ?? { kinds: {}, errors: 0 };
    traffic.kinds[kind] = (traffic.kinds[kind] ?? 0) + Number(value);
    if (code === '5xx') traffic.errors += Number(value);
    found.set(domain, traffic);
  }
  return found;
};

const parsed = (text: string, address: ListenAddress): Status => {
  try {
    const status = JSON.parse(text) as Partial<Status> | null;
    if (Array.isArray(status?.domains) && Array.isArray(status.workers)) {
      const { domains, ...rest } = status as Status;
      // a proxy older than this command does not tell them
      return { ...rest, domains: domains.map((row) => ({ ...row, days: row.days ?? [] })) };
    }
  } catch {
    // below
  }
  throw new LinkgateError(
    'ERR_ADMIN_UNREACHABLE',
    `proxy at "${where(address)}" sent no status: is it linkgate?`,
  );
};

/**
 * @param address - `listen.admin` of its configuration
 * @param admin - `admin` of its configuration
 * @throws LinkgateError `ERR_ADMIN_UNREACHABLE` when nothing answers there in time, or something that is no linkgate
 */
export const askStatus = async (
  address: ListenAddress,
  signal: AbortSignal,
  admin?: AdminSettings,
): Promise<RunningStatus> => {
  const asked = { get: await createAdminGet(address, admin), address };
  const [status, metrics] = await Promise.all([
    read(asked, '/api/status', signal),
    read(asked, '/metrics', signal),
  ]);
  return { ...parsed(status, address), traffic: trafficOf(metrics) };
};
