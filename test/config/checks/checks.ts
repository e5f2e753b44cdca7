import t from 'tap';
import type { Test } from 'tap';
import { checkTree, valueAt } from '../../../src/config/checks/checks.ts';
import type { FileDomain } from '../../../src/config/values/domains-file.ts';
import { formatPath, formatProblem } from '../../../src/config/text/problems.ts';
import { SAMPLE_CA_PEM, configFiles } from '../../helpers/config-files.ts';

const domains = [{ name: 'a.example' }];

const check = async (
  t: Pick<Test, 'teardown'>,
  tree: unknown,
  files: Readonly<Record<string, string>> = {},
): Promise<{ said: string[]; found: readonly FileDomain[] }> => {
  const { folder, write } = configFiles(t);
  for (const [name, content] of Object.entries(files)) write(name, content);
  const said: string[] = [];
  const { domains: found } = await checkTree({
    tree,
    file: 'etc/l.yaml',
    directory: folder,
    lineOf: () => 7,
    report: (path, message) => said.push(`${formatPath(path)}: ${message.replaceAll(folder, '')}`),
    reportElsewhere: (problem) => said.push(formatProblem(problem)),
  });
  return { said, found };
};

t.test('nothing to say about a good tree', async (t) => {
  const { said } = await check(t, { domains, upstream: { caFile: 'ca.pem' } }, { 'ca.pem': SAMPLE_CA_PEM });
  t.strictSame(said, []);
});

t.test('two listeners on one address and port, defaults included', async (t) => {
  const { said } = await check(t, { domains, listen: { https: ':80', admin: '127.0.0.1:80' } });
  t.strictSame(said, [
    'listen.http: takes the same address and port as listen.https',
    'listen.admin: takes the same address and port as listen.https',
  ]);
  t.strictSame(
    (await check(t, { domains, listen: { https: ':0', http: ':0', admin: '127.0.0.1:0' } })).said,
    [],
  );
});

t.test('upstream words that contradict or lack each other', async (t) => {
  const { said } = await check(t, {
    domains,
    upstream: {
      region: 'us',
      url: 'https://127.0.0.1:1',
      regions: { us: { serverName: 'x' }, eu: { url: 'https://[::1]:2' } },
    },
  });
  t.strictSame(said, [
    'upstream.url: replaces region: give one of the two',
    'upstream.url: has an address for its host: give the name to verify as serverName',
    'upstream.regions.us.serverName: needs a url next to it, which is missing',
    'upstream.regions.eu.url: has an address for its host: give the name to verify as serverName',
  ]);
});

t.test('every caFile is checked', async (t) => {
  const { said } = await check(
    t,
    {
      domains,
      upstream: { caFile: 'no.pem', regions: { us: { caFile: 'empty.pem' }, eu: { caFile: '.' } } },
      certificates: { issuers: [{ type: 'local' }, { type: 'acme', caFile: 'no.pem' }] },
    },
    { 'empty.pem': '' },
  );
  t.strictSame(said, [
    'upstream.caFile: "/no.pem" does not exist',
    'upstream.regions.us.caFile: "/empty.pem" holds no PEM certificate',
    'upstream.regions.eu.caFile: "" is a folder',
    'certificates.issuers[1].caFile: "/no.pem" does not exist',
  ]);
});

t.test('names: bad, twice, none', async (t) => {
  const { said } = await check(t, {
    domains: [{ name: 'a.example' }, { name: '*.b.example' }, 3, { name: 5 }, { name: 'A.EXAMPLE.' }],
  });
  t.strictSame(said, [
    'domains[1].name: "*.b.example" is a wildcard: write each name out',
    'domains[4].name: "a.example" is given twice: first at etc/l.yaml:7',
  ]);
  for (const tree of [{}, { domains: [] }]) {
    t.strictSame((await check(t, tree)).said, ['domains: names no domain: at least one is needed']);
  }
  t.strictSame((await check(t, { domains: 'x' })).said, [], 'the schema has said it');
});

t.test('domainsFile: its own lines, and names given in both places', async (t) => {
  const tree = { domains, domainsFile: 'd.txt' };
  const { said, found } = await check(t, tree, {
    'd.txt': 'b.example\na.example\nb.example\nc.example region=x\n',
  });
  t.strictSame(said, [
    'etc/d.txt:4:11 region: must be us or eu, not "x"',
    'etc/d.txt:2:1 name: "a.example" is given twice: first at etc/l.yaml:7',
    'etc/d.txt:3:1 name: "b.example" is given twice: first at etc/d.txt:1',
  ]);
  t.equal(found.length, 3);
  t.strictSame((await check(t, { domainsFile: 'none' })).said, ['domainsFile: "/none" does not exist']);
  t.strictSame((await check(t, { domainsFile: 'd' }, { d: '# none\n' })).said, [
    'domainsFile: names no domain: at least one is needed',
  ]);
});

t.test('a tree of any kind is checked without a throw', async (t) => {
  for (const tree of [
    undefined,
    null,
    3,
    [],
    { listen: 3, upstream: [], domains: [null], certificates: { issuers: {} } },
  ]) {
    await t.resolves(check(t, tree));
  }
  t.equal(valueAt({ a: [1] }, ['a', 0]), 1);
  t.equal(valueAt({}, ['constructor', 'name']), undefined, 'own keys only');
});
