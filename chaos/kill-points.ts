// Preloaded into the processes of a chaos run (`node --import`): kills or stops its own process at an exact point of its
// work, when told to. It only looks on: commands and requests pass unchanged.
import { subscribe } from 'node:diagnostics_channel';
import { Redis } from 'ioredis';
import type { VerificationId } from '../src/shared/ids.ts';
import { unpackVerification } from '../src/shared/packed-verification.ts';
import type { Attempt } from '../src/shared/verification.ts';
import type { Order, OrderMessage, Point, StoppedMessage } from './points.ts';

let order: Order | null = null;
/** Commands left until a process dies among its jobs; undefined while it is not that far. */
let countdown: number | undefined;

process.on('message', (message: OrderMessage) => {
  if (message.type !== 'chaos-order') return;
  order = message.order;
  countdown = undefined;
});

function reach(point: Point): void {
  if (order?.point === point) execute(order);
}

/** Starts to count the commands after a stored change. */
function count(point: Point): void {
  if (order?.point === point) countdown ??= order.commands;
}

function execute({ signal }: Order): void {
  order = null;
  countdown = undefined;
  const stopped: StoppedMessage = { type: 'chaos-stopped' };
  if (signal === 'SIGSTOP') process.send?.(stopped); // written to the pipe before the next line
  process.kill(process.pid, signal);
}

/** The points around one write to Redis. */
interface Write {
  before?: Point;
  onItsWay?: Point;
  after?: Point;
  amongJobs?: Point;
}

const WRITES = {
  intent: { before: 'before the intent', onItsWay: 'intent on its way to Redis', after: 'after the intent' },
  result: {
    before: 'before the result',
    onItsWay: 'result on its way to Redis',
    after: 'after the result',
    amongJobs: 'among the jobs after a result',
  },
  deadline: {
    before: 'before a deadline is acted on',
    after: 'after a deadline was acted on',
    amongJobs: 'among the jobs after a deadline',
  },
  delivery: { onItsWay: 'delivery on its way to Redis', after: 'after the delivery was stored' },
  submission: {
    before: 'before the submission',
    onItsWay: 'submission on its way to Redis',
    after: 'after the submission',
    amongJobs: 'among the jobs after a submission',
  },
  change: { before: 'before a change', onItsWay: 'change on its way to Redis', after: 'after a change' },
} as const satisfies Record<string, Write>;

const isApi = process.argv[1]?.includes('/api/') === true;
/** The intents that this process has stored: attempt id to token. */
const intents = new Map<string, string>();

/** Which write a command is, by what Ringback's scripts are given; undefined for everything else. */
function writeOf(name: string, args: readonly unknown[]): Write | undefined {
  if (name !== 'evalsha' && name !== 'eval') return undefined;
  const keyCount = Number(args[1]);
  const key = String(args[2]);
  const savesCallback = /:callback:cb_[0-9a-f]{34}$/.test(key) && String(args[3]).endsWith(':due-callbacks');
  if (savesCallback && keyCount <= 3) return WRITES.delivery;
  if (!/:verification:ver_[0-9a-f]{34}$/.test(key) || keyCount < 5) return undefined;
  const [id, version, doc] = args.slice(2 + keyCount).map(String);
  if (version === '0') return WRITES.submission;
  return isApi ? WRITES.change : workerWriteOf(unpackVerification(id as VerificationId, doc ?? '').attempts);
}

function workerWriteOf(attempts: readonly Attempt[]): Write {
  const ended = attempts.find(({ id, flight }) => intents.has(id) && flight?.token !== intents.get(id));
  if (ended) {
    intents.delete(ended.id);
    return WRITES.result;
  }
  const begun = attempts.find(({ id, flight }) => flight !== null && !intents.has(id));
  if (!begun?.flight) return WRITES.deadline;
  intents.set(begun.id, begun.flight.token);
  return WRITES.intent;
}

const sendCommand = Redis.prototype.sendCommand;
Redis.prototype.sendCommand = function (this: Redis, ...[command, stream]: Parameters<typeof sendCommand>) {
  const write = writeOf(command.name, command.args);
  if (order !== null && countdown !== undefined && countdown-- <= 0) execute(order);
  if (write?.before) reach(write.before);
  const reply = sendCommand.call(this, command, stream);
  if (write?.onItsWay) reach(write.onItsWay);
  if (write)
    command.promise.then(
      () => {
        if (write.after) reach(write.after);
        if (write.amongJobs) count(write.amongJobs);
      },
      () => {}, // the caller's own handler sees to it
    );
  return reply;
};

/** Undici tells what becomes of each request. */
function onRequest(channel: string, points: { send?: Point; check?: Point; callback?: Point }): void {
  subscribe(channel, (message) => {
    const { path } = (message as { request: { path: string } }).request;
    const point = /\/mfa\/(sms|call)$/.test(path)
      ? points.send
      : path.endsWith('/verify')
        ? points.check
        : points.callback;
    if (point) reach(point);
  });
}

onRequest('undici:client:sendHeaders', { send: 'request not yet written' });
onRequest('undici:request:bodySent', { send: 'request written', check: 'check asked', callback: 'callback written' });
onRequest('undici:request:headers', { send: 'answer arrived', check: 'check answered', callback: 'callback answered' });
