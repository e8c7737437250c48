import type { Logger } from 'pino';

/** From the signal to the exit, at most; an orchestrator usually kills after 30 s. */
const SHUTDOWN_LIMIT_MS = 20_000;

type Why = 'SIGTERM' | 'SIGINT' | 'the parent process is gone';

/**
 * Ends the process once, on SIGTERM, SIGINT, or when the parent that started it with an IPC channel is gone.
 *
 * @param close - closes everything in reverse order; whatever it has not finished after 20 s is left. It is told why:
 * on SIGTERM another process may be taking over.
 */
export function exitGracefully(log: Logger, close: (why: Why) => Promise<void>): void {
  let closing = false;
  const end = (why: Why) => {
    if (closing) return;
    closing = true;
    log.info({ why }, 'shutting down');
    setTimeout(() => {
      log.error('not everything could be closed in time');
      process.exit(1);
    }, SHUTDOWN_LIMIT_MS - 500).unref();
    close(why).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ reason: String(error) }, 'shutdown failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => end('SIGINT'));
  process.on('disconnect', () => end('the parent process is gone'));
}

/** Resolves with the promise, or when the time is over; for closes that wait for a Redis that never answers. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
