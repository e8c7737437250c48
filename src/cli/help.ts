import { COMMON_OPTIONS, type Command, type Options } from './command.ts';
import { EXIT } from './exit-codes.ts';
import { toTable } from './output.ts';

/** What `ringback help` says. */
export function describeProgram(commands: readonly Command[]): string {
  return [
    'ringback <command> [options]',
    '',
    'Phone verification from the command line.',
    '',
    'Commands:',
    ...indent([
      ...commands.map(({ name, args, summary }) => [`${name} ${args}`.trim(), summary]),
      ['help [COMMAND]', 'this text, or what a command takes'],
      ['version', 'the version'],
    ]),
    '',
    'Options of every command:',
    ...indent(describeOptions(COMMON_OPTIONS)),
    '',
    'Environment (also read from .env):',
    ...indent([
      ['RINGBACK_URL', 'the API (default: what `npm start` runs here, else http://127.0.0.1:3000)'],
      [
        'RINGBACK_API_KEY',
        'the key to it (default, on this machine only: the first of API_KEYS, or that of `npm start`)',
      ],
      ['NO_COLOR', 'no colours'],
    ]),
    '',
    'Exit codes:',
    ...indent(Object.values(EXIT).map(({ code, meaning }) => [String(code).padStart(3), meaning])),
  ].join('\n');
}

/** What `ringback help <command>` says. */
export function describeCommand({ name, args, summary, options, details }: Command): string {
  return [
    `ringback ${name} ${args} [options]`.replaceAll('  ', ' '),
    '',
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    '',
    'Options:',
    ...indent(describeOptions({ ...options, ...COMMON_OPTIONS })),
    ...(details === undefined ? [] : ['', details]),
  ].join('\n');
}

function describeOptions(options: Options): string[][] {
  return Object.entries(options).map(([name, { short, value, help }]) => [
    `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`,
    help,
  ]);
}

const indent = (rows: readonly (readonly string[])[]) => toTable(rows).map((line) => `  ${line}`);
