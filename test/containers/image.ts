import { fileURLToPath } from 'node:url';
import { run } from './engine.ts';

const PROJECT_DIR = fileURLToPath(new URL('../..', import.meta.url));

/** Apart from the operator's own. */
export const IMAGE = 'ringback:test';

/** Builds the image from the working tree; the engine keeps what has not changed. */
export async function buildImage(): Promise<void> {
  await run('docker', ['build', '--quiet', '--build-arg', 'VERSION=0.0.0-test', '--tag', IMAGE, PROJECT_DIR]);
}
