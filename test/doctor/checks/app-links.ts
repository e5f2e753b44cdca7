import type { RequestListener } from 'node:http';
import t from 'tap';
import { checkAppLinks } from '../../../src/doctor/checks/app-links.ts';
import { examine, idsOf, resolverFor } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';

const text = '{"applinks":{}}';
const answer =
  (status: number, headers: object, body = text): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { ...headers }).end(body);
const json = { 'Content-Type': 'application/json' };

t.test('the files as phones fetch them', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1']);
  const domain = { universalLinks: { apple: { file: '/a', text }, android: { file: '/b', text } } };
  const check = async (https: RequestListener) =>
    checkAppLinks(await examine(t, { resolver, domain, places: [{ https }] }));
  const paths: unknown[] = [];
  const good = await check((request, response) => {
    paths.push(request.url);
    answer(200, json)(request, response);
  });
  t.match(good, [{ level: 'green', what: '3 paths serve the configured files' }]);
  t.strictSame(paths.toSorted(), [
    '/.well-known/apple-app-site-association',
    '/.well-known/assetlinks.json',
    '/apple-app-site-association',
  ]);
  const three = (id: string) => [id, id, id];
  const redirect = await check(answer(302, { Location: 'https://www.example.com/' }));
  t.strictSame(idsOf(redirect), three('app-links-redirected'));
  t.match(redirect, [{ evidence: ['302 Location: https://www.example.com/'] }]);
  t.strictSame(idsOf(await check(answer(404, json))), three('app-links-failed'));
  t.match(await check(answer(200, { 'Content-Type': 'text/html' })), [{ what: /served as text\/html/ }]);
  t.match(await check(answer(200, json, '<html>')), [{ what: /is no JSON/ }]);
  t.strictSame(idsOf(await check(answer(200, json, '{}'))), three('app-links-differ'));
  t.strictSame(await checkAppLinks(await examine(t, { resolver })), [], 'a domain without such files');
});
