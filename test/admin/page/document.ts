import t from 'tap';
import { pageDocument } from '../../../src/admin/page/document.ts';
import type { Status } from '../../../src/admin/status.ts';
import { manyCertificates, NOW_MS, sampleStatus } from '../../helpers/sample-page.ts';

const shown = (status: Status, query = ''): string =>
  pageDocument({ status, samples: [], events: [], nowMs: NOW_MS }, new URLSearchParams(query));

const title = (status: Status): string | undefined => /<h1>([^<]*)<\/h1>/.exec(shown(status))?.[1];

t.test('one sentence says how it stands, whatever breaks most', async (t) => {
  const status = sampleStatus();
  const [upstream] = status.upstreams;
  const only = (...names: readonly string[]): Status => ({
    ...status,
    domains: status.domains.filter(({ name }) => names.some((start) => name.startsWith(start))),
  });
  t.equal(title(status), '2 domains need attention');
  t.equal(title(only('e.', 'links')), '1 domain needs attention');
  t.match(shown(only('e.')), /class="headline warn"/, 'its links work');
  t.match(shown(only('news.')), /class="headline bad"/);
  t.equal(title(only('mail.', 'links')), '1 domain waits for its certificate');
  t.equal(title(only('links', 'click')), 'All 3 domains are served');
  t.equal(title(only('click')), 'Your domain is served');
  t.equal(title({ ...status, ready: false }), 'Not serving yet');
  const silent = upstream === undefined ? [] : [{ ...upstream, healthy: false }];
  t.equal(title({ ...status, upstreams: silent }), 'A tracker does not answer');
});

t.test('nothing inline, nothing from elsewhere', async (t) => {
  const page = shown(sampleStatus());
  t.match(page, /^<!doctype html>\s*<html lang="en">/i);
  t.notMatch(page, /\sstyle=|<style|\son\w+=|javascript:|<script>/i);
  const loaded = [...page.matchAll(/(?:src|href|action)="([^"]*)"/g)].map(([, url = '']) => url);
  t.ok(loaded.length > 5);
  for (const url of loaded) t.match(url, /^(\/(?!\/)|#)/, url);
});

t.test('names, problems and events that are hostile stay text', async (t) => {
  const hostile = `"><img src=x onerror=alert(1)><script>alert(2)</script>'`;
  const [first] = sampleStatus(manyCertificates(1)).domains;
  if (first === undefined) throw new Error('no domain');
  const lastProblem = {
    at: hostile,
    issuer: hostile,
    type: hostile,
    detail: hostile,
    remedy: `\`${hostile}`,
  };
  const certificate = { ...first.certificate, issuer: hostile, lastProblem };
  const issuers = [{ name: hostile, healthy: false, since: null, lastProblem, retryAt: null }];
  const page = pageDocument(
    {
      status: {
        ...sampleStatus(),
        version: hostile,
        domains: [{ ...first, name: hostile, certificate }],
        upstreams: [{ region: null, url: hostile, healthy: true }],
        issuers,
        reload: { number: 1, at: new Date(NOW_MS).toISOString(), problem: hostile, atRestart: [] },
      },
      samples: [],
      events: [{ atMs: NOW_MS, tone: 'bad', title: hostile, domain: hostile, detail: hostile }],
      nowMs: NOW_MS,
    },
    new URLSearchParams({ q: hostile, state: hostile, from: hostile }),
  );
  t.notMatch(page, /<img|<script>|onerror=alert\(1\)>/);
  t.equal(page.match(/<script /g)?.length, 1, 'our own');
});

t.test('ten thousand domains are a page of a hundred', async (t) => {
  const page = shown(sampleStatus(manyCertificates(10_000)));
  t.equal(page.match(/role="rowheader"/g)?.length, 100);
  t.ok(Buffer.byteLength(page) < 400_000, `${Buffer.byteLength(page)} bytes`);
  t.match(page, /3 domains need attention[^]*1–100 of 10,000 domains/);
});
