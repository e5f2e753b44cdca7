// The server name of a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), read from the first bytes of a connection before TLS begins. Pure. It
// decides nothing: whatever is unusual has no name here, and OpenSSL judges it.

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
/** the most that is read: OpenSSL takes a ClientHello of up to 2^17 bytes, no client sends one */
const MAX_HELLO_BYTES = 16 * 1024;
/** the most fragments of one ClientHello */
const MOST_RECORDS = 32;
/** 2 and 32 */
const VERSION_AND_RANDOM_BYTES = 34;
/** a host name in ASCII (RFC 6066 §3: A-labels), with the underscore that some have; DNS has 253 characters and a dot */
const NAME = /^[A-Za-z0-9._-]{1,254}$/;

/** A cursor over bytes: each read fails with undefined where the bytes end, and from then on. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  number(size: 1 | 2 | 3): number | undefined {
    if (this.left < size) return this.#fail();
    this.#at += size;
    return this.#bytes.readUIntBE(this.#at - size, size);
  }

  take(length: number | undefined): Buffer | undefined {
    if (length === undefined || this.left < length) return this.#fail();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** what follows its length, which has `size` bytes */
  vector(size: 1 | 2 | 3): Buffer | undefined {
    return this.take(this.number(size));
  }

  #fail(): undefined {
    this.#at = this.#bytes.length;
    return undefined;
  }
}

/** The handshake message in the records: usually one, and then nothing is copied. */
const messageIn = (first: Buffer): Buffer | undefined => {
  const records = new Reader(first);
  let message: Buffer | undefined;
  for (let count = 0; count < MOST_RECORDS; count += 1) {
    if (records.number(1) !== HANDSHAKE_RECORD) return undefined;
    // the version of the record: 3.1 in a first one, 3.3 in others; OpenSSL wants SSL 3 or later
    if (records.number(1) !== 3 || records.number(1) === undefined) return undefined;
    const fragment = records.vector(2);
    // an empty one is forbidden (RFC 8446 §5.1)
    if (fragment === undefined || fragment.length === 0) return undefined;
    message = message === undefined ? fragment : Buffer.concat([message, fragment]);
    if (message.length < 4) continue;
    if (message[0] !== CLIENT_HELLO) return undefined;
    const length = 4 + message.readUIntBE(1, 3);
    if (length > MAX_HELLO_BYTES) return undefined;
    // bytes behind the ClientHello in its record are an error, which OpenSSL reports
    if (message.length >= length) return message.length === length ? message : undefined;
  }
  return undefined;
};

/** The extensions of a ClientHello, as they are. */
const extensionsIn = (message: Buffer): Buffer | undefined => {
  const hello = new Reader(message);
  hello.take(4 + VERSION_AND_RANDOM_BYTES);
  const sessionId = hello.vector(1);
  const suites = hello.vector(2);
  const compressions = hello.vector(1);
  if (sessionId === undefined || suites === undefined || compressions === undefined) return undefined;
  if (sessionId.length > 32 || suites.length % 2 !== 0 || suites.length === 0) return undefined;
  const extensions = hello.vector(2);
  return hello.left === 0 ? extensions : undefined;
};

/** The one host name of the list: OpenSSL takes no list with more, and no other type. */
const hostNameIn = (extension: Buffer): string | undefined => {
  const outer = new Reader(extension);
  const list = outer.vector(2);
  if (list === undefined || outer.left !== 0) return undefined;
  const entries = new Reader(list);
  if (entries.number(1) !== HOST_NAME) return undefined;
  const name = entries.vector(2);
  if (name === undefined || entries.left !== 0) return undefined;
  const text = name.toString('latin1');
  return NAME.test(text) ? text : undefined;
};

/**
 * The server name that OpenSSL will find in these bytes, as written.
 *
 * Extensions that are not known (GREASE, an outer ECH) are skipped.
 * @param first - all bytes of a connection so far
 * @returns undefined when there is no name, when the ClientHello is not whole, and when anything about it is unusual
 */
export const serverNameOf = (first: Buffer): string | undefined => {
  const message = messageIn(first);
  const bytes = message === undefined ? undefined : extensionsIn(message);
  if (bytes === undefined) return undefined;
  const extensions = new Reader(bytes);
  let found: string | undefined;
  let count = 0;
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const content = extensions.vector(2);
    if (content === undefined) return undefined;
    if (type !== SERVER_NAME) continue;
    count += 1;
    found = hostNameIn(content);
  }
  // the same extension twice is an error (RFC 8446 §4.2)
  return count === 1 ? found : undefined;
};
