import type { CreateVerification, Ringback, Verification } from '../../clients/typescript/src/index.ts';
import { connect } from './client.ts';
import { type Command, type Context, defineCommand, takeArguments, UsageError } from './command.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { explain } from './explain.ts';
import { readInput } from './input.ts';
import { startSpinner } from './spinner.ts';
import { timelineLine } from './timeline-line.ts';

const HINT = 'Enter the code when it has come. r sends it again, c calls, t texts, q cancels.';

/** `ringback verify`: submits a verification, shows how it goes, and takes the code. */
export const verify: Command = defineCommand({
  name: 'verify',
  args: 'NUMBER',
  summary: 'submits a verification, shows its progress, asks for the code',
  details: `While it runs, a line that is entered is a code, or one letter: r sends the code again, c calls, t texts,
q cancels. Without a terminal the lines come from standard input; at its end the verification is followed on.
Ctrl-C leaves; the verification goes on, and \`ringback watch\` follows it.`,
  options: {
    workflow: {
      type: 'string',
      value: 'STEPS',
      help: 'such as sms:45,call: channels, each with its timeout in seconds',
    },
    from: { type: 'string', value: 'NUMBER', help: 'the sender' },
    message: { type: 'string', value: 'TEXT', help: 'what stands before the code (needs a sender of your own)' },
    'code-length': { type: 'string', value: 'N', help: '4 to 20' },
    'expires-in': { type: 'string', value: 'SECONDS', help: '60 to 86400' },
    'max-checks': { type: 'string', value: 'N', help: '1 to 10' },
    'callback-url': { type: 'string', value: 'URL', help: 'where its callbacks go' },
    reference: { type: 'string', value: 'TEXT', help: 'a name of your own to find it by' },
    'if-active': {
      type: 'string',
      value: 'WHAT',
      help: 'conflict, return or replace, when the number has an open one',
    },
    detach: { type: 'boolean', help: 'submits it and ends' },
    'cancel-on-exit': { type: 'boolean', help: 'Ctrl-C cancels it' },
  },
  async run({ values, positionals }, context) {
    const [to] = takeArguments(positionals, 'NUMBER');
    const { output, interrupted } = context;
    const ringback = await connect(context);
    const body = {
      to,
      workflow: readWorkflow(values.workflow),
      from: values.from,
      message: values.message,
      code_length: readInteger('code-length', values['code-length']),
      expires_in: readInteger('expires-in', values['expires-in']),
      max_checks: readInteger('max-checks', values['max-checks']),
      callback_url: values['callback-url'],
      reference: values.reference,
      if_active: values['if-active'],
    };
    const stop = startSpinner(output, () => 'submitting');
    const submitted = await ringback.submit(body as CreateVerification, { signal: interrupted }).finally(stop);
    if (output.json) output.printLine({ event: 'submitted', verification: submitted });
    else output.print(submitted.id);
    if (values.detach) return EXIT.ok.code;

    const closed = await accompany(ringback, submitted, context);
    if (closed !== undefined) {
      if (output.json) output.printLine({ event: 'closed', verification: closed });
      return exitCodeOf(closed);
    }
    await leave(ringback, submitted.id, values['cancel-on-exit'] ?? false, context);
    return EXIT.interrupted.code;
  },
});

/**
 * Follows a verification and carries out what is entered, until it is closed.
 *
 * @returns undefined when Ctrl-C came first.
 */
async function accompany(
  ringback: Ringback,
  submitted: Verification,
  context: Context,
): Promise<Verification | undefined> {
  const { output, interrupted } = context;
  let current = submitted;
  let entered: Promise<void> = Promise.resolve();
  if (output.terminal !== undefined && context.stdin.isTTY) output.note(HINT);
  const stopReading = readInput(context, {
    say: () => describeStanding(current),
    onLine: (line) => {
      entered = entered.then(() => carryOut(line.trim(), ringback, current, context)); // one after another
    },
  });
  try {
    for await (const entry of ringback.events(submitted.id, { signal: interrupted })) {
      if (output.json) output.printLine({ event: 'timeline', entry });
      else output.print(timelineLine(entry, output));
      current = await ringback.get(submitted.id, { signal: interrupted });
      if (entry.type === `verification.${current.status}`) return current;
    }
    return await ringback.get(submitted.id, { signal: interrupted });
  } catch (error) {
    if (interrupted.aborted) return undefined;
    throw error;
  } finally {
    stopReading();
    await entered; // what it has to tell comes before the end
  }
}

/** One line that was entered. A refusal is told, and the next line may do better. */
async function carryOut(
  line: string,
  ringback: Ringback,
  { id, attempts }: Verification,
  context: Context,
): Promise<void> {
  const { output, interrupted } = context;
  const options = { signal: interrupted };
  const lastChannel = attempts.at(-1)?.channel;
  try {
    switch (line.toLowerCase()) {
      case '':
        return;
      case 'r':
        await ringback.requestAttempt(id, lastChannel === undefined ? {} : { channel: lastChannel }, options);
        return;
      case 'c':
        await ringback.requestAttempt(id, { channel: 'call' }, options);
        return;
      case 't':
        await ringback.requestAttempt(id, { channel: 'sms' }, options);
        return;
      case 'q':
        await ringback.cancel(id, options);
        return;
      default: // a code has at least four characters
        await ringback.check(id, line, options);
    }
  } catch (error) {
    if (interrupted.aborted) return;
    const { code, message } = explain(error);
    if (output.json) output.printLine({ event: 'refused', error: { code, message } });
    else output.note(message);
  }
}

async function leave(ringback: Ringback, id: string, cancels: boolean, { output }: Context): Promise<void> {
  if (cancels) await ringback.cancel(id);
  if (output.json) output.printLine({ event: 'left', id, canceled: cancels });
  else if (cancels) output.note('The verification is canceled.');
  else output.note(`The verification goes on. To follow it: ringback watch ${id}`);
}

function describeStanding({ status, next_attempt: next }: Verification): string {
  if (next === null) return status === 'queued' ? 'Sending the code' : 'Code';
  const seconds = Math.max(0, Math.ceil((Date.parse(next.at) - Date.now()) / 1000));
  return `Code (${next.channel === 'sms' ? 'text' : 'call'} in ${seconds} s)`;
}

/** `sms:45,call` as the API takes it. */
function readWorkflow(text: string | undefined) {
  return text?.split(',').map((step) => {
    const [, channel, timeout] = /^(\w+)(?::(\d+)s?)?$/.exec(step.trim()) ?? [];
    if (channel === undefined) throw new UsageError('--workflow is a list of steps such as sms:45,call.');
    return { channel, timeout: timeout === undefined ? undefined : Number(timeout) };
  });
}

function readInteger(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${option} is a whole number.`);
  return Number(text);
}
