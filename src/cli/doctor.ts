import { type Command, defineCommand, takeArguments } from './command.ts';
import { findDevelopmentService } from './development-service.ts';
import { checkApi } from './doctor/check-api.ts';
import { checkCallbackTarget } from './doctor/check-callback-target.ts';
import { checkConfiguration } from './doctor/check-configuration.ts';
import { checkRedis } from './doctor/check-redis.ts';
import { checkSignalWire } from './doctor/check-signalwire.ts';
import type { Finding } from './doctor/finding.ts';
import type { Env } from './env.ts';
import { EXIT } from './exit-codes.ts';
import { type Colour, type Output, visible } from './output.ts';
import { startSpinner } from './spinner.ts';

const COLOUR_OF: Record<Finding['status'], Colour> = { ok: 'green', warn: 'yellow', fail: 'red', skip: 'dim' };

/** `ringback doctor`: whether the service can do its work with this configuration, and what to fix. */
export const doctor: Command = defineCommand({
  name: 'doctor',
  args: '',
  summary: 'checks configuration, Redis, SignalWire, callback target and API',
  details: `Run it where the service runs: it reads the same environment (and .env, or what a running \`npm start\` uses).
Nothing is written, sent or delivered: SignalWire is asked about a code that does not exist, and the callback
target gets a connection without a request. RINGBACK_URL has the API asked as well.`,
  options: {},
  async run({ positionals }, { output, env: given, apiKeyFile }) {
    takeArguments(positionals);
    const env = await serviceEnv(given);
    const { settings, findings } = checkConfiguration(env);
    show(findings, output);
    const checks: readonly (readonly [what: string, check: () => Promise<Finding[]>])[] = [
      ['Redis', () => checkRedis(settings.REDIS_URL)],
      ['SignalWire', () => checkSignalWire(settings)],
      ['the callback target', () => checkCallbackTarget(settings)],
      ['the API', () => checkApi(env, apiKeyFile)],
    ];
    for (const [what, check] of checks) {
      const stop = startSpinner(output, () => `asking ${what}`);
      const found = await check().finally(stop);
      show(found, output);
      findings.push(...found);
    }
    const healthy = findings.every(({ status }) => status !== 'fail');
    if (output.json) output.printDocument({ healthy, checks: findings });
    else output.print(`\n${summarize(findings)}`);
    return healthy ? EXIT.ok.code : EXIT.error.code;
  },
});

/** The environment of the service: that of a running `npm start`, else our own. */
async function serviceEnv(env: Env): Promise<Env> {
  const running = await findDevelopmentService(env);
  return running === undefined ? env : { RINGBACK_URL: running.url, ...running.env };
}

function show(findings: readonly Finding[], output: Output): void {
  if (output.json) return;
  for (const { check, status, detail, fix } of findings) {
    const mark = output.paint(COLOUR_OF[status], status.padEnd(4));
    output.print(`${mark}  ${check.padEnd(17)}  ${visible(detail)}`);
    if (fix !== undefined) output.print(`${' '.repeat(25)}${fix}`);
  }
}

function summarize(findings: readonly Finding[]): string {
  const count = (wanted: Finding['status']) => findings.filter(({ status }) => status === wanted).length;
  const [fails, warns] = [count('fail'), count('warn')];
  if (fails > 0) return `${fails} to fix${warns > 0 ? `, ${warns} to look at` : ''}.`;
  return warns > 0 ? `It works; ${warns} to look at.` : 'All is well.';
}
