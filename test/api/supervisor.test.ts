import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { connectSupervisor } from '../../src/api/supervisor.ts';

it('takes the worker for down from the wish to kill it until it is said to run again', () => {
  const sent: unknown[] = [];
  const channel = Object.assign(new EventEmitter(), { send: (message: unknown) => sent.push(message) });
  const supervisor = connectSupervisor(channel);
  expect(supervisor.workerRuns()).toBeUndefined();
  channel.emit('message', { type: 'worker', runs: true });
  expect(supervisor.workerRuns()).toBe(true);

  supervisor.killWorker();

  expect(sent).toEqual([{ type: 'kill-worker' }]);
  expect(supervisor.workerRuns()).toBe(false);
  channel.emit('message', { type: 'worker', runs: true });
  expect(supervisor.workerRuns()).toBe(true);
});
