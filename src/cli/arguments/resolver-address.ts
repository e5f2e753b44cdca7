// The value of `--resolver`: a name server by its address, port 53 unless it says otherwise.

import { isIP } from 'node:net';
import { addressProblem, parseListenAddress } from '../../config/values/listen-address.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { ListenAddress } from '../../core/settings.ts';

/** @throws LinkgateError `ERR_USAGE` */
export const resolverAddress = (text: string): ListenAddress => {
  const address = isIP(text) === 0 ? parseListenAddress(text) : { host: text, port: 53 };
  if (address === undefined || address.port === 0 || text.startsWith(':')) {
    throw new LinkgateError('ERR_USAGE', `option --resolver ${addressProblem('ADDRESS[:PORT]', text)}`);
  }
  return address;
};

/** As node:dns takes it. */
export const addressText = ({ host, port }: ListenAddress): string =>
  isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
