import { parseArgs } from 'node:util';
import type { Env } from './env.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Output } from './output.ts';

/** One option of a command; `help` is its line in the help, `value` how its value is called there. */
export interface Option {
  type: 'string' | 'boolean';
  short?: string;
  value?: string;
  help: string;
}
export type Options = Readonly<Record<string, Option>>;

type Values<O extends Options> = {
  readonly [Name in keyof O]?: O[Name]['type'] extends 'boolean' ? boolean : string;
};

/** What every command takes. */
export const COMMON_OPTIONS = {
  json: { type: 'boolean', help: 'prints JSON; live output is one JSON document a line' },
  'api-key-file': { type: 'string', value: 'FILE', help: 'holds the API key (default: RINGBACK_API_KEY)' },
  help: { type: 'boolean', short: 'h', help: 'tells how a command is used' },
} as const satisfies Options;

/** What a command runs with. */
export interface Context {
  output: Output;
  env: Env;
  stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  /** The file given as `--api-key-file`. */
  apiKeyFile: string | undefined;
  /** Aborted by Ctrl-C. */
  interrupted: AbortSignal;
  /** Does what Ctrl-C does. */
  interrupt: () => void;
}

/** A command as the command table holds it. */
export interface Command {
  name: string;
  /** Its arguments, as the help shows them. */
  args: string;
  summary: string;
  /** What the help says below the options. */
  details?: string;
  options: Options;
  /** @throws {UsageError} when the arguments are not its own. */
  run(argv: readonly string[], makeContext: MakeContext): Promise<ExitCode>;
}

/** The context that follows from the common options. */
export type MakeContext = (common: Values<typeof COMMON_OPTIONS>) => Context;

interface Definition<O extends Options> extends Omit<Command, 'run'> {
  options: O;
  run(input: { values: Values<O>; positionals: readonly string[] }, context: Context): Promise<ExitCode>;
}

/** Makes a command whose `run` gets its options parsed, with their types. */
export function defineCommand<const O extends Options>(definition: Definition<O>): Command {
  return {
    ...definition,
    run(argv, makeContext) {
      const { values, positionals } = parse(argv, { ...COMMON_OPTIONS, ...definition.options });
      const context = makeContext(values as Values<typeof COMMON_OPTIONS>);
      return definition.run({ values: values as Values<O>, positionals }, context);
    },
  };
}

function parse(argv: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The command line or the configuration is wrong: the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The arguments by their number, or a usage error that says which one is missing or too much. */
export function takeArguments<const Names extends readonly string[]>(
  positionals: readonly string[],
  ...names: Names
): { [I in keyof Names]: string } {
  const missing = names[positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing.`);
  if (positionals.length > names.length) throw new UsageError('There are more arguments than the command takes.');
  return positionals as unknown as { [I in keyof Names]: string };
}
