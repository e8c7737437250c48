import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { hashPassword as hash } from '../shared/password.ts';
import { type Command, defineCommand, takeArguments, UsageError } from './command.ts';
import { EXIT } from './exit-codes.ts';

const SHORTEST = 12;

/** `ringback hash-password`: the hash of a password, for `ADMIN_PASSWORD` and `ADMIN_USERS`. */
export const hashPassword: Command = defineCommand({
  name: 'hash-password',
  args: '',
  summary: 'hashes a password for the sign-in of /admin',
  details: `The password is read from standard input, its first line, and is never shown. Put the hash in single quotes:
its dollar signs would be taken for variables.`,
  options: {},
  async run({ positionals }, { output, stdin }) {
    takeArguments(positionals);
    if (stdin.isTTY) output.note(`Password, at least ${SHORTEST} characters (it is not shown):`);
    // in a terminal the line editor does the echo, and this is where it goes
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: stdin, output: nowhere, terminal: stdin.isTTY === true });
    const [password] = (await Promise.race([once(lines, 'line'), once(lines, 'close').then(() => [''])])) as [string];
    lines.close();
    if (password.length < SHORTEST) throw new UsageError(`A password has at least ${SHORTEST} characters.`);
    const text = await hash(password);
    if (output.json) output.printDocument({ hash: text });
    else output.print(text);
    return EXIT.ok.code;
  },
});
