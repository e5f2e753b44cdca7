import t from 'tap';
import { nearest } from '../../../src/core/text/nearest.ts';

const known = [
  'region',
  'url',
  'serverName',
  'caFile',
  'connectTimeout',
  'responseTimeout',
  'maxConnections',
];

for (const [word, meant] of [
  ['regoin', 'region'],
  ['Region', 'region'],
  ['regions', 'region'],
  ['servername', 'serverName'],
  ['ca-file', 'caFile'],
  ['connect_timeout', 'connectTimeout'],
  ['maxConnection', 'maxConnections'],
  ['uri', 'url'],
  ['eab', undefined],
  ['universalLinks', undefined],
  ['', undefined],
  ['x'.repeat(1_000_000), undefined],
] as const) {
  t.equal(nearest(word, known), meant, word.slice(0, 40));
}

t.equal(nearest('anything', []), undefined);
