import { readSettings, type Settings, VARIABLES } from '../../shared/config.ts';
import type { Env } from '../env.ts';
import { type Finding, fail, ok } from './finding.ts';

/** Names every variable that would stop the start, and gives the settings that are good for the other checks. */
export function checkConfiguration(env: Env): { findings: Finding[]; settings: Partial<Settings> } {
  const { settings, bad } = readSettings(env, 'api');
  const set = VARIABLES.filter(({ name }) => env[name]).length;
  const findings = bad.map(({ variable, problem }) => {
    const [what = '', ...remedy] = problem.split(/(?<=\.) (?=[A-Z])/);
    return fail('configuration', `${variable} ${what}`, remedy.join(' ') || `See ${variable} in example.env.`);
  });
  return { settings, findings: bad.length > 0 ? findings : [ok('configuration', `${set} variables set, all good`)] };
}
