// A start with files in the storage that cannot be read, or are none: what can be served is served, and the name that is
// concerned is named.

import { spawnSync } from 'node:child_process';
import {
  chownSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { parse, stringify } from 'yaml';
import { NOBODY } from '../../helpers/linkgate.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { needsRoot } from '../../helpers/needs.ts';
import {
  servedSerial,
  serviceOfNobody,
  stopped,
  type ServiceOfNobody,
} from '../../helpers/service-of-nobody.ts';
import { until } from '../../helpers/until.ts';

const bad = 'links.example.com';
const good = 'clicks.example.com';
const fresh = 'new.example.com';
const left = 'old.example.com';

/** three ways in which a link leads nowhere good */
const LINKS: readonly ((path: string) => string)[] = [
  (path) => path,
  (path) => join(dirname(path), 'nothing-here'),
  () => '/etc/shadow',
];

/** what becomes of the file at `path`, the `index`th that is spoilt */
type Fault = (path: string, index: number) => void;

const FAULTS: Readonly<Record<string, Fault>> = {
  'files of root alone': (path) => writeFileSync(path, 'secret', { mode: 0o600 }),
  'folders of root alone': (path) => mkdirSync(path, { mode: 0o700 }),
  folders: (path) => {
    mkdirSync(join(path, 'below'), { recursive: true });
    chownSync(path, NOBODY, NOBODY);
  },
  garbage: (path) => {
    writeFileSync(path, Buffer.from([0, 255, 10, 123, 34]));
    chownSync(path, NOBODY, NOBODY);
  },
  links: (path, index) => symlinkSync(LINKS[index % LINKS.length]?.(path) ?? '', path),
  'named pipes': (path) => void spawnSync('mkfifo', ['-m', '0666', path]),
  'eight gigabytes': (path) => {
    writeFileSync(path, '', { mode: 0o666 });
    truncateSync(path, 8 * 1024 ** 3);
  },
};

/** of these a new certificate is ordered; the file of the others may be somebody's import, and is left alone */
const REPLACED: readonly string[] = ['garbage', 'folders'];

/** a file of each kind that a start reads, or that lies next to what it reads */
const KINDS: readonly string[] = [
  `certificates/${bad}.pem`,
  'certificates/stray',
  `state/${bad}.json`,
  `state/${good}.json`,
  'state/issuers.json',
  'changes/1-note',
  `departing/${good}.txt`,
  `archive/${good}/01.pem`,
  `challenges/http-01/${good}/token`,
  'budget/ca/_account.json',
  'accounts/ca.json',
  'thumbprints/ca',
];

const spoil = (storage: string, keys: readonly string[], fault: Fault): void => {
  for (const [index, key] of keys.entries()) {
    const path = join(storage, key);
    rmSync(path, { recursive: true, force: true });
    const made = mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (made !== undefined) spawnSync('chown', ['-R', `${NOBODY}:${NOBODY}`, made]);
    fault(path, index);
  }
};

const setDomains = (config: string, names: readonly string[]): void => {
  const settings = parse(readFileSync(config, 'utf8')) as { certificates: object };
  const certificates = { ...settings.certificates, keepServing: true };
  writeFileSync(config, stringify({ ...settings, certificates, domains: names.map((name) => ({ name })) }));
};

/** A storage that was in use, as it is then put in place before each start. */
const used = async (t: Test): Promise<ServiceOfNobody & { readonly restore: () => void }> => {
  const service = serviceOfNobody(t, {});
  const { folder, storage, config, start } = service;
  setDomains(config, [bad, good, left]);
  const first = await start();
  for (const name of [bad, good, left]) {
    await first.line((line) => line.message === 'certificate issued' && line['domain'] === name);
  }
  await stopped(first);
  const copy = join(folder, 'copy');
  spawnSync('cp', ['-a', storage, copy]);
  return {
    ...service,
    restore: () => {
      rmSync(storage, { recursive: true });
      spawnSync('cp', ['-a', copy, storage]);
    },
  };
};

t.test('files of one name and of no name', { skip: needsRoot() }, async (t) => {
  const { storage, config, start, restore } = await used(t);
  setDomains(config, [bad, good, fresh]);
  const ca = localRoot(storage);
  for (const [what, fault] of Object.entries(FAULTS)) {
    await t.test(what, async (t) => {
      restore();
      spoil(storage, KINDS, fault);
      const service = await start();
      const port = await service.port('https');
      for (const name of [good, left]) t.ok(await servedSerial(port, name, ca), `${name} is served`);
      await until(`${fresh} was ordered, and is served`, () => servedSerial(port, fresh, ca), 30_000);
      if (REPLACED.includes(what)) {
        await until(`${bad} has another one`, () => servedSerial(port, bad, ca), 30_000);
      } else {
        const told = await service.line(
          (line) => line['event'] === 'context.failed' && line['domain'] === bad,
        );
        t.match(told, { code: 'ERR_STORAGE_UNREADABLE', detail: join(storage, `certificates/${bad}.pem`) });
        for (const key of KINDS.filter((key) => /^(certificates|state)\/.*example/.test(key))) {
          await service.line(
            (line) => line['event'] === 'storage.failed' && String(line['detail']).includes(`/${key}"`),
          );
        }
        await t.rejects(servedSerial(port, bad, ca));
        const status = await fetch(`http://127.0.0.1:${await service.port('admin')}/api/status`);
        const { domains } = (await status.json()) as { domains: { name: string; certificate: object }[] };
        t.match(domains.find(({ name }) => name === bad)?.certificate, {
          state: 'failing',
          lastProblem: { type: 'ERR_STORAGE_UNREADABLE' },
        });
      }
      await stopped(service);
    });
  }
});

t.test('files that all names share', { skip: needsRoot() }, async (t) => {
  const { storage, config, start, restore } = await used(t);
  setDomains(config, [bad, good]);
  const ca = localRoot(storage);
  const few = ['files of root alone', 'garbage', 'links'];
  for (const [what, fault] of Object.entries(FAULTS).filter(([one]) => few.includes(one))) {
    await t.test(what, async (t) => {
      restore();
      spoil(storage, ['served.json', 'local-ca/root.pem', '~left'], fault);
      const service = await start();
      const port = await service.port('https');
      for (const name of [bad, good]) t.ok(await servedSerial(port, name, ca), `${name} is served`);
      await stopped(service);
    });
  }
});
