// A process of clients that wait, apart from the one that is measured. Told over IPC: open so many, wait until all are answered.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** They come fast, not all at once. */
const PER_STEP = 25;
const STEP_MS = 25;

interface Order {
  port: number;
  clients: number;
  /** One request, as it is sent. */
  request: string;
}

/** How the last of them was answered: when, and how many got each status. */
export interface CrowdReport {
  /** `Date.now()` */
  lastAt: number;
  statuses: Record<string, number>;
}

process.on('message', async ({ port, clients, request }: Order) => {
  const statuses: Record<string, number> = {};
  let open = clients;
  for (let i = 0; i < clients; i++) {
    if (i % PER_STEP === PER_STEP - 1) await pause(STEP_MS);
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.on('data', (part) => {
      text += part.toString('latin1');
    });
    socket.on('error', () => {}); // no answer, then
    socket.on('close', () => {
      const status = text.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length) || 'none';
      statuses[status] = (statuses[status] ?? 0) + 1;
      open -= 1;
      if (open === 0) process.send?.({ lastAt: Date.now(), statuses } satisfies CrowdReport);
    });
  }
});
