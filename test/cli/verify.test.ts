import { describe, expect } from 'vitest';
import { API_KEY, freshNumber, it, MINUTE, type Service } from '../fixtures.ts';
import { accessTo, eventsOf, type RunningCli, runCli, startCli } from './cli-process.ts';

/** Starts `ringback verify` and waits until it knows that its code is out. */
async function startVerify(service: Service, to: string, args: readonly string[] = []) {
  const cli = startCli(['verify', to, ...args], accessTo(service));
  const { code } = await service.sandbox.nextMessage(to);
  await expect.poll(() => cli.output.stdout).toContain('accepted by SignalWire');
  return { ...cli, code };
}

const enter = ({ child }: RunningCli, line: string) => void child.stdin.write(`${line}\n`);

async function onlyVerification(service: Service) {
  const { body } = await service.call<{ data: { id: string; status: string }[] }>('GET', '/v1/verifications');
  expect(body.data).toHaveLength(1);
  return body.data[0] ?? { id: '', status: '' };
}

describe('ringback verify', () => {
  it('tells the story, takes the code and says how it ended, plainly when piped', async ({ service }) => {
    const cli = await startVerify(service, freshNumber());

    enter(cli, '000');
    await expect.poll(() => cli.output.stderr).toContain('422 invalid-request');
    enter(cli, cli.code);
    const { code, stdout, stderr } = await cli.ended;

    expect(code).toBe(0);
    const told = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''))
      .filter((line) => !line.startsWith('callback')); // they come when they come
    expect(told).toEqual([
      expect.stringMatching(/^ver_/),
      'submitted by test: text for 45 s, then call; it expires in 10 min',
      'text starts (step 1): the first step',
      expect.stringMatching(/^text accepted by SignalWire in /),
      'the code was right (check 1 of 5)',
      expect.stringMatching(/^approved /),
    ]);
    expect(stdout + stderr).not.toContain('\x1b');
    expect(stdout + stderr).not.toContain(cli.code);
    expect(stdout + stderr).not.toContain(API_KEY);
  });

  it('prints one JSON document a line', async ({ service }) => {
    const cli = await startVerify(service, freshNumber(), ['--json', '--reference', 'login-1']);
    enter(cli, '999-x');
    enter(cli, '!');
    await expect.poll(() => cli.output.stdout).toContain('"refused"');
    enter(cli, cli.code);
    const { code, stdout, stderr } = await cli.ended;

    const events = eventsOf(stdout);
    expect(events[0]).toMatchObject({ event: 'submitted', verification: { reference: 'login-1', status: 'queued' } });
    expect(events).toContainEqual({
      event: 'refused',
      error: { code: 'invalid-request', message: expect.stringContaining('/code') },
    });
    const types = events.flatMap(({ entry }) => entry?.type ?? []);
    expect(types.filter((type) => !type.startsWith('callback'))).toEqual([
      'verification.created',
      'attempt.started',
      'attempt.sent',
      'check.wrong',
      'check.approved',
      'verification.approved',
    ]);
    expect(events.at(-1)).toMatchObject({ event: 'closed', verification: { status: 'approved' } });
    expect(stderr).toBe('');
    expect(stdout).not.toContain(cli.code);
    expect(code).toBe(0);
  });

  it('passes its options on', async ({ service }) => {
    const options = ['--workflow', 'call:30,sms', '--code-length', '8', '--expires-in', '120', '--max-checks', '2'];
    const { code, stdout } = await runCli(
      ['verify', freshNumber(), '--detach', '--json', ...options, '--callback-url', service.receiver.url],
      accessTo(service),
    );

    const [submitted] = eventsOf(stdout);
    expect(submitted?.verification).toMatchObject({
      workflow: [{ channel: 'call', timeout: 30 }, { channel: 'sms' }],
      checks: { max: 2 },
    });
    expect(eventsOf(stdout)).toHaveLength(1);
    expect(code).toBe(0);
  });

  it('calls on request', async ({ service }) => {
    const to = freshNumber();
    const cli = await startVerify(service, to);

    enter(cli, 'c');
    const call = await service.sandbox.nextMessage(to);
    enter(cli, call.code);

    expect((await cli.ended).code).toBe(0);
    expect(call.channel).toBe('call');
    expect(cli.output.stdout).toContain('the client asked for it');
  });

  it('says why another code has to wait, and goes on', async ({ service }) => {
    const cli = await startVerify(service, freshNumber());

    enter(cli, 'r');
    await expect.poll(() => cli.output.stderr).toContain('429 cooldown');
    enter(cli, cli.code);

    expect((await cli.ended).code).toBe(0);
  });

  it('follows on when standard input ends', async ({ service }) => {
    const cli = await startVerify(service, freshNumber());
    cli.child.stdin.end();
    const { id } = await onlyVerification(service);

    await service.check(id, cli.code);

    expect((await cli.ended).code).toBe(0);
  });

  it('ends with 5 when it is canceled', async ({ service }) => {
    const cli = await startVerify(service, freshNumber());

    enter(cli, 'q');

    expect((await cli.ended).code).toBe(5);
    expect(cli.output.stdout).toContain('canceled: the client canceled it');
  });

  it('ends with 3 when it expires', async ({ service }) => {
    const cli = await startVerify(service, freshNumber());
    await service.advance(11 * MINUTE);
    await service.read((await onlyVerification(service)).id); // the clock of the streams is moved, not their timers

    expect((await cli.ended).code).toBe(3);
  });

  it('ends with 4 when no code can be sent', async ({ service }) => {
    service.sandbox.behave({}, () => ({ status: 422 }));

    const { code, stdout } = await runCli(['verify', freshNumber()], accessTo(service));

    expect(stdout).toContain('failed: no code could be sent');
    expect(code).toBe(4);
  });

  it('ends with 6 when a policy blocks it', async ({ service }) => {
    const { code, stdout } = await runCli(['verify', '+33612345678'], accessTo(service));

    expect(stdout).toContain('blocked: codes are not sent to its country');
    expect(code).toBe(6);
  });

  it('leaves on Ctrl-C, says that it goes on, and how to follow it', async ({ service }) => {
    const cli = await startVerify(service, freshNumber());

    cli.child.kill('SIGINT');

    expect((await cli.ended).code).toBe(130);
    const { id, status } = await onlyVerification(service);
    expect(cli.output.stderr).toBe(`The verification goes on. To follow it: ringback watch ${id}\n`);
    expect(status).toBe('pending');
  });

  it('cancels it on Ctrl-C when asked to', async ({ service }) => {
    const cli = await startVerify(service, freshNumber(), ['--cancel-on-exit', '--json']);

    cli.child.kill('SIGINT');

    expect((await cli.ended).code).toBe(130);
    expect(eventsOf(cli.output.stdout).at(-1)).toMatchObject({ event: 'left', canceled: true });
    expect((await onlyVerification(service)).status).toBe('canceled');
  });
});
