/** Errors of Node and undici in words, by their code. Their own messages hold resolved addresses. */
export const NETWORK_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection lost before an answer',
  EPIPE: 'connection lost before an answer',
  UND_ERR_SOCKET: 'connection lost before an answer',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  ETIMEDOUT: 'no connection in time',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name lookup failed',
  CERT_HAS_EXPIRED: 'TLS: certificate has expired',
  CERT_NOT_YET_VALID: 'TLS: certificate is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS: self-signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS: self-signed certificate in the chain',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'TLS: certificate chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS: certificate authority is not trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS: certificate is for another name',
  ERR_SSL_WRONG_VERSION_NUMBER: 'TLS: the port does not speak TLS',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too long',
};

/**
 * What went wrong on the network, in words that hold no address.
 *
 * @param otherwise - said of an error that is not known, with its code.
 */
export function describeNetworkError(error: unknown, otherwise: string): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const known = NETWORK_ERRORS[code];
  if (known !== undefined) return known;
  if (/TLS|SSL|CERT/.test(code)) return `TLS: handshake failed (${code})`;
  return code === '' ? otherwise : `${otherwise} (${code})`;
}
