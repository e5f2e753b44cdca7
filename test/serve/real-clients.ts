// Clients that are not Node's: nghttp on HTTP/2, and a browser that follows a click to its landing page. Both verify
// the worker's certificate: nothing here switches that off.

import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import t, { type Test } from 'tap';
import { needs } from '../helpers/needs.ts';
import { serve } from '../helpers/serve.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { tracker } from '../helpers/tracker.ts';

interface Ran {
  readonly code: number | null;
  /** stdout and stderr */
  readonly text: string;
}

const run = (program: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 30_000,
    });
    let text = '';
    for (const pipe of [child.stdout, child.stderr])
      pipe.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, text }));
  });

const DISTRUST = /verification failed|certificate verify failed/i;

t.test('nghttp: a click over HTTP/2, its certificate verified', { skip: needs('nghttp') }, async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const folder = tempDir(t);
  const [ours, others] = [join(folder, 'ca.pem'), join(folder, 'other.pem')];
  writeFileSync(ours, worker.pki.rootPem);
  writeFileSync(others, seen.caPem);
  const click = (caFile: string): Promise<Ran> =>
    run(
      'nghttp',
      ['-v', '-H', ':authority: links.example.com', `https://127.0.0.1:${worker.httpsPort}/e/c/a%3D//b?x=1`],
      { SSL_CERT_FILE: caFile, SSL_CERT_DIR: '/nonexistent' },
    );
  // it goes on after a warning: that it warns at all is what the first run is believed for
  t.match((await click(others)).text, DISTRUST);
  const { code, text } = await click(ours);
  t.equal(code, 0);
  t.notMatch(text, DISTRUST);
  t.match(text, /The negotiated protocol: h2/);
  t.match(text, /:status: 302/);
  t.match(text, /location: https:\/\/www\.example\.com\/landing/);
  t.equal(text.match(/set-cookie: /g)?.length, 2);
  t.equal(seen.requests.at(-1)?.target, '/e/c/a%3D//b?x=1');
});

/** A page of the customer's own site, where clicks end. */
const landing = async (t: Test, keyPem: string, chainPem: string): Promise<number> => {
  const server = createServer({ key: keyPem, cert: chainPem }, (_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>landed</title><h1>landed</h1>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const skip = needs('chromium') === false ? needs('certutil') : needs('chromium');
t.test('Chromium follows a click to its landing page', { skip, timeout: 90_000 }, async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const leaf = worker.pki.leaf(['www.example.com']);
  const landingPort = await landing(t, leaf.keyPem, leaf.chainPem);

  // whom a browser on Linux trusts stands in the home of its user
  const home = tempDir(t);
  const database = join(home, '.pki', 'nssdb');
  mkdirSync(database, { recursive: true });
  const caFile = join(home, 'ca.pem');
  writeFileSync(caFile, worker.pki.rootPem);
  const certutil = (...args: string[]): Promise<Ran> =>
    run('certutil', ['-d', `sql:${database}`, ...args], { HOME: home });
  t.match(await certutil('-N', '--empty-password'), { code: 0 });

  const executablePath = (await run('sh', ['-c', 'command -v chromium'], {})).text.trim();
  const names = [
    `MAP links.example.com 127.0.0.1:${worker.httpsPort}`,
    `MAP www.example.com 127.0.0.1:${landingPort}`,
    'MAP * ~NOTFOUND',
  ];
  const visit = async (url: string): Promise<{ url: string; title: string; cookies: string[] }> => {
    const browser = await chromium.launchPersistentContext(tempDir(t), {
      executablePath,
      headless: true,
      chromiumSandbox: false,
      env: { ...process.env, HOME: home },
      args: [
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        `--host-resolver-rules=${names.join(',')}`,
      ],
    });
    try {
      const page = await browser.newPage();
      await page.goto(url, { timeout: 30_000 });
      const cookies = (await browser.cookies('https://links.example.com')).map(({ name }) => name);
      return { url: page.url(), title: await page.title(), cookies };
    } finally {
      await browser.close();
    }
  };
  const click = 'https://links.example.com/e/c/eyJlbWFpbCI6MX0%3D/abc?x=1';
  await t.rejects(
    visit(click),
    { message: /ERR_CERT_AUTHORITY_INVALID/ },
    'it trusts nobody it was not told to',
  );
  t.same(seen.requests, []);

  t.match(await certutil('-A', '-t', 'C,,', '-n', 'linkgate test root', '-i', caFile), { code: 0 });
  const visited = await visit(click);
  t.equal(visited.url, 'https://www.example.com/landing?utm_source=mail&x=%2F');
  t.equal(visited.title, 'landed');
  t.same(visited.cookies.toSorted(), ['_cioid', 'second']);
  const clicks = seen.requests.filter(({ target }) => target.startsWith('/e/c/'));
  t.equal(clicks.length, 1, 'one click is one request');
  t.equal(clicks[0]?.target, '/e/c/eyJlbWFpbCI6MX0%3D/abc?x=1');
  t.same(clicks[0]?.field('host'), ['links.example.com']);
  t.match(worker.heard('request.completed')[0], { httpVersion: '2', status: 302, complete: true });
});
