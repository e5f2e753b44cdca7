import t from 'tap';
import { caFileProblem, readCaFile } from '../../../src/config/checks/ca-file.ts';
import { SAMPLE_CA_PEM, configFiles } from '../../helpers/config-files.ts';

t.test('accepts certificates and names what is wrong with anything else', async (t) => {
  const { folder, write } = configFiles(t);
  t.equal(await caFileProblem(write('one.pem', SAMPLE_CA_PEM)), undefined);
  t.equal(await caFileProblem(write('two.pem', `comment\n${SAMPLE_CA_PEM}\n${SAMPLE_CA_PEM}`)), undefined);
  t.equal(await caFileProblem(write('crlf.pem', SAMPLE_CA_PEM.replaceAll('\n', '\r\n'))), undefined);
  t.strictSame(
    await readCaFile(
      write('mixed.pem', `${SAMPLE_CA_PEM}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`),
    ),
    { pem: `${SAMPLE_CA_PEM.trim()}\n` },
    'a key that lies in the same file goes nowhere',
  );
  t.match(await caFileProblem(`${folder}/none.pem`), /none.pem" does not exist$/);
  t.match(await caFileProblem(write('empty.pem', '')), /holds no PEM certificate$/);
  const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n';
  t.match(await caFileProblem(write('key.pem', key)), /holds no PEM certificate$/);
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  t.match(
    await caFileProblem(write('bad.pem', `${SAMPLE_CA_PEM}${broken}`)),
    /certificate 2 of 2 cannot be read$/,
  );
});
