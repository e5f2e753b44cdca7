// `npm run soak`: linkgate for half an hour under mixed load, while certificates are replaced all the time, names come and go by
// reload, and more domains are clicked than its workers keep in memory. What it holds is written down each minute: a leak is a slope.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { addDomain, domainFiles, openAuthority } from './certificates.ts';
import { createConnect } from './load/connection.ts';
import { createFreshClicker } from './load/http1-clicks.ts';
import { startLoad } from './load/load.ts';
import type { LoadSpec } from './load/spec.ts';
import { stopAll } from './program.ts';
import { cpuMsOf, descriptorsOf, pssOf } from './process-tree.ts';
import { SYSTEM } from './targets/all-targets.ts';
import { COMMAND, createLinkgateTarget } from './targets/linkgate.ts';
import { startUpstream } from './upstream.ts';

/** twice what a worker keeps */
const DOMAINS = 10_000;
const CHURN_MS = 10_000;
const MINUTE_MS = 60_000;
/** in the order of the loads below */
const MODES_MIXED = ['open', 'resumed', 'keepalive-h1', 'keepalive-h2'] as const;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '30' } } });
const minutes = Number(values.minutes);
const authority = openAuthority();
const domains = domainFiles(authority, DOMAINS);
const folder = mkdtempSync(join(tmpdir(), 'linkgate-soak-'));
const over = new AbortController();
const rows: string[] = [];
/** of the clicks on names that came, and how many names there were */
const added = { names: 0, errors: {} as Record<string, number> };
const ADDED_LIMIT_MS = 10_000;

interface Running {
  readonly pid: number;
  readonly port: number;
}

/** One name more, a click on it, and it goes again: each time by a reload. */
const addAndRemove = async ({ pid, port }: Running): Promise<void> => {
  const reload = (names: readonly string[]): void => {
    writeFileSync(join(folder, 'target', 'domains.txt'), `${names.join('\n')}\n`);
    process.kill(pid, 'SIGHUP');
  };
  added.names += 1;
  const name = `links.added${added.names}.example`;
  addDomain(authority, domains.folder, name);
  reload([...domains.names, name]);
  const click = createFreshClicker(
    { connect: createConnect(authority.intermediatePem), port, thread: 900_000, nextName: () => name },
    false,
  );
  const startMs = performance.now();
  let fault = await click();
  while (fault !== undefined && performance.now() - startMs < ADDED_LIMIT_MS && !over.signal.aborted) {
    await pause(100);
    fault = await click();
  }
  if (fault !== undefined && !over.signal.aborted) added.errors[fault] = (added.errors[fault] ?? 0) + 1;
  reload(domains.names);
  rmSync(join(domains.folder, `${name}.pem`), { force: true });
};

/** Replaces the certificate of one domain after the other, while the proxy runs. */
const churn = async (target: Running): Promise<void> => {
  const file = join(folder, 'next.pem');
  for (let index = 0; !over.signal.aborted; index += 1) {
    const name = domains.names[index % DOMAINS] ?? '';
    // an import of a private CA's goes up to its root
    writeFileSync(file, authority.issue(name) + readFileSync(authority.rootFile, 'utf8'), { mode: 0o600 });
    const args = ['certs', 'import', name, '--cert', file, '--key', file];
    const config = join(folder, 'target', 'linkgate.yaml');
    const child = spawn(SYSTEM, [COMMAND, ...args, '--config', config], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await once(child, 'exit');
    await addAndRemove(target);
    await pause(CHURN_MS, undefined, { signal: over.signal }).catch(() => undefined);
  }
};

try {
  mkdirSync(join(folder, 'target'));
  const upstream = await startUpstream(authority, folder, '1');
  const target = await createLinkgateTarget({ name: 'linkgate', node: SYSTEM }).start({
    domains,
    upstreamPort: upstream.port,
    rootFile: authority.rootFile,
    folder: join(folder, 'target'),
    cores: '0',
    workers: 1,
  });
  await pause(5_000);
  const common: Omit<LoadSpec, 'mode' | 'distribution' | 'concurrency'> = {
    port: target.port,
    caPem: authority.intermediatePem,
    rate: 60,
    domains: DOMAINS,
    threads: 1,
    pauseMs: 50,
  };
  const loads = [
    startLoad({ ...common, mode: 'open', distribution: 'uniform', concurrency: 1_000 }),
    startLoad({ ...common, mode: 'resumed', distribution: 'zipf', concurrency: 4 }),
    startLoad({ ...common, mode: 'keepalive-h1', distribution: 'zipf', concurrency: 8 }),
    startLoad({ ...common, mode: 'keepalive-h2', distribution: 'zipf', concurrency: 8 }),
  ];
  const churning = churn(target);
  for (let minute = 0; minute <= minutes && !target.hasEnded(); minute += 1) {
    const counts = await Promise.all(loads.map((load) => load.take()));
    const clicks = counts.reduce((sum, one) => sum + one.clicks, 0);
    const errors = counts.flatMap((one, index) =>
      Object.entries(one.errors).map(([kind, count]) => `${MODES_MIXED[index]} ${kind} ${count}`),
    );
    errors.push(...Object.entries(added.errors).map(([kind, count]) => `added ${kind} ${count}`));
    added.errors = {};
    const row = [
      minute,
      (pssOf(target.pid) / 1_048_576).toFixed(1),
      descriptorsOf(target.pid),
      (cpuMsOf(target.pid) / 1_000).toFixed(0),
      clicks,
      errors.length === 0 ? '0' : errors.join(', '),
    ];
    rows.push(`| ${row.join(' | ')} |`);
    process.stdout.write(`${rows.at(-1)}\n`);
    if (minute < minutes) await pause(MINUTE_MS);
  }
  over.abort();
  await churning;
  await Promise.all(loads.map((load) => load.stop()));
  const head =
    '| minute | PSS MB | descriptors | CPU s | clicks | errors |\n| --: | --: | --: | --: | --: | --- |';
  const date = new Date().toISOString().slice(0, 10);
  const report = `# Soak of ${date}\n\n\`npm run soak -- --minutes ${minutes}\`, ${DOMAINS} domains, each ${CHURN_MS / 1_000} s a certificate replaced and a name added and removed by reload (${added.names} of them).\n\n${head}\n${rows.join('\n')}\n`;
  writeFileSync(fileURLToPath(new URL(`results/soak-${date}.md`, import.meta.url)), report);
} finally {
  over.abort();
  await stopAll();
  rmSync(folder, { recursive: true, force: true });
}
