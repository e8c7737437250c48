#!/usr/bin/env node
import { VERSION } from '../shared/version.ts';
import { type Command, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { loadEnv } from './env.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { explain } from './explain.ts';
import { describeCommand, describeProgram } from './help.ts';
import { createOutput } from './output.ts';

const { stdin, stdout, stderr } = process;
const interruption = new AbortController();

process.on('SIGINT', interrupt);
process.on('SIGTERM', interrupt);
stdout.on('error', endWithReader);
process.exitCode = await run(process.argv.slice(2));

async function run([word = 'help', ...rest]: readonly string[]): Promise<ExitCode> {
  const json = rest.includes('--json');
  const wantsHelp = rest.includes('--help') || rest.includes('-h');
  if (['help', '--help', '-h'].includes(word)) return help(rest[0]);
  if (['version', '--version', '-v'].includes(word)) return say(VERSION);
  if (wantsHelp) return help(word);
  try {
    const env = loadEnv(process.env);
    return await find(word).run(rest, (common) => ({
      output: createOutput({ stdout, stderr, json: common.json ?? false, env }),
      env,
      stdin,
      apiKeyFile: common['api-key-file'],
      interrupted: interruption.signal,
      interrupt,
    }));
  } catch (error) {
    return tell(error, json);
  }
}

function help(name: string | undefined): ExitCode {
  try {
    return say(name === undefined ? describeProgram(COMMANDS) : describeCommand(find(name)));
  } catch (error) {
    return tell(error, false);
  }
}

function say(text: string): ExitCode {
  stdout.write(`${text}\n`);
  return EXIT.ok.code;
}

/** @throws {UsageError} when there is no such command. */
function find(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw new UsageError('There is no such command.');
  return command;
}

/** Says on standard error what went wrong; as JSON when JSON was asked for. */
function tell(error: unknown, json: boolean): ExitCode {
  if (interruption.signal.aborted) return EXIT.interrupted.code;
  const { code, exitCode, message } = explain(error);
  const hint = code === 'usage' ? '\n`ringback help` tells what there is.' : '';
  stderr.write(json ? `${JSON.stringify({ error: { code, message } })}\n` : `${message}${hint}\n`);
  return exitCode;
}

/** The first Ctrl-C lets the command end by itself, the second does not wait for it. */
function interrupt(): void {
  if (interruption.signal.aborted) process.exit(EXIT.interrupted.code);
  interruption.abort();
}

/** Nobody reads any more, as when the output goes to `head`. */
function endWithReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok.code);
}
