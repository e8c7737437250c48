// `npm test`: installs what is missing and runs the tests, on whatever Node.js is at hand. Arguments go to Vitest.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { PROJECT_DIR } from './choose-node.mjs';

try {
  const node = await bootstrap({ dev: true, log: (line) => console.log(`[ringback] ${line}`) });
  process.exitCode = await runVitest(node);
} catch (error) {
  console.error(`[ringback] ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

/**
 * @param {string} node
 * @returns {Promise<number>} its exit code
 */
function runVitest(node) {
  const vitest = path.join(PROJECT_DIR, 'node_modules', 'vitest', 'vitest.mjs');
  // NODE_ENV=production would refuse the embedded Redis, and is not what is tested.
  const env = { ...process.env, NODE_ENV: 'test' };
  const child = spawn(node, [vitest, 'run', ...process.argv.slice(2)], { cwd: PROJECT_DIR, env, stdio: 'inherit' });

  // Ctrl-C reaches Vitest by itself; we only wait for it to end. Any other signal came to us alone.
  process.on('SIGINT', () => {});
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));

  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
