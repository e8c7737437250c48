import { describe, expect } from 'vitest';
import { freshNumber, it } from '../fixtures.ts';
import { accessTo, eventsOf, runCli, startCli } from './cli-process.ts';

describe('ringback watch', () => {
  it('tells what has been and what comes, to the last callback', async ({ service }) => {
    const to = freshNumber();
    const { id } = await service.submit({ to });
    const { code } = await service.sandbox.nextMessage(to);
    const cli = startCli(['watch', id], accessTo(service));
    await expect.poll(() => cli.output.stdout).toContain('accepted by SignalWire');

    await service.check(id, code);

    expect((await cli.ended).code).toBe(0);
    expect(cli.output.stdout).toMatch(/^\d\d:\d\d:\d\d {2}submitted by test: /);
    expect(cli.output.stdout).toMatch(/callback verification\.approved delivered to 127\.0\.0\.1:\d+ in .*\n$/);
    expect(cli.output.stderr).toBe('');
  });

  it('ends by the outcome, and tells it as JSON', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    await service.call('POST', `/v1/verifications/${id}/cancel`);

    const { code, stdout } = await runCli(['watch', id, '--json'], accessTo(service));

    const events = eventsOf(stdout);
    expect(events[0]).toMatchObject({ event: 'timeline', entry: { type: 'verification.created' } });
    expect(events.at(-1)).toMatchObject({ event: 'closed', verification: { id, status: 'canceled' } });
    expect(code).toBe(5);
  });

  it('leaves on Ctrl-C', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    const cli = startCli(['watch', id], accessTo(service));
    await expect.poll(() => cli.output.stdout).toContain('submitted by');

    cli.child.kill('SIGINT');

    expect((await cli.ended).code).toBe(130);
  });

  it('ends with 7 when there is no such verification', async ({ service }) => {
    const { code, stderr } = await runCli(['watch', 'ver_nobody'], accessTo(service));

    expect(stderr).toContain('404 not-found');
    expect(code).toBe(7);
  });
});
