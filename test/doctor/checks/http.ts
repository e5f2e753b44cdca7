import type { RequestListener } from 'node:http';
import t from 'tap';
import { checkHttp } from '../../../src/doctor/checks/http.ts';
import { examine, idsOf, NAME, resolverFor, type Place } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';

const answer =
  (status: number, headers = {}): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end();

t.test('the status by Customer.io’s rules', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1']);
  const check = async (place: Place, domain = {}) =>
    checkHttp(await examine(t, { resolver, places: [place], domain }));
  const ids = async (place: Place, domain = {}) => idsOf(await check(place, domain));

  t.match(await check({}), [{ level: 'green', what: 'answers 302' }]);
  t.strictSame(await ids({ http: answer(404) }), ['green'], 'the tracker may answer that to /');
  t.strictSame(await ids({ http: answer(500) }), ['http-failed']);
  t.strictSame(await ids({ http: answer(403) }), ['http-refused']);
  t.strictSame(await ids({ http: answer(421) }), ['http-unknown-name']);
  t.strictSame(await ids({ http: (request) => void request.socket.destroy() }), ['http-failed']);
  t.strictSame(await ids({ http: null }), [], 'said by the check of ports');

  const toHttps = answer(301, { Location: `https://${NAME}/` });
  t.match(await check({ http: toHttps }), [
    { id: 'http-redirected', evidence: [`301 Location: https://${NAME}/`] },
  ]);
  t.strictSame(await ids({ http: toHttps }, { redirectHttp: true }), ['green']);
  t.strictSame(
    await ids({ http: answer(301, { Location: 'https://www.example.com/' }) }),
    ['green'],
    'a link',
  );
  const loop = { http: toHttps, https: answer(301, { Location: `http://${NAME}/` }) };
  t.match(await check(loop, { redirectHttp: true }), [{ id: 'https-loop', remedy: /Full \(strict\)/ }]);
});

t.test('nothing but a harmless path is asked for', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, ['links IN A 127.0.0.1']);
  const seen: unknown[] = [];
  const http: RequestListener = (request, response) => {
    seen.push([request.method, request.url, request.headers.host, request.headers['user-agent']]);
    response.end();
  };
  await checkHttp(await examine(t, { resolver, places: [{ http }] }));
  t.match(seen, [['GET', '/', NAME, /^linkgate-doctor\/\d/]]);
  t.equal(seen.length, 1);
});
