// Errors of the network and of TLS, as one of our codes.

import { toLinkgateError, type ErrorCode, type LinkgateError } from '../../core/errors.ts';

const TLS = /^(CERT_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_SSL|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/;
const UNREACHABLE = /^(ECONNREFUSED|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EMFILE|ETIMEDOUT)/;

const codeOf = (error: Error): string => {
  // several addresses were tried (RFC 8305): one of their errors speaks for all
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { code } = (first ?? error) as { code?: unknown };
  return typeof code === 'string' ? code : '';
};

export const upstreamError = (error: Error): LinkgateError => {
  const name = codeOf(error);
  const code: ErrorCode = TLS.test(name)
    ? 'ERR_UPSTREAM_TLS'
    : UNREACHABLE.test(name)
      ? 'ERR_UPSTREAM_UNREACHABLE'
      : 'ERR_UPSTREAM_INVALID';
  return toLinkgateError(error, code);
};
