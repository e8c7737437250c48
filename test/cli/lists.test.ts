import { describe, expect } from 'vitest';
import { freshNumber, it } from '../fixtures.ts';
import { accessTo, runCli } from './cli-process.ts';

describe('ringback list', () => {
  it('prints a table, the newest first', async ({ service }) => {
    const older = await service.submit({ to: freshNumber(), reference: 'older' });
    const newer = await service.submit({ to: freshNumber() });
    await service.call('POST', `/v1/verifications/${newer.id}/cancel`);

    const { code, stdout } = await runCli(['list'], accessTo(service));

    const [headings, first, second, ...rest] = stdout.trimEnd().split('\n');
    expect(headings).toMatch(/^ID +STATUS +TO +ATTEMPTS +CREATED +REFERENCE$/);
    expect(first).toContain(`${newer.id}  canceled`);
    expect(second).toMatch(new RegExp(`^${older.id} .*  older$`));
    expect(rest).toEqual([]);
    expect(code).toBe(0);
  });

  it('filters, and finds a number without it standing in a URL', async ({ service }) => {
    const [to, other] = [freshNumber(), freshNumber()];
    const wanted = await service.submit({ to, reference: 'order-7' });
    const canceled = await service.submit({ to: other });
    await service.call('POST', `/v1/verifications/${canceled.id}/cancel`);
    const ids = async (...args: string[]) => {
      const { stdout } = await runCli(['list', '--json', ...args], accessTo(service));
      const page: { data: { id: string }[] } = JSON.parse(stdout);
      return page.data.map(({ id }) => id);
    };

    expect(await ids('--number', to)).toEqual([wanted.id]);
    expect(await ids('--number', other, '--status', 'approved')).toEqual([]);
    expect(await ids('--reference', 'order-7')).toEqual([wanted.id]);
    expect(await ids('--status', 'canceled')).toEqual([canceled.id]);
    expect(service.logged.join('')).toContain('/v1/verifications/search');
    expect(service.logged.join('')).not.toContain(to.slice(1));
  });

  it('goes on where it ended', async ({ service }) => {
    const older = await service.submit({ to: freshNumber() });
    await service.submit({ to: freshNumber() });

    const { stderr } = await runCli(['list', '--limit', '1'], accessTo(service));
    const cursor = /^There are more: --cursor (\S+)$/m.exec(stderr)?.[1] ?? '';
    const { stdout } = await runCli(['list', '--limit', '1', '--cursor', cursor], accessTo(service));

    expect(stdout).toContain(older.id);
  });

  it('says so when there is none, and takes steering characters out of what there is', async ({ service }) => {
    expect((await runCli(['list'], accessTo(service))).stdout).toBe('None.\n');
    await service.submit({ to: freshNumber(), reference: 'red \x1b[31m' });

    expect((await runCli(['list'], accessTo(service))).stdout).toContain('red \ufffd[31m');
  });
});

describe('ringback callbacks', () => {
  it('lists them, those of one verification, and delivers one again', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    const { id: other } = await service.submit({ to: freshNumber() });
    for (const each of [id, other]) await service.call('POST', `/v1/verifications/${each}/cancel`);
    const canceledOf = (body: { data: { verification: { id: string } }; type: string }) =>
      body.type === 'verification.canceled' && body.data.verification.id === id;
    await expect.poll(() => service.receiver.received.filter(({ body }) => canceledOf(body))).toHaveLength(1);

    const all = await runCli(['callbacks', '--type', 'verification.canceled', '--json'], accessTo(service));
    const ofOne = await runCli(['callbacks', id], accessTo(service));
    const [callback] = JSON.parse(all.stdout).data.filter(
      (each: { verification_id: string }) => each.verification_id === id,
    );
    const replay = await runCli(['callbacks', 'replay', callback.id], accessTo(service));

    expect(JSON.parse(all.stdout).data).toHaveLength(2);
    expect(ofOne.stdout).toMatch(/^ID +STATUS +TYPE +DELIVERIES +LAST ANSWER +CREATED +TARGET\n/);
    expect(ofOne.stdout).toContain(callback.id);
    expect(
      ofOne.stdout
        .trimEnd()
        .split('\n')
        .slice(1)
        .every((line) => line.includes('127.0.0.1:')),
    ).toBe(true);
    expect(replay).toMatchObject({ code: 0, stdout: `${callback.id} is delivered again.\n` });
    await expect.poll(() => service.receiver.received.filter(({ body }) => canceledOf(body))).toHaveLength(2);
  });

  it('refuses filters beside a verification', async ({ service }) => {
    const { code, stderr } = await runCli(['callbacks', 'ver_1', '--status', 'pending'], accessTo(service));

    expect(stderr).toContain('without options');
    expect(code).toBe(2);
  });
});
