import { describe, expect, it } from 'vitest';
import type { Figures } from '../../../src/api/admin/console-figures.ts';
import { createKeys } from '../../../src/shared/keys.ts';
import { partitionNames, placesOf } from '../../../src/shared/partitions.ts';
import type { VerificationView } from '../../../src/shared/verification-view.ts';
import { CHROMIUM, launchBrowser } from '../../browser.ts';
import { freshNumber, SECOND, type Service } from '../../fixtures.ts';
import { ask, serviceWithAdmin, signedIn } from './admin-client.ts';
import { openConsole } from './console-fixtures.ts';

const PARTITIONS = ['0', '80'];
const QUEUES = ['verifications', 'sms', 'call', 'callbacks'];

const serviceWithPartitions = (workers: number) =>
  serviceWithAdmin({ PARTITIONS: String(PARTITIONS.length) }, { workers });

const partitionOf = ({ id }: VerificationView) => placesOf(id, PARTITIONS.length)[0];

/** Verifications in all partitions. */
async function submitToAll(service: Service): Promise<VerificationView[]> {
  const made: VerificationView[] = [];
  while (new Set(made.map(partitionOf)).size < PARTITIONS.length)
    made.push(await service.submit({ to: freshNumber(), reference: `order ${made.length}` }));
  return made;
}

describe('the console over several partitions', () => {
  it('counts, finds and tells of what is in each of them', async () => {
    const service = await serviceWithPartitions(1);
    const made = await submitToAll(service);
    for (const { id, to } of made) {
      const { code } = await service.sandbox.nextMessage(to);
      await service.receiver.event('verification.attempt.sent', id);
      expect((await service.check(id, code)).body.approved).toBe(true);
      await service.receiver.event('verification.approved', id);
    }

    const all = made.length;
    await expect
      .poll(async () => (await ask<Figures>(service, 'figures')).body, { timeout: 10 * SECOND })
      .toMatchObject({
        created: all,
        ended: { approved: all },
        channels: [{ channel: 'sms', sent: all, conversion: { ended: all, approved: all } }, {}],
        tries: [{ channel: 'sms', outcome: 'sent', count: all }],
        targets: [{ deliveries: 2 * all, failed: 0 }],
      });
    for (const { id, to, reference } of made) {
      const { body } = await ask<{ timeline: { type: string }[]; callbacks: { id: string }[] }>(
        service,
        `verifications/${id}`,
      );
      expect(body.timeline.map(({ type }) => type)).toContain('verification.approved');
      expect(body.callbacks).toHaveLength(2);
      for (const wanted of [id, to, reference, body.callbacks[0]?.id]) {
        const found = await ask<{ data: { id: string }[] }>(service, 'search', { wanted });
        expect([wanted, found.body.data.map((v) => v.id)]).toEqual([wanted, [id]]);
      }
      const replayed = await ask(service, `callbacks/${body.callbacks[0]?.id}/replay`, {});
      expect(replayed.status).toBe(202);
    }
  });

  it('adds up the jobs of this moment, and shows the longest wait and any pause', async () => {
    const service = await serviceWithPartitions(0);
    const made = await submitToAll(service);
    service.clock.advance(7 * SECOND);
    const now = async () => {
      const { body } = await ask<{ queues: { queue: string; waiting: number; lag_ms: number; paused: boolean }[] }>(
        service,
        'now',
      );
      return Object.fromEntries(body.queues.map(({ queue, ...told }) => [queue, told]));
    };

    const before = await now();
    expect(Object.keys(before)).toEqual(QUEUES);
    expect(before['sms']).toMatchObject({ waiting: made.length, paused: false });
    expect(before['sms']?.lag_ms).toBeGreaterThanOrEqual(7 * SECOND);
    const inSecond = service.allQueues.find(({ name, opts }) => name === 'sms' && opts.prefix?.includes(':80}'));
    await inSecond?.pause();
    expect((await now())['sms']).toMatchObject({ waiting: made.length, paused: true });
  });
});

describe('Bull Board over several partitions', () => {
  it('names each queue with its partition, and changes only the one that is meant', async () => {
    const service = await serviceWithPartitions(0);
    const made = await submitToAll(service);
    const browser = await signedIn(service);
    const { queues } = (await (await browser.board()).json()) as {
      queues: { name: string; displayName: string; counts: { prioritized: number } }[];
    };

    expect(queues.map(({ displayName }) => displayName).toSorted()).toEqual(
      PARTITIONS.flatMap((partition) => QUEUES.map((queue) => `${queue} (partition ${partition})`)).toSorted(),
    );
    for (const partition of PARTITIONS) {
      const own = made.filter((v) => partitionOf(v) === partition);
      const board = queues.find(({ name }) => name === `partition ${partition}:sms`);
      expect(board?.counts.prioritized).toBe(own.length);
    }
    const paused = await browser.board('/api/queues/partition%2080%3Asms/pause', { method: 'PUT' });
    expect(paused.status).toBe(200);
    const sms = service.allQueues.filter(({ name }) => name === 'sms');
    expect(await Promise.all(sms.map(async (queue) => [queue.opts.prefix, await queue.isPaused()]))).toEqual(
      partitionNames(2).map((name) => [createKeys().inPartition(name).queuePrefix, name === '80']),
    );
    expect((await ask<{ data: unknown[] }>(service, 'audit')).body.data[0]).toMatchObject({
      action: 'queues.pause',
      subject: 'partition 80:sms',
    });
  });

  it.skipIf(CHROMIUM === undefined)('shows them so in a browser', async () => {
    const service = await serviceWithPartitions(0);
    await submitToAll(service);
    const browser = await launchBrowser();
    try {
      const { page } = await openConsole(browser, service, '/admin/queues/');
      for (const partition of PARTITIONS) await page.getByText(`sms (partition ${partition})`).first().waitFor();
      await page.goto(`${service.url}/admin/queues/queue/partition%2080%3Asms`);
      await page.getByText('One job per text').first().waitFor();
      await page.getByText('sms (partition 80)').first().waitFor();
    } finally {
      await browser.close();
    }
  });
});
