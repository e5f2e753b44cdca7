// What our reader, and Node's own client, make of the bytes of a response: the same shape, to be compared.

import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { ResponseReader } from '../../src/serve/upstream/message/response-reader.ts';

export interface ReadResponse {
  readonly status: number;
  readonly interim: readonly number[];
  readonly fields: readonly string[];
  readonly content: string;
  readonly trailers: readonly string[];
  /** `open`: more was to come; `until end`: the end of the connection ends it; else the code of the error */
  readonly end: string;
  /** bytes that were left behind a whole response */
  readonly rest: number;
}

/** By our reader. */
export const readResponse = (method: string, pieces: readonly Buffer[]): ReadResponse => {
  let status = 0;
  let fields: readonly string[] = [];
  const interim: number[] = [];
  const content: Buffer[] = [];
  const reader = new ResponseReader(method, {
    onInterim: (head) => interim.push(head.status),
    onHead: (head) => ({ status, fields } = head),
    onContent: (piece) => content.push(Buffer.from(piece)),
  });
  const make = (end: string, rest = 0, trailers: readonly string[] = []): ReadResponse => {
    const text = Buffer.concat(content).toString('latin1');
    return { status, interim, fields, content: text, trailers, end, rest };
  };
  try {
    for (const [i, piece] of pieces.entries()) {
      const end = reader.read(piece);
      if (end < 0) continue;
      const behind = pieces.slice(i).reduce((sum, { length }) => sum + length, -end);
      return make('whole', behind, reader.trailers());
    }
    return make(reader.endsWithConnection() ? 'until end' : 'open');
  } catch (error) {
    return make(String((error as { code?: string }).code));
  }
};

/** By Node's client, on a connection that ends behind the bytes; `end` is `whole` or `failed`. */
export const readResponseByNode = (method: string, pieces: readonly Buffer[]): Promise<ReadResponse> =>
  new Promise((resolve) => {
    const interim: number[] = [];
    let isAsked = false;
    const connection = new Duplex({
      read: () => undefined,
      write: (_chunk, _encoding, done) => {
        done();
        if (isAsked) return;
        isAsked = true;
        for (const piece of pieces) connection.push(piece);
        connection.push(null);
      },
    });
    const nothing = { status: 0, interim, fields: [], content: '', trailers: [], rest: 0 };
    const asked = request({
      method,
      createConnection: () => connection as never,
      // otherwise Node leaves out what comes behind them, and frames by it
      maxHeaderSize: 1024 ** 2,
    });
    asked.maxHeadersCount = 0;
    asked.on('information', ({ statusCode }: { statusCode: number }) => interim.push(statusCode));
    asked.on('upgrade', (_response, socket) => {
      socket.destroy();
      resolve({ ...nothing, end: 'failed' });
    });
    asked.on('error', () => resolve({ ...nothing, end: 'failed' }));
    asked.on('response', (response) => {
      const content: Buffer[] = [];
      response.on('data', (chunk: Buffer) => content.push(chunk));
      response.on('error', () => undefined);
      response.on('close', () =>
        resolve({
          status: response.statusCode ?? 0,
          interim,
          fields: response.rawHeaders,
          content: Buffer.concat(content).toString('latin1'),
          trailers: response.rawTrailers,
          end: response.complete ? 'whole' : 'failed',
          rest: 0,
        }),
      );
    });
    asked.end();
  });
