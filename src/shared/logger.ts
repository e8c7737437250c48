import { type DestinationStream, type Logger, pino } from 'pino';
import { originFields } from './origin.ts';

/**
 * A process's log: one JSON line per fact, each with the request and the trace that it belongs to. Only ids, counts and
 * words go in; never a code or a full number.
 *
 * @param destination - stdout, when absent.
 */
export function createLogger(process: string, level: string, destination?: DestinationStream): Logger {
  return pino({ level, base: { process }, timestamp: pino.stdTimeFunctions.isoTime, mixin: originFields }, destination);
}
