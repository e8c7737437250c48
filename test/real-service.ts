import { expect, onTestFinished } from 'vitest';
import { createSandbox } from '../src/sandbox/sandbox.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import { startCallbackReceiver } from './callback-receiver.ts';
import { API_KEY, testEnvironment } from './fixtures.ts';
import { type ServiceProcess, startProcess } from './service-processes.ts';

const PROBE_INTERVAL_MS = 500;

export interface Answer {
  status: number;
  body: VerificationView & { approved?: boolean };
}
export type Call = (
  method: string,
  route: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

/** Sandbox, receiver and environment for real processes; everything ends with the test. */
export async function surroundings(redisUrl: string, env: Record<string, string> = {}) {
  const sandbox = createSandbox({ projectKey: 'test-project', token: 'test-token' });
  const receiver = await startCallbackReceiver();
  onTestFinished(async () => {
    await Promise.all([sandbox.close(), receiver.close()]);
    expect(receiver.faults).toEqual([]);
  });
  const environment = {
    ...testEnvironment(redisUrl, await sandbox.listen(0)),
    CALLBACK_URL: receiver.url,
    ...env,
  };
  const start = async (name: 'api' | 'worker', extra: Record<string, string> = {}) => {
    const starting = startProcess(name, { ...environment, ...extra });
    // also one that becomes ready only after the test has failed
    onTestFinished(async () => {
      const started = await starting.catch(() => undefined);
      started?.child.kill('SIGKILL');
      await started?.exited;
    });
    return starting;
  };
  return { sandbox, receiver, start };
}

/** Asks the API at a URL. */
export async function callAt(
  url: string,
  method: string,
  route: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(url + route, {
    method,
    headers: {
      authorization: `Bearer ${API_KEY}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

/** The connection was never made, so the request cannot have been written. */
export function isRefused(error: unknown): boolean {
  return error instanceof Error && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

/** What stands in front of the API processes: takes turns among those that said at their last probe that they are ready. */
export function startBalancer() {
  const backends = new Map<string, { ready: boolean }>();
  let turn = 0;

  async function probe(): Promise<void> {
    await Promise.all(
      [...backends].map(async ([url, backend]) => {
        backend.ready = await fetch(`${url}/readyz`).then(
          async (response) => (await response.text()) !== '' && response.status === 200,
          () => false,
        );
      }),
    );
  }
  const timer = setInterval(probe, PROBE_INTERVAL_MS);
  onTestFinished(() => clearInterval(timer));

  const call: Call = async (...request) => {
    turn += 1;
    const ready = [...backends].filter(([, backend]) => backend.ready).map(([url]) => url);
    const inTurn = ready.map((_, i) => ready[(turn + i) % ready.length] as string);
    for (const url of inTurn) {
      try {
        return await callAt(url, ...request);
      } catch (error) {
        if (!isRefused(error)) throw error;
      }
    }
    throw new Error(`none of ${ready.length} ready API processes took ${request[0]} ${request[1]}`);
  };

  return {
    call,
    add(url: string) {
      backends.set(url, { ready: false });
      return probe();
    },
    remove: (url: string) => backends.delete(url),
    isReady: (url: string) => backends.get(url)?.ready === true,
  };
}

/** Ends a process as an orchestrator does. */
export async function stop({ child, exited, output }: ServiceProcess): Promise<void> {
  child.kill('SIGTERM');
  expect(await exited, output()).toEqual({ code: 0, signal: null });
}
