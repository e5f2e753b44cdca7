import t from 'tap';
import { nameKey, nameOfKey } from '../../../src/cert/state/name-key.ts';

const long = (length: number): string =>
  `${'a'.repeat(62)}.`
    .repeat(4)
    .slice(0, length - 4)
    .replace(/\.$/, 'b') + '.com';

t.test('a name stands as it is wherever it fits', async (t) => {
  t.equal(nameKey('links.example.com', '.pem'), 'links.example.com.pem');
  t.equal(nameOfKey('links.example.com.pem', '.pem'), 'links.example.com');
  t.equal(nameKey(long(249), '.pem').length, 253);
  t.equal(nameOfKey(nameKey(long(249), '.pem'), '.pem'), long(249));
});

t.test('the longest names have keys of their own', async (t) => {
  for (const length of [249, 250, 251, 252, 253]) {
    for (const ending of ['.pem', '.json']) {
      const key = nameKey(long(length), ending);
      t.ok(key.length <= 253 && /^[a-z0-9._-]+$/.test(key), `${length} ${ending}`);
    }
  }
  t.match(nameKey(long(250), '.pem'), /^_[0-9a-f]{64}\.pem$/);
  t.not(nameKey(long(250), '.pem'), nameKey(long(251), '.pem'));
  t.equal(nameOfKey(nameKey(long(253), '.pem'), '.pem'), undefined);
  t.equal(nameOfKey('links.example.com.json', '.pem'), undefined);
});
