// A small ACME server that does what a test tells it, for the faults no real CA shows on demand. Without a script it
// plays RFC 8555 up to the certificate, validates nothing, and hands out the chain it was given.

import { writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { createLocalIssuer } from '../../src/cert/local-ca/local-ca.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { tempDir } from './temp-dir.ts';

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** an object is sent as JSON */
  readonly body?: object | string;
}

/** `hang` never answers, `reset` breaks the connection off. */
export type Scripted = Answer | 'hang' | 'reset';

export interface ScriptedCa {
  readonly directory: string;
  readonly caFile: string;
  /** what was asked, in order: `POST /order` */
  readonly requests: string[];
  /** answers of a path instead of the usual one; undefined plays on as usual */
  readonly script: Map<string, (times: number) => Scripted | undefined>;
  /** what the usual /certificate hands out */
  chainPem: string;
  /** how many are open */
  connections(): Promise<number>;
  /** stops listening and breaks all connections */
  close(): void;
}

/** A problem document (RFC 7807). */
export const problem = (
  status: number,
  type: string,
  extra: Readonly<Record<string, unknown>> = {},
): Answer => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  body: { type: `urn:ietf:params:acme:error:${type}`, detail: `detail of ${type}`, ...extra },
});

const forever = new AbortController().signal;

export const scriptedCa = async (t: Test): Promise<ScriptedCa> => {
  const issuer = createLocalIssuer({
    storage: createMemoryStorage(),
    keyType: 'ecdsa-p256',
    clock: systemClock,
  });
  const { keyPem, chainPem } = await issuer.obtain('localhost', forever);
  const caFile = join(tempDir(t), 'ca.pem');
  writeFileSync(caFile, await issuer.rootPem(forever));

  let origin = '';
  let nonces = 0;
  let isValidated = false;
  let isFinalized = false;
  const script: ScriptedCa['script'] = new Map();
  const requests: string[] = [];
  const timesAsked = new Map<string, number>();

  const order = (): object => ({
    status: isFinalized ? 'valid' : isValidated ? 'ready' : 'pending',
    identifiers: [{ type: 'dns', value: 'links.example.com' }],
    authorizations: [`${origin}/authorization`],
    finalize: `${origin}/finalize`,
    ...(isFinalized ? { certificate: `${origin}/certificate` } : {}),
  });

  const usual = (path: string): Answer => {
    switch (path) {
      case '/directory':
        return {
          body: {
            newNonce: `${origin}/nonce`,
            newAccount: `${origin}/account`,
            newOrder: `${origin}/order`,
          },
        };
      case '/nonce':
        return {};
      case '/account':
        return { status: 201, headers: { location: `${origin}/account/1` }, body: { status: 'valid' } };
      case '/order':
        isValidated = isFinalized = false;
        return { status: 201, headers: { location: `${origin}/order/1` }, body: order() };
      case '/order/1':
        return { body: order() };
      case '/authorization':
        return {
          body: {
            status: isValidated ? 'valid' : 'pending',
            identifier: { type: 'dns', value: 'links.example.com' },
            challenges: [
              { type: 'dns-01', url: `${origin}/dns`, token: 'other', status: 'pending' },
              { type: 'http-01', url: `${origin}/challenge`, token: 'token_-1', status: 'pending' },
            ],
          },
        };
      case '/challenge':
        isValidated = true;
        return { body: { type: 'http-01', url: `${origin}/challenge`, token: 'token_-1', status: 'valid' } };
      case '/finalize':
        isFinalized = true;
        return { body: order() };
      case '/certificate':
        return { headers: { 'content-type': 'application/pem-certificate-chain' }, body: ca.chainPem };
      default:
        return { status: 404, body: 'no such thing' };
    }
  };

  const server = https.createServer({ key: keyPem, cert: chainPem }, (request, response) => {
    const path = request.url ?? '';
    requests.push(`${request.method} ${path}`);
    const times = (timesAsked.get(path) ?? 0) + 1;
    timesAsked.set(path, times);
    request.resume().once('end', () => {
      const scripted = script.get(path)?.(times);
      if (scripted === 'hang') return;
      if (scripted === 'reset') return void request.socket.destroy();
      const { status = 200, headers = {}, body = '' } = scripted ?? usual(path);
      nonces += 1;
      response.writeHead(status, {
        'replay-nonce': `nonce-${nonces}`,
        ...(typeof body === 'object' ? { 'content-type': 'application/json' } : {}),
        ...headers,
      });
      response.end(typeof body === 'object' ? JSON.stringify(body) : body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  t.teardown(close);
  origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const ca: ScriptedCa = {
    directory: `${origin}/directory`,
    caFile,
    requests,
    script,
    chainPem: '',
    connections: () => promisify(server.getConnections.bind(server))(),
    close,
  };
  return ca;
};
