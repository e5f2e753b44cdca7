// No word stands in the project's files that must not, and each rule finds what it is for.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { findForbiddenWords } from '../helpers/forbidden-words.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const NOT_OURS =
  /^(\.git|\.tap|(bench\/)?node_modules|bench\/\.cache|dist|coverage)(\/|$)|^(bench\/)?package-lock\.json$|\.tgz$/;
/** the rules and their examples */
const ITSELF = new Set(['test/helpers/forbidden-words.ts', 'test/project/words.ts']);

/** every file of the project, without walking into what is not ours */
const projectFiles = (): string[] =>
  readdirSync(root)
    .filter((entry) => !NOT_OURS.test(entry))
    .flatMap((entry) =>
      statSync(join(root, entry)).isDirectory()
        ? readdirSync(join(root, entry), { recursive: true, encoding: 'utf8' }).map(
            (path) => `${entry}/${path}`,
          )
        : [entry],
    )
    .filter((path) => !NOT_OURS.test(path) && !ITSELF.has(path) && statSync(join(root, path)).isFile());

t.test('the project', async (t) => {
  const files = projectFiles();
  t.ok(files.includes('src/core/errors.ts') && files.includes('.ci/run'), 'looks at its files');
  t.strictSame(
    files.flatMap((path) => findForbiddenWords(path, readFileSync(join(root, path), 'utf8'), root)),
    [],
  );
});

const CAUGHT: readonly (readonly [path: string, text: string])[] = [
  ['src/serve/upstream/upstream.ts', 'connect({ rejectUnauthorized: false })'],
  ['test/e2e/run.ts', "'rejectUnauthorized' : false"],
  ['test/e2e/run.ts', 'options.rejectUnauthorized = false;'],
  ['.ci/run', 'NODE_TLS_REJECT_UNAUTHORIZED=0 npm test'],
  ['test/e2e/run.ts', 'curl -s -k https://localhost'],
  ['test/cert/acme/order.ts', "t.only('this one')"],
  ['test/cert/acme/order.ts', "t.test('x', { only: true }, f)"],
  ['test/cert/acme/order.ts', "t.test('x', { skip: 'not now' }, f)"],
  ['test/cert/acme/order.ts', "t.test('x', { todo: true }, f)"],
  ['test/cert/acme/order.ts', "t.skip('x', f)"],
  ['test/cert/acme/order.ts', "import { setTimeout } from 'node:timers/promises';"],
  ['test/cert/acme/order.ts', "import {\n  setTimeout as delay,\n} from 'timers/promises';"],
  ['test/cert/acme/order.ts', "const { setTimeout } = await import('node:timers/promises');"],
  ['test/cert/acme/order.ts', 'await new Promise((resolve) => setTimeout(resolve, 100));'],
  ['test/cert/acme/order.ts', 'await new Promise<void>(\n  (resolve) => setTimeout(resolve, 100),\n);'],
  ['src/app/supervisor/supervisor.ts', "console.error('oops')"],
  ['src/app/supervisor/supervisor.ts', '// @ts-ignore\nconst a = b;'],
  ['src/app/supervisor/supervisor.ts', '// @ts-expect-error\nconst a = b;'],
  ['docs/security.md', `-----BEGIN PRIVATE KEY-----\n${'A'.repeat(64)}`],
  ['src/app/supervisor/supervisor.ts', '// the keeper starts them'],
  ['docs/operations.md', 'each gate has its own'],
  ['src/core/errors.ts', 'class GateError extends Error {}'],
  ['src/cert/removed/removed-domains.ts', '// departed names'],
  ['docs/architecture.md', 'the click corridor'],
  ['src/serve/pipeline.ts', 'createWaitingRoom()'],
  ['src/app/commands/certs.ts', "import './by-hand.ts';"],
  ['src/cert/serving/handshake.ts', '// Door 1 opens here'],
  ['src/doctor/diagnose.ts', 'const patient = 1;'],
  ['src/cert/acme/order.ts', 'const wishes = {};'],
  ['docs/operations.md', 'a key beside the certificate'],
  ['test/cert/acme/account.ts', "t.test('it is registered anew', f)"],
  ['src/cert/serving/context-cache.ts', 'lookAgain(name: string): Promise<void>;'],
  ['test/helpers/until.ts', '// looks again, with a deadline'],
  ['src/cli/main.ts', '// how to mend it'],
  ['src/cert/renewal/attempt-records.ts', '// the books of the loop'],
  ['docs/decisions.md', 'the setting is heeded'],
  ['src/serve/connections/first-bytes.ts', '// whoever takes the socket over'],
  ['docs/operations.md', 'cd /home/maria/linkgate'],
  ['docs/operations.md', 'see /opt/clone/linkgate/src'],
];

for (const [path, text] of CAUGHT) {
  t.test(`caught: ${text}`, async (t) => {
    t.equal(findForbiddenWords(path, text, '/opt/clone/linkgate/').length, 1);
  });
}

const ALLOWED: readonly (readonly [path: string, text: string])[] = [
  ['docs/security.md', 'linkgate aggregates'],
  ['src/doctor/examination/cdn-networks.ts', "'azurefd.net': 'Azure Front Door'"],
  ['docs/security.md', 'never set rejectUnauthorized: false'],
  ['src/serve/upstream/upstream.ts', 'connect({ rejectUnauthorized: true })'],
  ['test/e2e/run.ts', 'curl --cacert ca.pem https://localhost'],
  ['test/e2e/run.ts', "t.test('x', { skip: needs('pebble') }, f)"],
  ['test/e2e/run.ts', "t.test('x', { skip: needsRoot() }, f)"],
  ['test/cert/acme/order.ts', "import { setImmediate as turn } from 'node:timers/promises';"],
  ['test/helpers/until.ts', "import { setTimeout } from 'node:timers/promises';"],
  ['test/serve/limits.ts', 'const timer = setTimeout(() => socket.destroy(), 10);'],
  ['src/core/platform/clock.ts', "import { setTimeout } from 'node:timers/promises';"],
  ['src/app/supervisor/supervisor.ts', '// @ts-expect-error the types of 1.2 lack this field\nconst a = b;'],
  ['test/cert/pem.ts', "text.includes('-----BEGIN PRIVATE KEY-----')"],
  ['docs/operations.md', '/var/lib/linkgate/certs and /etc/linkgate/linkgate.yaml'],
  ['docs/operations.md', 'https://example.com/opt/clone/linkgate/'],
];

for (const [path, text] of ALLOWED) {
  t.test(`allowed: ${path} ${text}`, async (t) => {
    t.strictSame(findForbiddenWords(path, text, '/opt/clone/linkgate/'), []);
  });
}
