import { describe, expect } from 'vitest';
import { API_KEY, freshNumber, it } from '../fixtures.ts';
import { accessTo, HAS_TERMINAL, type RunningCli, startInTerminal } from './cli-process.ts';

const GREEN = '\x1b[32m';
const type = ({ child }: RunningCli, keys: string) => void child.stdin.write(keys);

/** What a screen would show at last: every line as it was left. */
function screenOf(output: string): string[] {
  const lines = [''];
  let row = 0;
  let column = 0;
  const put = (line: string) => {
    lines[row] = line;
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own language
  for (const [part, steps, letter] of output.matchAll(/\x1b\[(\d*)([A-Za-z])|[\s\S]/gu)) {
    const line = lines[row] ?? '';
    if (letter === 'K') put('');
    else if (letter === 'J') {
      put(line.slice(0, column));
      lines.length = row + 1;
    } else if (letter === 'G') column = Number(steps) - 1;
    else if (letter === 'A') row -= Number(steps);
    else if (letter !== undefined)
      continue; // a colour
    else if (part === '\r') column = 0;
    else if (part === '\n') {
      row += 1;
      lines[row] ??= '';
    } else {
      put(line.slice(0, column).padEnd(column) + part + line.slice(column + 1));
      column += 1;
    }
  }
  return lines;
}

describe.skipIf(!HAS_TERMINAL)('in a terminal', () => {
  it('ringback verify shows the story above a prompt, and leaves neither prompt nor code behind', async ({
    service,
  }) => {
    const to = freshNumber();
    const cli = startInTerminal(['verify', to], accessTo(service));
    const { code } = await service.sandbox.nextMessage(to);
    await expect.poll(() => cli.output.stdout).toMatch(/[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] Code \(call in \d+ s\): /);

    type(cli, 'r\r');
    await expect.poll(() => cli.output.stdout).toContain('429 cooldown');
    type(cli, `${code}\r`);
    expect((await cli.ended).code).toBe(0);

    const screen = screenOf(cli.output.stdout).join('\n');
    expect(cli.output.stdout).toContain(`${GREEN}the code was right`);
    expect(screen).toContain('the code was right (check 1 of 5)');
    expect(screen).not.toContain('Code (call');
    expect(screen).not.toContain(code);
    expect(cli.output.stdout).not.toContain(API_KEY);
  });

  it('Ctrl-C leaves it while it waits for a code', async ({ service }) => {
    const to = freshNumber();
    const cli = startInTerminal(['verify', to], accessTo(service));
    await expect.poll(() => cli.output.stdout).toContain('Code (call');

    type(cli, '\x03');

    expect((await cli.ended).code).toBe(130);
    expect(screenOf(cli.output.stdout).join('\n')).toMatch(
      /The verification goes on\. To follow it: ringback watch ver_/,
    );
  });

  it('ringback watch turns a spinner until it ends', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    const cli = startInTerminal(['watch', id], accessTo(service));
    await expect.poll(() => cli.output.stdout).toMatch(new RegExp(`[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] following ${id}`));

    await service.call('POST', `/v1/verifications/${id}/cancel`);

    expect((await cli.ended).code).toBe(5);
    expect(screenOf(cli.output.stdout).join('\n')).not.toContain('following');
  });

  it('NO_COLOR takes the colours away, and --json all that is not JSON', async ({ service }) => {
    const { id } = await service.submit({ to: freshNumber() });
    await service.call('POST', `/v1/verifications/${id}/cancel`);

    const plain = startInTerminal(['watch', id], { ...accessTo(service), NO_COLOR: '1' });
    await plain.ended;
    const json = startInTerminal(['watch', id, '--json'], accessTo(service));
    await json.ended;

    expect(plain.output.stdout).toContain('following'); // the spinner has no colour
    // biome-ignore lint/suspicious/noControlCharactersInRegex: how colours begin and end
    expect(plain.output.stdout).not.toMatch(/\x1b\[\d*m/);
    expect(json.output.stdout).not.toContain('\x1b');
    for (const line of json.output.stdout.trimEnd().split(/\r?\n/)) JSON.parse(line);
  });
});
