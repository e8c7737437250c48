// Yardstick: a BullMQ worker that makes one request for each job. Started as a process by the bench.
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Pool } from 'undici';

const CONCURRENCY = 50;

const pool = new Pool(String(process.env['SIGNALWIRE_BASE_URL']), { connections: CONCURRENCY });
const worker = new Worker<{ to: string }>(
  'bare',
  async ({ data }) => {
    const response = await pool.request({
      method: 'POST',
      path: '/api/relay/rest/mfa/sms',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to: data.to, token_length: 6, valid_for: 600, max_attempts: 7, allow_alphas: false }),
    });
    await response.body.json();
  },
  {
    connection: new Redis(String(process.env['REDIS_URL']), { maxRetriesPerRequest: null }),
    prefix: '{bare}',
    concurrency: CONCURRENCY,
    removeOnComplete: { count: 1_000 },
  },
);
await worker.waitUntilReady();
process.send?.({ type: 'ready' });
