import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { button, enter, heading, it, openDemo, submitNumber, told } from '../api/demo-page-fixtures.ts';
import { CHROMIUM } from '../browser.ts';
import { freshNumber, MINUTE, ownDatabase } from '../fixtures.ts';

const START = fileURLToPath(new URL('../../scripts/start.mjs', import.meta.url));
const FROM_OUTSIDE = /^(SIGNALWIRE_|CALLBACK_|API_KEYS|ADMIN_|NODE_ENV|VITEST|REDIS_URL|DEMO)/;

/** `npm start` with the sandbox, on free ports and a Redis that is there. */
async function startEverything() {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'ringback-kill-'));
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !FROM_OUTSIDE.test(name)));
  const env = { ...clean, REDIS_URL: await ownDatabase(), RINGBACK_DATA_DIR: dataDir, PORT: '0', SANDBOX_PORT: '0' };
  const launcher = spawn(process.execPath, [START], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const said: string[] = [];
  let url = '';
  for await (const line of createInterface({ input: launcher.stdout })) {
    said.push(line);
    url = /Demo page +(\S+)\/demo/.exec(line)?.[1] ?? url;
    if (line.includes('Ctrl-C stops everything')) break;
  }
  launcher.stdout.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  return {
    url,
    said: () => said.join('\n'),
    async stop() {
      launcher.kill('SIGINT');
      const [exitCode] = launcher.exitCode === null ? await once(launcher, 'exit') : [launcher.exitCode];
      rmSync(dataDir, { recursive: true, force: true });
      return exitCode;
    },
  };
}

describe.skipIf(!CHROMIUM)('killing the worker from the demo under npm start', () => {
  it('loses nothing: it is started again and sends what was submitted meanwhile', { timeout: 2 * MINUTE }, async ({
    browser,
  }) => {
    const started = await startEverything();
    const { page, close } = await openDemo(browser, started.url);
    await button(page, 'Kill the worker').click();
    await page.getByText('Down; it is started again…').waitFor();
    await submitNumber(page, freshNumber());

    await told(page, 'Text accepted').waitFor({ timeout: MINUTE });
    await told(page, 'The worker is back').waitFor();
    await page.getByRole('article').locator('.code').waitFor();
    await enter(page, (await page.getByRole('article').locator('.code').textContent()) ?? '');
    await heading(page, 'Verified!').waitFor();
    await close();

    expect(await started.stop()).toBe(0);
    expect(started.said()).toContain('The worker was killed from the demo page.');
  });
});
