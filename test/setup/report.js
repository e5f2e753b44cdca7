// tap's reporter (.taprc), for people and for CI: reads TAP on stdin, prints a line per test file, every failure whole and every
// skip with its reason. The last line is tap's own totals, as `N passed, N failed, N skipped` (leaf assertions).

import process from 'node:process';
import { createInterface } from 'node:readline';

const POINT = /^( *)(not )?ok \d+(?: - (.*))?$/;
const TOTALS = /^# \{ (total: \d+.*) \}$/;
const NOISE = /^(stdio|cwd|externalID|command|args|jobId|signal): |^- (--|\/)/;

const count = (text, word) => Number(new RegExp(`\\b${word}: (\\d+)`).exec(text)?.[1] ?? 0);

/** `N passed, N failed, N skipped` from tap's closing comment; a todo is a test not run, so it counts as skipped. */
const totalsLine = (text) =>
  `${count(text, 'pass')} passed, ${count(text, 'fail')} failed, ${count(text, 'skip') + count(text, 'todo')} skipped`;

const say = (line) => process.stdout.write(`${line}\n`);

/** names of the subtests that enclose the current line, by depth */
const enclosing = [];
let inFailure = false;
let lastLine = 'the run broke off';
/** depth of the last failure, to print a failed parent without saying everything twice */
let failedDepth = -1;

const readPoint = (indent, isOk, text) => {
  const depth = indent.length / 4;
  const [title = '', directive = ''] = text.split(/ (?=# (?:SKIP|TODO|time=))/);
  const isSkip = /^# (SKIP|TODO)/.test(directive);
  const path = [...enclosing.slice(0, depth), title].join(' > ');
  const failed = !isOk && !isSkip;
  const causedBelow = failed && failedDepth > depth;
  if (failed && (!causedBelow || depth === 0)) say(`FAIL ${path}`);
  else if (!failed && isSkip) say(`SKIP ${path}: ${directive.slice(2)}`);
  else if (!failed && depth === 0) say(`ok   ${title} ${directive.slice('# '.length)}`);
  inFailure = failed && !causedBelow;
  if (failed) failedDepth = depth;
  else if (depth === 0) failedDepth = -1;
  enclosing.length = depth;
  if (text.endsWith('{')) enclosing[depth] = title;
};

const readLine = (line) => {
  const subtest = /^( *)# Subtest: (.*)$/.exec(line);
  const point = POINT.exec(line);
  const totals = TOTALS.exec(line);
  if (totals?.[1] !== undefined) lastLine = totalsLine(totals[1]);
  if (line.startsWith('Bail out!')) say(line);
  if (subtest !== null) {
    const depth = (subtest[1] ?? '').length / 4;
    enclosing.length = depth;
    enclosing[depth] = subtest[2] ?? '';
    inFailure = false;
    if (depth === 0) failedDepth = -1;
  } else if (point !== null) {
    readPoint(point[1] ?? '', point[2] === undefined, point[3] ?? '');
  } else if (inFailure && line.trim() !== '' && !NOISE.test(line.trim())) {
    say(`    ${line.trimEnd()}`);
    if (line.trim() === '...') inFailure = false;
  }
};

for await (const line of createInterface({ input: process.stdin })) readLine(line);
say(lastLine);
