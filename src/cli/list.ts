import type { ListVerifications, SearchVerifications } from '../../clients/typescript/src/index.ts';
import { connect } from './client.ts';
import { type Command, defineCommand, takeArguments, UsageError } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { PAGE_OPTIONS, printPage, readPage } from './page.ts';
import { startSpinner } from './spinner.ts';

/** `ringback list`: verifications, the newest first. */
export const list: Command = defineCommand({
  name: 'list',
  args: '',
  summary: 'lists verifications, the newest first',
  options: {
    status: {
      type: 'string',
      value: 'STATUS',
      help: 'queued, pending, approved, expired, failed, canceled or blocked',
    },
    reference: { type: 'string', value: 'TEXT', help: 'those submitted with this reference' },
    number: { type: 'string', value: 'NUMBER', help: 'those of this number' },
    ...PAGE_OPTIONS,
  },
  async run({ values, positionals }, context) {
    takeArguments(positionals);
    const { status, reference, number } = values;
    if (number !== undefined && reference !== undefined)
      throw new UsageError('--number and --reference do not go together.');
    const filter = { status, reference, to: number, ...readPage(values) };
    const ringback = await connect(context);
    const options = { signal: context.interrupted };
    const stop = startSpinner(context.output, () => 'asking');
    // the API judges the values
    const listing =
      number === undefined
        ? ringback.list(filter as ListVerifications, options)
        : ringback.search(filter as SearchVerifications, options);
    const page = await listing.page().finally(stop);
    printPage(page, context.output, ['ID', 'STATUS', 'TO', 'ATTEMPTS', 'CREATED', 'REFERENCE'], (verification) => [
      verification.id,
      verification.reason === null || verification.reason === verification.status
        ? verification.status
        : `${verification.status} (${verification.reason})`,
      verification.to,
      verification.attempts.map(({ channel, status: how }) => `${channel} ${how}`).join(', '),
      verification.created_at,
      verification.reference ?? '',
    ]);
    return EXIT.ok.code;
  },
});
