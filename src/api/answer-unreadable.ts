import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { randomHex } from '../shared/ids.ts';
import { PROBLEMS, type ProblemCode, problemBody } from './problems.ts';

const DETAILS: Partial<Record<ProblemCode, string>> = {
  'headers-too-large': 'the headers may have at most 16 KB',
  'request-timeout': 'the request did not arrive in time',
};

/** Answers what is no readable HTTP request, before Express ever sees it, as a problem document too. */
export function answerUnreadable(errorCode: string | undefined, socket: Duplex): void {
  if (!socket.writable || errorCode === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const code: ProblemCode =
    errorCode === 'HPE_HEADER_OVERFLOW'
      ? 'headers-too-large'
      : errorCode === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? 'request-timeout'
        : 'malformed-request';
  const { status } = PROBLEMS[code];
  const requestId = `req_${randomHex(12)}`;
  const body = JSON.stringify(problemBody(code, DETAILS[code] ?? 'this is not an HTTP request', requestId));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'cache-control: no-store',
    "content-security-policy: default-src 'none'",
    'x-content-type-options: nosniff',
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
