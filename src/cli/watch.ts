import { connect } from './client.ts';
import { type Command, defineCommand, takeArguments } from './command.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { startSpinner } from './spinner.ts';
import { timelineLine } from './timeline-line.ts';

/** `ringback watch`: the timeline of a verification, live until nothing more can happen. */
export const watch: Command = defineCommand({
  name: 'watch',
  args: 'ID',
  summary: 'follows the timeline of a verification to its end, callbacks included',
  details:
    'What has happened so far comes first. It ends when the verification is closed and its callbacks are settled.',
  options: {},
  async run({ positionals }, context) {
    const [id] = takeArguments(positionals, 'ID');
    const { output, interrupted } = context;
    const ringback = await connect(context);
    const stop = startSpinner(output, () => `following ${id}`);
    try {
      for await (const entry of ringback.events(id, { signal: interrupted })) {
        if (output.json) output.printLine({ event: 'timeline', entry });
        else output.print(timelineLine(entry, output));
      }
      const closed = await ringback.get(id, { signal: interrupted });
      if (output.json) output.printLine({ event: 'closed', verification: closed });
      return exitCodeOf(closed);
    } catch (error) {
      if (interrupted.aborted) return EXIT.interrupted.code;
      throw error;
    } finally {
      stop();
    }
  },
});
