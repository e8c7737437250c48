import { createRingback, isRingbackError, type Ringback } from '../../../clients/typescript/src/index.ts';
import { API_KEY, it as base, freshNumber, type Service } from '../../fixtures.ts';

/** Beside the service: a client of it. */
export const it = base.extend<{ ringback: Ringback }>({
  ringback: ({ service }, use) => use(createRingback({ url: service.url, apiKey: API_KEY })),
});

/** A verification whose text has arrived, and the code in it. */
export async function texted(service: Service, ringback: Ringback, body: object = {}) {
  const to = freshNumber();
  const { id } = await ringback.submit({ to, ...body });
  await service.receiver.event('verification.attempt.sent', id);
  const { code } = await service.sandbox.nextMessage(to);
  return { id, to, code, wrong: code === '000000' ? '000001' : '000000' };
}

/** What a call throws, which has to be an error of the client. */
export async function failureOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!isRingbackError(error)) throw new Error('the call should have failed', { cause: error });
  return error;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}
