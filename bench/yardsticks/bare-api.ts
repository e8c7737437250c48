// Yardstick: what Express, zod and one BullMQ job cost, and nothing else. Started as a process by the bench.
import type { AddressInfo } from 'node:net';
import { Queue } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';
import { z } from 'zod';

const Body = z.strictObject({ to: z.string().regex(/^\+[1-9]\d{6,14}$/) });
const FILLER = 'x'.repeat(250);

const queue = new Queue('bare', { connection: new Redis(String(process.env['REDIS_URL'])), prefix: '{bare}' });
const app = express();
app.post('/v1/verifications', express.json(), async (request, response) => {
  const { to } = Body.parse(request.body);
  const job = await queue.add('job', { to, filler: FILLER });
  response.status(202).json({ id: job.id, to });
});
const server = app.listen(0, '127.0.0.1', () => {
  process.send?.({ type: 'ready', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});
