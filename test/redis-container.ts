import { GenericContainer, Wait } from 'testcontainers';

const STARTED_WITHIN_MS = 60_000;
const PORT = 6379;

/**
 * Starts a Redis (or a Valkey) in a container, in memory and with a database for each test.
 *
 * @throws {Error} when there is no engine, or the image cannot be had.
 */
export async function startRedisContainer(image: string): Promise<{ url: string; stop: () => Promise<unknown> }> {
  // its reaper is one more image to be had; this container holds nothing, and is removed when it stops
  process.env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';
  const server = image.includes('valkey') ? 'valkey-server' : 'redis-server';
  const container = await new GenericContainer(image)
    .withCommand([server, '--save', '', '--appendonly', 'no', '--databases', '8192'])
    .withExposedPorts(PORT)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .withAutoRemove(true)
    .withStartupTimeout(STARTED_WITHIN_MS)
    .start();
  return { url: `redis://${container.getHost()}:${container.getMappedPort(PORT)}`, stop: () => container.stop() };
}
