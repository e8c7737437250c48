/** `npm start`, which started this process and runs the worker beside it. */
export interface Supervisor {
  /** Whether the worker runs; undefined: nobody who could start it again has said so. */
  workerRuns(): boolean | undefined;
  /** Has the worker killed and started again. */
  killWorker(): void;
}

/** The IPC channel to the process that started us. */
interface Channel {
  on(event: 'message', listener: (message: unknown) => void): unknown;
  send?: (message: unknown) => unknown;
}

/** Listens to the process that started us. Only `npm start` says how the worker is, so under anything else nobody can be asked. */
export function connectSupervisor(channel: Channel): Supervisor {
  let runs: boolean | undefined;
  channel.on('message', (message) => {
    const { type, runs: told } = (message ?? {}) as { type?: unknown; runs?: unknown };
    if (type === 'worker' && typeof told === 'boolean') runs = told;
  });
  return {
    workerRuns: () => runs,
    killWorker() {
      runs = false; // who asks before the answer must not hear that it runs
      channel.send?.({ type: 'kill-worker' });
    },
  };
}
