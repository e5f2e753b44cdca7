// The page in a real browser: with and without its script, with the keyboard, on a phone, to a screen reader (axe-core), and nothing that
// its own policy would have to stop.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { launchBrowser } from '../../../helpers/browser.ts';
import { needs } from '../../../helpers/needs.ts';
import { manyCertificates, sampleStatus, startSamplePage } from '../../../helpers/sample-page.ts';
import { until } from '../../../helpers/until.ts';

const LIMIT_MS = 30_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const skip = needs('chromium');
let browser: Browser | undefined;
t.before(async () => {
  if (skip === false) browser = await launchBrowser();
});
t.teardown(() => browser?.close());

interface Opened {
  readonly view: Page;
  /** what the browser complained about: broken policy, errors of the script, answers that are none */
  readonly complaints: readonly string[];
}

const open = async (t: Test, url: string, options: BrowserContextOptions = {}): Promise<Opened> => {
  if (browser === undefined) throw new Error('no browser');
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  t.teardown(() => context.close());
  const view = await context.newPage();
  view.setDefaultTimeout(LIMIT_MS);
  const complaints: string[] = [];
  view.on('console', (message) => complaints.push(message.text()));
  view.on('pageerror', (error) => complaints.push(error.message));
  view.on('response', (answer) => {
    if (answer.status() !== 200) complaints.push(`${answer.url()} ${answer.status()}`);
  });
  await view.goto(url);
  return { view, complaints };
};

t.test('it is whole without JavaScript: search, groups, pages', { skip, timeout: 120_000 }, async (t) => {
  const page = await startSamplePage(sampleStatus(manyCertificates(1_000)));
  t.teardown(() => page.stop());
  const { view, complaints } = await open(t, page.url, { javaScriptEnabled: false });
  const names = (): Promise<string[]> => view.locator('tbody th').allTextContents();
  t.equal((await names()).length, 100);
  t.match(await view.locator('h1').textContent(), '3 domains need attention');
  await view.getByRole('link', { name: /Need attention/ }).click();
  t.strictSame(await names(), ['links7.example.com', 'links341.example.com', 'links675.example.com']);
  await view.getByRole('link', { name: /^All/ }).click();
  await view.getByRole('link', { name: 'Later' }).click();
  t.equal(new URL(view.url()).search, '?from=100');
  await view.getByLabel('Find a domain').fill('links77.');
  await view.keyboard.press('Enter');
  await view.waitForURL(/q=links77/);
  t.strictSame(await names(), ['links77.example.com']);
  t.match(await view.locator('#link').textContent(), /^As of \d\d:\d\d:\d\d UTC$/);
  t.strictSame([complaints, page.errors], [[], []]);
});

t.test(
  'it refreshes by itself, and leaves alone what somebody works with',
  { skip, timeout: 120_000 },
  async (t) => {
    const page = await startSamplePage();
    t.teardown(() => page.stop());
    const { view, complaints } = await open(t, page.url);
    await view.getByText('Live', { exact: true }).waitFor();
    await view.getByLabel('Find a domain').fill('half a wo');
    const summary = view.getByText('In the words of letsencrypt').first();
    await summary.focus();
    await view.keyboard.press('Enter');
    await view.getByText('Timeout during connect (likely firewall problem)').first().waitFor();
    t.equal(await view.locator('details[open]').count(), 1);

    const status = sampleStatus();
    page.show({ ...status, domains: status.domains.filter(({ name }) => !name.startsWith('e.')) });
    page.bus.emit('worker.exited', { pid: 4242, exitCode: 1, signal: null, expected: false });
    await view.getByText('process 4242 ended by itself').waitFor();
    await until(
      'the headline follows',
      async () => (await view.locator('h1').textContent()) === '1 domain needs attention',
    );
    t.match(await view.title(), /^1 domain needs attention/);
    t.equal(await view.locator('details[open]').count(), 1, 'what was open stays open');
    t.equal(await view.evaluate('document.activeElement.tagName'), 'SUMMARY', 'the focus stays');
    t.equal(await view.getByLabel('Find a domain').inputValue(), 'half a wo');
    t.strictSame([complaints, page.errors], [[], []]);

    await page.stop();
    await view.getByText('The proxy does not answer; this picture is old').waitFor();
  },
);

t.test('with the keyboard alone', { skip, timeout: 120_000 }, async (t) => {
  const page = await startSamplePage();
  t.teardown(() => page.stop());
  const { view } = await open(t, page.url, { javaScriptEnabled: false });
  const reached: string[] = [];
  for (let presses = 0; presses < 12; presses += 1) {
    await view.keyboard.press('Tab');
    const focus = view.locator(':focus');
    reached.push((await focus.getAttribute('id')) ?? (await focus.getAttribute('class')) ?? '');
    const outline = await view.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    t.equal(outline, 'solid', `one sees where it is: ${reached.at(-1)}`);
    if (reached.at(-1) === 'group-fine') break;
  }
  t.strictSame(reached, ['skip', 'q', 'find', 'group-all', 'group-attention', 'group-waiting', 'group-fine']);
});

t.test('on a phone nothing is wider than the screen', { skip, timeout: 120_000 }, async (t) => {
  const page = await startSamplePage();
  t.teardown(() => page.stop());
  const { view } = await open(t, page.url, { viewport: { width: 320, height: 640 } });
  t.equal(await view.evaluate('document.documentElement.scrollWidth'), 320);
  t.equal(await view.getByRole('row').count(), 1 + 7 + 2, 'a card is still a row');
  t.equal(await view.getByRole('rowheader', { name: 'news.orchard.example' }).count(), 1);
});

t.test('axe-core finds nothing, in both themes and sizes', { skip, timeout: 240_000 }, async (t) => {
  const page = await startSamplePage();
  t.teardown(() => page.stop());
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      const { view } = await open(t, page.url, {
        colorScheme,
        viewport: { width, height: 900 },
        // axe is not the page's own script, which the policy would refuse
        bypassCSP: true,
        reducedMotion: 'reduce',
      });
      await view
        .locator('details')
        .first()
        .evaluate((details) => details.setAttribute('open', ''));
      await view.addScriptTag({ content: AXE });
      const found = (await view.evaluate('axe.run()')) as {
        readonly violations: readonly {
          readonly id: string;
          readonly nodes: readonly { readonly html: string }[];
        }[];
        readonly passes: readonly unknown[];
      };
      const said = found.violations.map(
        ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`,
      );
      t.strictSame(said, [], `${colorScheme} ${width}`);
      t.ok(found.passes.length > 20, 'it looked');
    }
  }
});

t.test('what is not its own is stopped by its policy', { skip, timeout: 120_000 }, async (t) => {
  const page = await startSamplePage();
  t.teardown(() => page.stop());
  const { view, complaints } = await open(t, page.url);
  await view.evaluate(`(() => {
    const script = document.createElement('script');
    script.textContent = 'document.title = "inline"';
    document.head.append(script);
    const image = document.createElement('img');
    image.setAttribute('onerror', 'document.title = "handler"');
    image.src = 'data:,';
    document.body.append(image);
  })()`);
  await view.waitForFunction('document.images[0].complete');
  t.notMatch(await view.title(), /inline|handler/);
  t.ok(
    complaints.filter((said) => said.includes('Content Security Policy')).length >= 3,
    'script, image, handler',
  );
});
