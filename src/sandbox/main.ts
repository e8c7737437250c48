import { z } from 'zod';
import { createLogger } from '../shared/logger.ts';
import { exitGracefully } from '../shared/shutdown.ts';
import { createSandbox } from './sandbox.ts';

const Settings = z.object({
  SANDBOX_HOST: z.string().default('127.0.0.1'),
  SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(3001),
  SANDBOX_PROJECT_KEY: z.string(),
  SANDBOX_TOKEN: z.string(),
});

const log = createLogger('sandbox', process.env['LOG_LEVEL'] || 'info');
// an empty value counts as unset, as everywhere
const settings = Settings.safeParse(Object.fromEntries(Object.entries(process.env).filter(([, value]) => value)));
if (!settings.success) {
  process.stderr.write(`${z.prettifyError(settings.error)}\n`);
  process.exit(1);
}
const { SANDBOX_HOST: host, SANDBOX_PORT: port, SANDBOX_PROJECT_KEY: projectKey, SANDBOX_TOKEN: token } = settings.data;

const sandbox = createSandbox({ projectKey, token, host });
try {
  await sandbox.listen(port);
} catch (error) {
  log.fatal({ reason: String(error) }, 'the sandbox cannot listen');
  process.exit(1);
}
exitGracefully(log, () => sandbox.close());
log.info({ url: sandbox.url }, 'the sandbox is listening');
process.send?.({ type: 'listening', url: sandbox.url });
