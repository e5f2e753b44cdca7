import t from 'tap';
import {
  domainOf,
  formatCertificate,
  keyAndChainOf,
  leafOf,
  originOf,
} from '../../../src/cert/state/certificate-text.ts';
import { createPki } from '../../helpers/pki.ts';

const { keyPem, chainPem } = createPki().leaf(['links.example.com']);
/** with the line ends that the program writes */
const made = { keyPem: keyPem.replaceAll('\r', ''), chainPem: chainPem.replaceAll('\r', '') };
const origin = { source: 'acme', issuer: 'ca', directory: 'https://ca.example/dir' } as const;

t.test('origin, key and chain come back from the text', async (t) => {
  const text = formatCertificate(origin, made);
  t.same(originOf(text), origin);
  t.equal(domainOf(text), undefined);
  t.equal(domainOf(formatCertificate(origin, made, 'long.example.com')), 'long.example.com');
  t.same(keyAndChainOf(text), made);
  t.match(leafOf(text)?.subjectAltName, 'links.example.com');
  t.same(originOf(formatCertificate({ source: 'local', issuer: 'local' }, made)), {
    source: 'local',
    issuer: 'local',
  });
});

t.test('what the text does not have is undefined', async (t) => {
  for (const text of [
    '',
    'torn',
    'linkgate: {"version":1',
    'linkgate: {"version":1,"source":"x","issuer":"y"}',
  ]) {
    t.same(
      [originOf(text), domainOf(text), keyAndChainOf(text), leafOf(text)],
      Array(4).fill(undefined),
      text,
    );
  }
  t.equal(keyAndChainOf(made.chainPem), undefined);
});
