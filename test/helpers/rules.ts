// The framing rules of docs/security.md as bytes: each request breaks one rule, and carries another request where a
// parser that reads it otherwise would find one. Run against the worker and against the http-proxy baseline.

export interface Rule {
  /** as it stands in docs/security.md */
  readonly id: string;
  readonly rfc: string;
  readonly what: string;
  /** latin1 */
  readonly bytes: string;
  readonly status: number;
}

/** The request inside: a proxy that lets it through shows it to the tracker. */
export const INNER = 'GET /smuggled HTTP/1.1\r\nHost: links.example.com\r\n\r\n';
const HOST = 'Host: links.example.com\r\n';
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
const chunked = (method: string, coding = 'Transfer-Encoding: chunked', version = '1.1'): string =>
  `${method} /outer HTTP/${version}\r\n${HOST}${coding}\r\n\r\n${chunk(INNER)}`;
const get = (lines: string, target = '/outer', first = HOST): string =>
  `GET ${target} HTTP/1.1\r\n${first}${lines}\r\n`;
const refused = (id: string, rfc: string, what: string, bytes: string, status = 400): Rule => ({
  id,
  rfc,
  what,
  bytes: `${bytes}${INNER}`,
  status,
});

export const RULES: readonly Rule[] = [
  ...['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'].flatMap((method) => [
    refused('no-content', 'RFC 9110 §9.3', `chunked content on ${method}`, chunked(method)),
    refused('no-content', 'RFC 9110 §9.3', `sized content on ${method}`,
      `${method} /outer HTTP/1.1\r\n${HOST}Content-Length: ${INNER.length}\r\n\r\n${INNER}`),
  ]),
  refused('cl-and-te', 'RFC 9112 §6.1', 'Content-Length before Transfer-Encoding',
    `POST /outer HTTP/1.1\r\n${HOST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(INNER)}`),
  refused('cl-and-te', 'RFC 9112 §6.1', 'Content-Length behind Transfer-Encoding',
    `POST /outer HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n${chunk(INNER)}`),
  ...['identity', 'gzip', 'gzip, chunked', 'identity, chunked', 'chunked, chunked', 'chunked, identity', 'xchunked', '"chunked"', 'chunked;q=1', 'cow']
    .map((coding) => refused('te', 'RFC 9112 §6.1', `Transfer-Encoding: ${coding}`, chunked('POST', `Transfer-Encoding: ${coding}`))),
  refused('te', 'RFC 9112 §6.1', 'Transfer-Encoding twice', chunked('POST', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked')),
  refused('te', 'RFC 9112 §6.1', 'Transfer-Encoding chunked, then identity', chunked('POST', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity')),
  refused('te', 'RFC 9112 §5.1', 'space before the colon', chunked('POST', 'Transfer-Encoding : chunked')),
  refused('te', 'RFC 9112 §5.2', 'folded Transfer-Encoding', chunked('POST', 'Transfer-Encoding:\r\n chunked')),
  refused('te', 'RFC 9110 §5.5', 'vertical tab before the coding', chunked('POST', 'Transfer-Encoding: \x0bchunked')),
  refused('te-1.0', 'RFC 9112 §6.1', 'Transfer-Encoding in HTTP/1.0', chunked('POST', undefined, '1.0')),
  ...['+5', '-5', '0x5', '5,5', '5 5', '5;', '', '5\x0b', '1e1', '99999999999999999999']
    .map((value) => refused('cl', 'RFC 9110 §8.6', `Content-Length: ${JSON.stringify(value)}`,
      `POST /outer HTTP/1.1\r\n${HOST}Content-Length: ${value}\r\n\r\nhello`)),
  refused('cl', 'RFC 9110 §8.6', 'Content-Length twice, different', `POST /outer HTTP/1.1\r\n${HOST}Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello`),
  refused('cl', 'RFC 9110 §8.6', 'Content-Length twice, the same', `POST /outer HTTP/1.1\r\n${HOST}Content-Length: 5\r\ncontent-length: 5\r\n\r\nhello`),
  refused('host', 'RFC 9112 §3.2', 'no Host', get('', '/outer', '')),
  refused('host', 'RFC 9112 §3.2', 'two Hosts', get(HOST)),
  refused('host', 'RFC 9112 §3.2', 'two Hosts, different', get('Host: clicks.example.net\r\n')),
  ...['', 'links.example.com, x', 'links.example.com/x', 'u@links.example.com', 'u:p@links.example.com', 'links.example.com:443:1', 'links.example.com:x', 'links.example.com\tx', '[::1]']
    .map((host) => refused('host', 'RFC 9110 §7.2', `Host: ${JSON.stringify(host)}`, get('', '/outer', `Host: ${host}\r\n`))),
  refused('host', 'RFC 9112 §5.2', 'folded Host', get('', '/outer', 'Host: links.example.com\r\n x\r\n')),
  refused('misdirected', 'RFC 9110 §15.5.20', 'a name that is not configured', get('', '/outer', 'Host: evil.example.org\r\n'), 421),
  refused('absolute', 'RFC 9112 §3.2.2', 'absolute-form to another configured name', get('', 'http://clicks.example.net/outer'), 421),
  refused('absolute', 'RFC 9112 §3.2.2', 'absolute-form to a stranger', get('', 'http://evil.example.org/outer'), 421),
  refused('absolute', 'RFC 9110 §4.2.4', 'userinfo in absolute-form', get('', 'http://links.example.com@evil.example.org/outer')),
  refused('target', 'RFC 9112 §3.2', 'asterisk-form', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`),
  refused('target', 'RFC 9112 §3.2', 'authority-form without CONNECT', get('', 'links.example.com:443')),
  refused('target', 'RFC 9112 §3', 'space in the target', get('', '/outer /x')),
  refused('target', 'RFC 9112 §3', 'NUL in the target', get('', '/outer\0')),
  refused('target', 'RFC 9112 §3', 'DEL in the target', get('', '/outer\x7f')),
  refused('target', 'RFC 9112 §3', 'tab in the request line', `GET\t/outer HTTP/1.1\r\n${HOST}\r\n`),
  refused('connect', 'RFC 9110 §9.3.6', 'CONNECT', `CONNECT links.example.com:443 HTTP/1.1\r\n${HOST}\r\n`, 501),
  refused('version', 'RFC 9113 §3.4', 'HTTP/2 preface without ALPN', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  refused('expect', 'RFC 9110 §10.1.1', 'Expect: 200-maybe', get('Expect: 200-maybe\r\n')),
  refused('octets', 'RFC 9110 §5.5', 'NUL in a value', get('X-A: a\0b\r\n')),
  refused('octets', 'RFC 9110 §5.5', 'bare CR in a value', get('X-A: a\rX-B: b\r\n')),
  refused('octets', 'RFC 9110 §5.1', 'NUL in a name', get('X\0A: b\r\n')),
  refused('octets', 'RFC 9110 §5.1', 'line without a colon', get('X-A\r\n')),
  refused('octets', 'RFC 9110 §5.1', 'empty name', get(': b\r\n')),
  refused('octets', 'RFC 9112 §5.2', 'folded line', get('X-A: a\r\n b\r\n')),
  refused('octets', 'RFC 9112 §2.2', 'space before the first field', `GET /outer HTTP/1.1\r\n ${HOST}\r\n`),
  refused('version', 'RFC 9112 §2.3', 'HTTP/1.2', `GET /outer HTTP/1.2\r\n${HOST}\r\n`),
  refused('version', 'RFC 9112 §2.3', 'HTTP/0.9', 'GET /outer\r\n\r\n'),
  refused('version', 'RFC 9112 §2.3', 'HTTP/0.9, with nothing behind it but a request', 'GET /outer\r\n'),
  refused('version', 'RFC 9112 §2.3', 'HTTP/0.9 with fields', `GET /outer\r\n${HOST}\r\n`),
  refused('version', 'RFC 9112 §2.3', 'HTTP/0.9 with its version', `GET /outer HTTP/0.9\r\n${HOST}\r\n`),
  refused('version', 'RFC 9112 §2.3', 'HTTP/2.0', `GET /outer HTTP/2.0\r\n${HOST}\r\n`),
  refused('version', 'RFC 9112 §2.3', 'HTTP/2.0 with content', `POST /outer HTTP/2.0\r\n${HOST}Content-Length: 5\r\n\r\nhello`),
  refused('target', 'RFC 9112 §2.2', 'LF in the target', `GET /outer?a=\nX-Inj: 1 HTTP/1.1\r\n${HOST}\r\n`),
  refused('target', 'RFC 9112 §2.2', 'LF in the target, then a line of a request', `GET /outer?a=\nGET /smuggled HTTP/1.1\r\n${HOST}\r\n`),
  refused('target', 'RFC 9112 §2.2', 'CR in the target', `GET /outer?a=\rX HTTP/1.1\r\n${HOST}\r\n`),
  refused('version', 'RFC 9112 §2.3', 'http/1.1 in small letters', `GET /outer http/1.1\r\n${HOST}\r\n`),
  refused('chunk', 'RFC 9112 §7.1', 'chunk size with a sign', `POST /outer HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n`),
  refused('chunk', 'RFC 9112 §7.1', 'chunk size with 0x', `POST /outer HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n`),
  refused('chunk', 'RFC 9112 §7.1', 'chunk longer than its size', `POST /outer HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n`),
  refused('chunk', 'RFC 9112 §7.1', 'chunk size over 64 bits', `POST /outer HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n`),
  refused('fields', 'RFC 6585 §5', '101 fields', get('X-A: b\r\n'.repeat(100)), 431),
  refused('fields', 'RFC 6585 §5', 'fields of 17 KiB', get(`X-A: ${'b'.repeat(17_000)}\r\n`), 431),
  refused('body', 'RFC 9110 §15.5.14', 'Content-Length over 1 MiB', `POST /outer HTTP/1.1\r\n${HOST}Content-Length: 1048577\r\n\r\n`, 413),
]; // prettier-ignore
