// What the container engine runs in a container of Ringback to see whether its process lives: no shell, no curl.
// Exit code 0 when the address answers with a 2xx, else 1. The address is the first argument, or follows from the
// container's environment: a worker listens on its METRICS_PORT only, so that one comes first.
import { get } from 'node:http';

const { METRICS_PORT, PORT } = process.env;
const url = process.argv[2] ?? `http://127.0.0.1:${METRICS_PORT || PORT || 3000}/livez`;

get(url, { timeout: 2_000 }, (response) => {
  process.exit(response.statusCode !== undefined && response.statusCode < 300 ? 0 : 1);
})
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1));
