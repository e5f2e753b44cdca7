// The names as they are written, and held against the list inside the installed Chromium.

import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';
import t from 'tap';
import { PRELOADED } from '../../src/doctor/preloaded.ts';
import { needs } from '../helpers/needs.ts';

t.test('names in lower case, each once, none that would catch everybody', async (t) => {
  for (const name of PRELOADED) t.match(name, /^[a-z0-9-]+(\.[a-z]+)?$/);
  for (const name of ['app', 'dev', 'page', 'zip', 'xn--cckwcxetd']) t.ok(PRELOADED.has(name), name);
  for (const name of ['com', 'eu', 'io', 'co.uk']) t.notOk(PRELOADED.has(name), name);
});

t.test('Chromium has them, subdomains included', { skip: needs('chromium') }, async (t) => {
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  await page.goto('chrome://net-internals/#hsts');
  // in the page itself: seventy times over the wire takes a minute
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
  const names = ['com', ...PRELOADED];
  const answers = (await page.evaluate(`${ask}(${JSON.stringify(names)})`)) as readonly string[];
  const missing = names.filter(
    (name, index) =>
      !answers[index]?.includes(`static_sts_domain: ${name} `) ||
      !answers[index].includes('static_sts_include_subdomains: true'),
  );
  // the browser here may be newer than the list: a few names come and go, top-level domains do not
  t.strictSame(
    missing.filter((name) => !name.includes('.')),
    ['com'],
  );
  t.ok(missing.length < 10, missing.join(' '));
});
