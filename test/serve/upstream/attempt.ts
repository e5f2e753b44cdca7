// One request and its second try: on what a connection says, without a connection.

import { Readable } from 'node:stream';
import t from 'tap';
import { Attempt } from '../../../src/serve/upstream/attempt.ts';
import type { Connection } from '../../../src/serve/upstream/connection.ts';

interface Seen {
  readonly attempt: Attempt;
  readonly said: string[];
}

const attemptOf = (method = 'GET', body?: Readable): Seen => {
  const said: string[] = [];
  const attempt = new Attempt(
    { method, target: '/', fields: [], body },
    {
      onControl: () => said.push('control'),
      onInform: () => undefined,
      onHead: () => said.push('head'),
      onData: () => true,
      onEnd: () => said.push('end'),
      onError: ({ message }) => said.push(`error ${message}`),
    },
    {
      onRepeat: () => said.push('repeat'),
      onUnsent: () => said.push('unsent'),
      onGivenUp: () => said.push('given up'),
    },
  );
  return { attempt, said };
};

/** Records what an attempt asks of its connection. */
const connection = (said: string[]): Connection =>
  ({
    carry: () => said.push('carry'),
    resume: () => said.push('resume'),
    abort: () => said.push('abort'),
  }) as unknown as Connection;

t.test('a GET or HEAD without content, on a stale connection, once', (t) => {
  for (const method of ['GET', 'HEAD']) {
    const { attempt, said } = attemptOf(method);
    attempt.goOn(connection(said));
    attempt.onFailed(new Error('x'), true);
    attempt.goOn(connection(said));
    attempt.onFailed(new Error('y'), true);
    t.strictSame(said, ['carry', 'repeat', 'carry', 'error y'], method);
  }
  t.end();
});

t.test('nothing else is ever repeated', (t) => {
  for (const [what, method, body, isStale] of [
    ['POST', 'POST', undefined, true],
    ['DELETE', 'DELETE', undefined, true],
    ['PUT with content', 'PUT', Readable.from(['x']), true],
    ['GET with content', 'GET', Readable.from(['x']), true],
    ['a connection that was not stale', 'GET', undefined, false],
  ] as const) {
    const { attempt, said } = attemptOf(method, body);
    attempt.goOn(connection(said));
    attempt.onFailed(new Error('x'), isStale);
    t.strictSame(said, ['carry', 'error x'], what);
    t.equal(body?.destroyed ?? true, true, 'its content is given up');
  }
  t.end();
});

t.test('who gives up hears nothing, and its connection is told once', (t) => {
  const { attempt, said } = attemptOf();
  attempt.tellControl();
  attempt.goOn(connection(said));
  attempt.resume();
  attempt.abort();
  attempt.abort();
  attempt.resume();
  t.strictSame(said, ['control', 'carry', 'resume', 'abort']);
  t.ok(attempt.isGivenUp);
  const waiting = attemptOf();
  waiting.attempt.abort();
  t.strictSame(waiting.said, ['given up']);
  t.end();
});

t.test('a request that was not written is passed on, whatever its method', (t) => {
  const { attempt, said } = attemptOf('POST', Readable.from(['x']));
  attempt.goOn(connection(said));
  attempt.onUnsent();
  t.strictSame(said, ['carry', 'unsent']);
  t.notOk(attempt.request.body?.destroyed);
  t.end();
});
