/** The moments of a worker's life at which it can be made to die, in the order in which it meets them. */
export const WORKER_POINTS = [
  'before the intent',
  'intent on its way to Redis',
  'after the intent',
  'request not yet written',
  'request written',
  'answer arrived',
  'before the result',
  'result on its way to Redis',
  'after the result',
  'among the jobs after a result',
  'before a deadline is acted on',
  'after a deadline was acted on',
  'among the jobs after a deadline',
  'callback written',
  'callback answered',
  'delivery on its way to Redis',
  'after the delivery was stored',
] as const;

/** Where a worker may freeze: not between its last look at the clock and the write, which no program can guard. */
export const FREEZE_POINTS = WORKER_POINTS.filter((point) => point !== 'request not yet written');

/** The same for an API process. */
export const API_POINTS = [
  'before the submission',
  'submission on its way to Redis',
  'after the submission',
  'among the jobs after a submission',
  'before a change',
  'change on its way to Redis',
  'after a change',
  'check asked',
  'check answered',
] as const;

export type Point = (typeof WORKER_POINTS)[number] | (typeof API_POINTS)[number];

/** What a process is told to do to itself when it next comes to a point. */
export interface Order {
  point: Point;
  signal: 'SIGKILL' | 'SIGSTOP';
  /** For the points among jobs: after how many further commands to Redis. */
  commands: number;
}

/** From the chaos run to a process; null takes the order back. */
export interface OrderMessage {
  type: 'chaos-order';
  order: Order | null;
}

/** From a process that stops itself: whoever gave the order has to wake it. */
export interface StoppedMessage {
  type: 'chaos-stopped';
}
