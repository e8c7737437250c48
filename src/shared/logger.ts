import { type Logger, pino } from 'pino';

/** A process's log: one JSON line per fact on stdout. Only ids, counts and words go in; never a code or a full number. */
export function createLogger(process: string, level: string): Logger {
  return pino({ level, base: { process }, timestamp: pino.stdTimeFunctions.isoTime });
}
