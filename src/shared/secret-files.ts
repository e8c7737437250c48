import { readFileSync } from 'node:fs';

/** A trailing newline is the editor's, not the secret's. */
const TRAILING_NEWLINE = /\r?\n$/;

/**
 * Reads the secrets that are given as files (`SIGNALWIRE_TOKEN_FILE=/run/secrets/token`), as container platforms hand
 * them out.
 *
 * @param names - the variables that may be given so.
 * @returns the texts by variable, and what is wrong: the file is named, its content never.
 */
export function readSecretFiles(
  env: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): { texts: Record<string, string>; bad: { variable: string; problem: string }[] } {
  const texts: Record<string, string> = {};
  const bad: { variable: string; problem: string }[] = [];
  for (const name of names) {
    const variable = `${name}_FILE`;
    const path = env[variable]?.trim() ?? '';
    if (path === '') continue;
    if (env[name]?.trim()) {
      bad.push({ variable, problem: `is set together with ${name}. Set one of them.` });
      continue;
    }
    try {
      texts[name] = readFileSync(path, 'utf8').replace(TRAILING_NEWLINE, '');
      if (texts[name].trim() === '')
        bad.push({ variable, problem: `${JSON.stringify(path)} is empty. Put the secret there.` });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
      bad.push({
        variable,
        problem: `${JSON.stringify(path)} cannot be read${code}. Name a file that this process may read.`,
      });
    }
  }
  return { texts, bad };
}
