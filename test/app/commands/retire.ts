import t from 'tap';
import { openCerts } from '../../../src/app/commands/certs.ts';
import { archiveCertificate } from '../../../src/app/commands/retire.ts';
import { localSettings } from '../../helpers/settings.ts';

t.test('the certificate is in the archive, not gone', async (t) => {
  const settings = localSettings(t);
  const certs = openCerts(settings, new AbortController().signal);
  const { serial } = await certs.issue('links.example.com', false);
  await archiveCertificate(settings, 'links.example.com');
  const left = await certs.show('links.example.com');
  t.match(left, { state: 'pending', serial: null, versions: [serial] });
  await archiveCertificate(settings, 'links.example.com');
});
