import { findFreePort } from '../scripts/system.mjs';

/** Below those that systems give to outgoing connections and to whoever asks for any port (Linux: from 32768 on). */
const PORTS = { from: 11_000, count: 10_000 };

/**
 * A port on which nobody listens, and that nobody takes by chance before its owner does, or while its owner is away.
 *
 * @param above - distances at which ports must be free as well.
 */
export async function findQuietPort(above: readonly number[] = []): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * PORTS.count);
    const wanted = [port, ...above.map((distance) => port + distance)];
    const free = await Promise.all(wanted.map(async (one) => (await findFreePort(one)) === one));
    if (!free.includes(false)) return port;
  }
}
