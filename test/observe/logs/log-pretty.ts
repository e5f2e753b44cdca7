import t from 'tap';
import { prettyLine } from '../../../src/observe/logs/log-pretty.ts';

const json = (fields: object): string =>
  `${JSON.stringify({ level: 'warn', time: '2026-11-23T17:00:00.000Z', role: 'worker', pid: 7, event: 'upstream.failed', ...fields })}\n`;

t.test('time, level, who, what, then the fields', (t) => {
  const line = json({
    domain: 'links.example.com',
    detail: 'no A record',
    suppressed: 0,
    nextAttempt: null,
    levels: ['info', 'warn'],
    error: { code: 'ERR_X', causes: ['a b'] },
    message: 'tracker did not answer',
  });
  t.equal(
    prettyLine(line, false),
    '2026-11-23T17:00:00.000Z warn  worker[7] tracker did not answer upstream.failed domain=links.example.com ' +
      'detail="no A record" suppressed=0 levels=["info","warn"] error.code=ERR_X error.causes=["a b"]\n',
  );
  const coloured = prettyLine(line, true);
  t.match(coloured, '\u001b[33mwarn \u001b[0m');
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  t.equal(coloured.replaceAll(/\u001b\[\d+m/g, ''), prettyLine(line, false), 'colours and nothing else');
  t.end();
});

t.test('a stack stands below its line', (t) => {
  const stack = 'TypeError: bug\n    at f (x.js:1:1)';
  const text = prettyLine(json({ message: 'x', error: { message: 'bug', stack } }), false);
  t.match(text, /error\.message=bug\n {4}TypeError: bug\n {8}at f \(x\.js:1:1\)\n$/);
  t.end();
});

t.test('no field moves the cursor', (t) => {
  const nasty = '\u001b[2J\r\nforged\u009b31m\u007f\u2028';
  const text = prettyLine(json({ message: nasty, detail: nasty, error: { stack: nasty } }), false);
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  t.notMatch(text.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u2028]/);
  t.equal(text.split('\n').length, 4, 'the line, its stack of two, the end');
  t.end();
});

t.test('what is no JSON stays as it is', (t) => {
  t.equal(prettyLine('plain\n', true), 'plain\n');
  t.end();
});
