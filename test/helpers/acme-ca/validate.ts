// The validating side of the test CA: asks the name over the wire, as RFC 8555 §8 and RFC 8737 say, but always at
// 127.0.0.1 and the ports it was told.

import { createHash, X509Certificate } from 'node:crypto';
import { Resolver } from 'node:dns/promises';
import { get } from 'node:http';
import { connect } from 'node:tls';
import * as der from './der.ts';

export interface ValidationTargets {
  readonly httpPort?: number;
  readonly tlsPort?: number;
  /** the one version offered (both) */
  readonly tlsVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** `127.0.0.1:53` */
  readonly dnsServer?: string;
}

export interface Challenge {
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

const LIMIT_MS = 5_000;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

const byHttp = (port: number, { name, token, keyAuthorization }: Challenge): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = get(
      {
        host: '127.0.0.1',
        port,
        path: `/.well-known/acme-challenge/${token}`,
        headers: { host: name },
        agent: false,
        signal: AbortSignal.timeout(LIMIT_MS),
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () =>
          response.statusCode === 200 && body.trimEnd() === keyAuthorization
            ? resolve()
            : reject(new Error(`http-01 answered ${response.statusCode ?? 0}: ${body.slice(0, 80)}`)),
        );
      },
    );
    request.once('error', reject);
  });

const ACME_IDENTIFIER = '1.3.6.1.5.5.7.1.31';

/** What is wrong with a challenge certificate (RFC 8737 §3), undefined when nothing is. */
export const challengeCertificateFault = (
  raw: Buffer,
  { name, keyAuthorization }: Pick<Challenge, 'name' | 'keyAuthorization'>,
): string | undefined => {
  const certificate = new X509Certificate(raw);
  if (certificate.subjectAltName !== `DNS:${name}`) return `is for ${certificate.subjectAltName ?? 'none'}`;
  if (!certificate.verify(certificate.publicKey)) return 'is not self-signed';
  const fields = der.elements(der.child(der.child({ content: raw }, 0), 0).content);
  const extensions = fields.find(({ tag }) => tag === 0xa3);
  const all = extensions === undefined ? [] : der.elements(der.child(extensions, 0).content);
  const found = all.filter((one) => der.child(one, 0).raw.equals(der.oid(ACME_IDENTIFIER)));
  const [wanted] = found;
  if (wanted === undefined || found.length > 1) return `has ${found.length} acmeIdentifier extensions`;
  if (!der.child(wanted, 1).raw.equals(der.boolean(true)))
    return 'has an acmeIdentifier that is not critical';
  const expected = der.octets(sha256(keyAuthorization));
  return der.child(wanted, 2).content.equals(expected) ? undefined : 'has the digest of something else';
};

/** `secure`: the handshake is done and the chain not yet judged. Node tells it to itself; no documented event is as early. */
const byTls = (port: number, challenge: Challenge, version: ValidationTargets['tlsVersion']): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: challenge.name,
      ALPNProtocols: ['acme-tls/1'],
      ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
      timeout: LIMIT_MS,
    });
    let fault: string | undefined = 'was not shown';
    socket.prependListener('secure', () => {
      fault =
        socket.alpnProtocol === 'acme-tls/1'
          ? challengeCertificateFault(socket.getPeerCertificate().raw, challenge)
          : 'came without ALPN acme-tls/1';
    });
    socket.once('timeout', () => socket.destroy(new Error('tls-alpn-01 took too long')));
    socket.once('secureConnect', () => socket.destroy(new Error('a challenge certificate has no chain')));
    // A challenge certificate is self-signed (RFC 8737 §3), so the connection always ends here, refused; what the
    // certificate has to prove was read from it before.
    socket.once('error', (error) => {
      if (fault === undefined) resolve();
      else reject(fault === 'was not shown' ? error : new Error(`tls-alpn-01 certificate ${fault}`));
    });
  });

const byDns = async (server: string, { name, keyAuthorization }: Challenge): Promise<void> => {
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([server]);
  // An authoritative server leaves aliases into other zones to the resolver that asks.
  let at = `_acme-challenge.${name}`;
  for (let next: string | undefined = at; next !== undefined;) {
    at = next;
    next = (await resolver.resolveCname(at).catch(() => []))[0];
  }
  const found = (await resolver.resolveTxt(at)).map((chunks) => chunks.join(''));
  if (!found.includes(sha256(keyAuthorization).toString('base64url'))) {
    throw new Error(`dns-01 found ${found.length} other records`);
  }
};

/** Rejects when the name does not prove itself. */
export const validate = async (
  type: string,
  challenge: Challenge,
  { httpPort, tlsPort, tlsVersion, dnsServer }: ValidationTargets,
): Promise<void> => {
  if (type === 'http-01' && httpPort !== undefined) return byHttp(httpPort, challenge);
  if (type === 'tls-alpn-01' && tlsPort !== undefined) return byTls(tlsPort, challenge, tlsVersion);
  if (type === 'dns-01' && dnsServer !== undefined) return byDns(dnsServer, challenge);
  throw new Error(`${type} cannot be asked here`);
};
