// What trackers behind Apache, CDNs and filters send, and what a client gets of it, over both versions of HTTP: a response that is
// odd but clear passes, and its connections stay good.

import t from 'tap';
import { ask, serve } from '../../helpers/serve.ts';
import { onRequestHead, scriptedTracker } from '../../helpers/tracker.ts';

interface Odd {
  readonly response: string;
  readonly status: number;
  /** the client's connection, and the tracker's, carry the next request */
  readonly stays: boolean;
  readonly location?: string;
  readonly body?: string;
}

const CASES: Readonly<Record<string, Odd>> = {
  '100, then 302': { response: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n', status: 302, location: '/y', stays: true },
  '304 with the length of another': { response: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 43\r\n\r\n', status: 304, stays: true },
  'gzip, chunked': { response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', status: 502, stays: false },
  'a control byte in another field': { response: 'HTTP/1.1 302 Found\r\nX-Filter: a\x01b\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n', status: 302, location: '/y', stays: true },
  'a line that is no field': { response: 'HTTP/1.1 302 Found\r\nset by filter\r\n: x\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n', status: 302, location: '/y', stays: true },
  'equal lengths': { response: 'HTTP/1.1 302 Found\r\nContent-Length: 2\r\nLocation: /y\r\nContent-Length: 2\r\n\r\nok', status: 302, location: '/y', body: 'ok', stays: true },
  'a folded field': { response: 'HTTP/1.1 302 Found\r\nX-A: b\r\n c\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n', status: 302, location: '/y', stays: true },
}; // prettier-ignore

t.test('odd responses, to GET and POST, over both versions', async (t) => {
  for (const [what, { response, status, stays, location, body = '' }] of Object.entries(CASES)) {
    const tracker = await scriptedTracker(t, (socket) =>
      onRequestHead(socket, () => void socket.write(Buffer.from(response, 'latin1'))),
    );
    const worker = await serve(t, { tracker });
    for (const [method, more] of [
      ['GET', ''],
      ['POST', 'Content-Length: 0\r\n'],
    ] as const) {
      const request = `${method} /e/c/x HTTP/1.1\r\nHost: links.example.com\r\n${more}`;
      const answers = await worker.raw(
        // two on one connection: the first leaves it good
        `${stays ? `${request}\r\n` : ''}${request}Connection: close\r\n\r\n`,
      );
      const all = answers.match(new RegExp(`HTTP/1\\.1 ${status} `, 'g'))?.length;
      t.equal(all, stays ? 2 : 1, `${what}, ${method}: ${answers.slice(0, 60)}`);
      if (location !== undefined) t.match(answers, `\r\nLocation: ${location}\r\n`, what);
      if (status !== 502) t.ok(answers.endsWith(`\r\n\r\n${body}`), `${what}, ${method}: content`);
    }
    const session = await worker.h2();
    const got = await ask(session, { ':path': '/e/c/x' });
    const headers = location === undefined ? {} : { location };
    t.match(got, { status, code: 0, headers }, `${what}, h2`);
    if (status !== 502) t.equal(got.body.toString(), body, what);
    if (stays) t.match(await ask(session, { ':path': '/e/c/x' }), { status }, 'the session stays');
    t.equal(tracker.connections() > 1, !stays, `${what}: ${tracker.connections()} connections`);
  }
});
