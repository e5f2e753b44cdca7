// One request to one address, as a stranger makes it, and what was seen: whether it connected, the certificate and what is wrong with
// it, the response. Must not follow a redirect, and must not ask for the path of a click.

import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { systemClock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { packageVersion } from '../../core/platform/version.ts';

export interface SeenCertificate {
  /** lower-case hex */
  readonly serial: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface SeenResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** its first 256 KiB */
  readonly body: string;
}

export interface Probe {
  readonly address: string;
  readonly connected: boolean;
  readonly certificate?: SeenCertificate;
  /** why the certificate is not good for the name, as OpenSSL and Node call it; nothing is then asked */
  readonly distrust?: string;
  readonly response?: SeenResponse;
  /** why there is no response, where there is none */
  readonly failure?: string;
}

export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
  /** Host field, and over TLS the name asked for */
  readonly name: string;
  /** name sent and verified where it is not `name` */
  readonly serverName?: string;
  readonly path?: string;
}

export interface ProbeUse {
  /** PEM of the roots that are trusted */
  readonly roots: readonly string[];
  readonly signal: AbortSignal;
  /** of a probe as a whole */
  readonly limitMs?: number;
}

const LARGEST_BODY_BYTES = 256 * 1024;
const PROBE_LIMIT_MS = 8_000;
/** no click, no open, no unsubscribe: the proxy forwards it, and any response of the tracker will do */
const HARMLESS_PATH = '/';

const certificateOf = (socket: TLSSocket): SeenCertificate | undefined => {
  const leaf = socket.getPeerCertificate();
  if (leaf.serialNumber === undefined) return undefined;
  return {
    serial: leaf.serialNumber.toLowerCase(),
    issuer: [leaf.issuer.O, leaf.issuer.CN].flat().filter(Boolean).join(' '),
    names: (leaf.subjectaltname ?? '').split(', ').map((entry) => entry.replace(/^(DNS|IP Address):/, '')),
    notBeforeMs: Date.parse(leaf.valid_from),
    notAfterMs: Date.parse(leaf.valid_to),
  };
};

const once = (socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed')));
    signal.addEventListener('abort', () => socket.destroy(new Error('timeout')), { once: true });
  });

const readResponse = async (response: IncomingMessage): Promise<SeenResponse> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > LARGEST_BODY_BYTES) break;
  }
  const body = Buffer.concat(chunks).subarray(0, LARGEST_BODY_BYTES).toString('utf8');
  return { status: response.statusCode ?? 0, headers: response.headers, body };
};

const ask = (socket: Socket, { name, path = HARMLESS_PATH }: ProbeTarget): Promise<SeenResponse> =>
  new Promise((resolve, reject) => {
    const request = httpRequest({
      createConnection: () => socket,
      path,
      headers: { Host: name, 'User-Agent': `linkgate-doctor/${packageVersion()}`, Connection: 'close' },
    });
    request.once('response', (response) => void readResponse(response).then(resolve, reject));
    request.once('error', reject);
    request.end();
  });

const reasonOf = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
};

const probeUntil = async (target: ProbeTarget, use: ProbeUse, signal: AbortSignal): Promise<Probe> => {
  const { address, port, tls, name, serverName = name } = target;
  let seen: Probe = { address, connected: false };
  const plain = connect({ host: address, port });
  // `once` reports an error to its caller; an error that comes when nobody waits changes nothing
  plain.on('error', () => undefined);
  let socket: Socket = plain;
  try {
    signal.throwIfAborted();
    await once(plain, 'connect', signal);
    seen = { ...seen, connected: true };
    if (tls) {
      const secure = connectTls({
        socket: plain,
        servername: serverName,
        ca: [...use.roots],
        ALPNProtocols: ['http/1.1'],
      });
      secure.on('error', () => undefined);
      socket = secure;
      // The handshake is over and Node has not judged the certificate yet: the checks need a certificate that is not good, too.
      secure.prependOnceListener('secure', () => {
        const certificate = certificateOf(secure);
        if (certificate !== undefined) seen = { ...seen, certificate };
      });
      try {
        await once(secure, 'secureConnect', signal);
      } catch (error) {
        if (seen.certificate === undefined || signal.aborted) throw error;
        const distrust = reasonOf(error);
        return { ...seen, distrust, failure: distrust };
      }
    }
    return { ...seen, response: await ask(socket, target) };
  } catch (error) {
    if (use.signal.aborted) return { ...seen, failure: 'interrupted' };
    return { ...seen, failure: signal.aborted ? 'timeout' : reasonOf(error) };
  } finally {
    socket.destroy();
    plain.destroy();
  }
};

/** Never rejects. */
export const probe = (target: ProbeTarget, use: ProbeUse): Promise<Probe> => {
  const { limitMs = PROBE_LIMIT_MS, signal } = use;
  const limit = { clock: systemClock, limitMs, signal, late: () => new Error('timeout') };
  return withDeadline(limit, (signal) => probeUntil(target, use, signal));
};
