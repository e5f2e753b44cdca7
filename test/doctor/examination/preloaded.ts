// The names as they are shipped, and held against the list inside the installed Chromium.

import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';
import t, { type Test } from 'tap';
import { parsePreloadList, preloadList } from '../../../src/doctor/examination/preloaded.ts';
import { needs } from '../../helpers/needs.ts';
import { preloadText } from '../../helpers/preload-text.ts';

t.test('names in lower case, none that would catch everybody', async (t) => {
  const { date, names } = preloadList();
  t.match(date, /^\d{4}-\d\d-\d\d$/);
  t.ok(names.size > 90_000, `${names.size} names`);
  for (const name of names) if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(name)) t.fail(`${name} is no name`);
  for (const name of ['app', 'dev', 'page', 'zip', 'xn--cckwcxetd', 'withgoogle.com'])
    t.ok(names.has(name), name);
  for (const name of ['com', 'eu', 'io', 'co.uk', '']) t.notOk(names.has(name), name);
  t.equal(preloadList(), preloadList(), 'read once');
});

t.test('a newer list is taken up as Chromium keeps it', async (t) => {
  const entry = (name: string, more: object): string => JSON.stringify({ name, ...more });
  const json = `// comment
    { "entries": [
      // another
      ${entry('shop.example', { mode: 'force-https', include_subdomains: true })},
      ${entry('alone.example', { mode: 'force-https' })},
      ${entry('pinned.example', { include_subdomains: true })},
      ${entry('dev', { mode: 'force-https', include_subdomains: true })}
    ] }`;
  t.strictSame(parsePreloadList(preloadText(json, '2026-11-01')), {
    date: '2026-11-01',
    names: new Set(['dev', 'shop.example']),
  });
  t.throws(() => preloadText('{}', '2026-11-01'), /not the list/);
  t.throws(() => preloadText(json.replace('shop.', 'Shop/.'), '2026-11-01'), /is no name/);
});

/** Asks the browser itself what it holds of each. */
const askChromium = async (t: Test, names: readonly string[]): Promise<readonly boolean[]> => {
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto('chrome://net-internals/#hsts');
  // in the page itself: hundreds of times over the wire take minutes
  const ask = `(async (names) => {
    const [input, submit, output] = ['input', 'submit', 'output'].map((part) => document.querySelector('#hsts-view-query-' + part));
    const answers = [];
    for (const name of names) {
      output.textContent = '';
      input.value = 'anything.' + name;
      const answered = new Promise((done) => new MutationObserver(done).observe(output, { childList: true }));
      submit.click();
      await answered;
      answers.push(output.textContent.replaceAll(/\\s+/g, ' '));
    }
    return answers;
  })`;
  const answers = (await page.evaluate(`${ask}(${JSON.stringify(names)})`)) as readonly string[];
  return names.map(
    (name, index) =>
      answers[index]?.includes(`static_sts_domain: ${name} `) === true &&
      answers[index].includes('static_sts_include_subdomains: true'),
  );
};

t.test('Chromium has them, subdomains included', { skip: needs('chromium') }, async (t) => {
  const names = [...preloadList().names];
  const suffixes = names.filter((name) => !name.includes('.'));
  const sample = names.filter((name, index) => index % 400 === 0 && name.includes('.'));
  const [com, ...known] = await askChromium(t, ['com', ...suffixes, ...sample]);
  t.equal(com, false);
  // the browser here is not as old as the list: single names come and go, top-level domains hardly
  const shareOf = (found: readonly boolean[]): number => found.filter(Boolean).length / found.length;
  t.ok(shareOf(known.slice(0, suffixes.length)) > 0.95, 'top-level domains');
  t.ok(shareOf(known.slice(suffixes.length)) > 0.8, `of ${sample.length} names`);
  t.comment(`${shareOf(known.slice(suffixes.length)).toFixed(2)} of ${sample.length} names`);
});
