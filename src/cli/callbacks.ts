import type { Callback, ListCallbacks } from '../../clients/typescript/src/index.ts';
import { connect } from './client.ts';
import { type Command, defineCommand, takeArguments, UsageError } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { PAGE_OPTIONS, printPage, readPage } from './page.ts';
import { startSpinner } from './spinner.ts';

const HEADINGS = ['ID', 'STATUS', 'TYPE', 'DELIVERIES', 'LAST ANSWER', 'CREATED', 'TARGET'];

/** `ringback callbacks`: what was to be delivered, and what became of it. */
export const callbacks: Command = defineCommand({
  name: 'callbacks',
  args: '[VERIFICATION | replay CALLBACK]',
  summary: 'lists callbacks, of all verifications or of one; delivers one again',
  details: `ringback callbacks                   all of them, the newest first
ringback callbacks ver_…             those of one verification, in their order
ringback callbacks replay cb_…       delivers one again: the same id, the same bytes`,
  options: {
    status: { type: 'string', value: 'STATUS', help: 'pending, delivered, exhausted, refused or gone' },
    type: { type: 'string', value: 'EVENT', help: 'such as verification.approved' },
    endpoint: { type: 'string', value: 'ID', help: 'those of a callback endpoint' },
    ...PAGE_OPTIONS,
  },
  async run({ values, positionals }, context) {
    const { output, interrupted } = context;
    const [word] = positionals;
    const options = { signal: interrupted };
    const filter = { status: values.status, type: values.type, endpoint: values.endpoint, ...readPage(values) };

    if (word === 'replay') {
      const [, id] = takeArguments(positionals, 'replay', 'CALLBACK');
      const ringback = await connect(context);
      const replayed = await ringback.callbacks.replay(id, options).finally(startSpinner(output, () => 'asking'));
      if (output.json) output.printDocument(replayed);
      else output.print(`${replayed.id} is delivered again.`);
      return EXIT.ok.code;
    }
    if (word !== undefined) {
      takeArguments(positionals, 'VERIFICATION');
      if (Object.values(filter).some((value) => value !== undefined))
        throw new UsageError('The callbacks of one verification are listed whole, without options.');
    }
    const ringback = await connect(context);
    const stop = startSpinner(output, () => 'asking');
    const asked =
      word === undefined
        ? ringback.callbacks.list(filter as ListCallbacks, options).page() // the API judges the values
        : ringback.callbacks.of(word, options).then((data) => ({ object: 'list', data, next_cursor: null }));
    printPage(await asked.finally(stop), output, HEADINGS, toRow);
    return EXIT.ok.code;
  },
});

function toRow({ id, status, type, deliveries, created_at, url }: Callback): string[] {
  const last = deliveries.at(-1);
  const answer = last === undefined ? '' : String(last.http_status ?? last.detail);
  return [id, status, type, String(deliveries.length), answer, created_at, new URL(url).host];
}
