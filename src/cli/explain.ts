import { type AnyRingbackError, isRingbackError } from '../../clients/typescript/src/index.ts';
import { describeNetworkError } from '../shared/network-errors.ts';
import { UsageError } from './command.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { visible } from './output.ts';
import { RedisUnusableError } from './with-redis.ts';

/** What went wrong: for a program (`code`), for a shell (`exitCode`) and for a person. */
export interface Explanation {
  /** Of the API's problem or the client, else `usage`, `unreachable` or `error`. */
  code: string;
  exitCode: ExitCode;
  message: string;
}

export function explain(error: unknown): Explanation {
  if (error instanceof UsageError) return { code: 'usage', exitCode: EXIT.usage.code, message: error.message };
  if (isRingbackError(error)) return explainApi(error);
  if (error instanceof RedisUnusableError) {
    const message = `Redis is not usable: ${error.message}. Does REDIS_URL name it?`;
    return { code: 'unreachable', exitCode: EXIT.unreachable.code, message };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'error', exitCode: EXIT.error.code, message: `Something went wrong: ${message}` };
}

function explainApi({ code, status, message, cause }: AnyRingbackError): Explanation {
  if (status === undefined) {
    const why = describeNetworkError(cause instanceof Error ? cause.cause : undefined, message);
    const words = `The API was not reached: ${why}. Is RINGBACK_URL its address?`;
    return { code, exitCode: EXIT.unreachable.code, message: words };
  }
  const exitCode = status < 500 ? EXIT.refused.code : EXIT.unreachable.code;
  return { code, exitCode, message: `The API answered ${status} ${visible(message)}` };
}
