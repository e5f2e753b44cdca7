import t from 'tap';
import { unlessInvalid } from '../../../src/cert/state/unless-invalid.ts';
import { LinkgateError } from '../../../src/core/errors.ts';

t.test('a certificate that cannot be served counts as none', async (t) => {
  const invalid = new LinkgateError('ERR_CERT_INVALID', 'certificate expired');
  t.equal(await unlessInvalid(Promise.reject(invalid)), undefined);
  t.equal(await unlessInvalid(Promise.resolve('certificate')), 'certificate');
  t.equal(await unlessInvalid(Promise.resolve(undefined)), undefined);
});

t.test('every other error stays', async (t) => {
  const broken = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'disk is gone');
  await t.rejects(unlessInvalid(Promise.reject(broken)), broken);
  await t.rejects(unlessInvalid(Promise.reject(new Error('a bug'))), { message: 'a bug' });
});
