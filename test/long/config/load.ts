// The configuration against text and trees of every kind.

import * as fc from 'fast-check';
import t from 'tap';
import { loadSettings } from '../../../src/config/load.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { configFiles } from '../../helpers/config-files.ts';

t.test('any text as configuration loads or is a LinkgateError with places', async (t) => {
  const { write } = configFiles(t);
  const pieces = [
    'listen',
    'https',
    'upstream',
    'url',
    'regions',
    'us',
    'caFile',
    'certificates',
    'issuers',
    'type',
    'acme',
    'domains',
    'name',
    'domainsFile',
    'workers',
    'a.example',
    ': ',
    ':443',
    '- ',
    '\n',
    '\n  ',
    '[',
    ']',
    '{',
    '}',
    ', ',
    '&x ',
    '*x',
    '"',
    "'",
    '0',
    '1e999',
    '.nan',
    '~',
    '__proto__',
    '/',
    '\0',
    'https://h',
    '|',
    '? ',
  ];
  const text = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join('')),
    },
    { weight: 1, arbitrary: fc.json() },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  );
  await fc.assert(
    fc.asyncProperty(text, async (given) => {
      const path = write('any.yaml', given);
      try {
        await loadSettings(path);
      } catch (error) {
        if (!(error instanceof LinkgateError)) throw error;
        const problems = error.details.problems;
        return (
          error.code === 'ERR_CONFIG_UNREADABLE' ||
          (error.code === 'ERR_CONFIG_INVALID' && problems !== undefined && problems.length > 0)
        );
      }
      return true;
    }),
    { numRuns: 600 },
  );
});

t.test('any tree of known keys with any values loads or is a LinkgateError', async (t) => {
  const { write } = configFiles(t);
  const leaf = fc.oneof(
    fc.constantFrom(
      'us',
      'eu',
      ':443',
      '127.0.0.1:80',
      'a.example',
      'https://h',
      '5s',
      'file',
      'auto',
      1,
      true,
      null,
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const some = (keys: readonly string[]): fc.Arbitrary<unknown> =>
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record(Object.fromEntries(keys.map((key) => [key, leaf])), { requiredKeys: [] }),
      },
      { weight: 1, arbitrary: leaf },
    );
  const tree = fc.record(
    {
      listen: some(['https', 'http', 'admin']),
      upstream: some(['region', 'url', 'serverName', 'connectTimeout', 'maxConnections', 'regions']),
      certificates: some(['storage', 'keyType', 'issuers']),
      domains: fc.array(some(['name', 'region', 'redirectHttp'])),
      workers: leaf,
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(tree, async (given) => {
      try {
        await loadSettings(write('any.yaml', JSON.stringify(given)));
      } catch (error) {
        return error instanceof LinkgateError && error.code === 'ERR_CONFIG_INVALID';
      }
      return true;
    }),
    { numRuns: 600 },
  );
});
