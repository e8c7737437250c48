import { explainListenError } from '../shared/explain-listen-error.ts';
import { loadConfigOrExit } from '../shared/load-config-or-exit.ts';
import { createLogger } from '../shared/logger.ts';
import { exitGracefully } from '../shared/shutdown.ts';
import { type RunningApi, startApi } from './start-api.ts';
import { connectSupervisor } from './supervisor.ts';

const config = loadConfigOrExit('api');
const log = createLogger('api', config.logLevel);
let api: RunningApi | undefined;
exitGracefully(log, async (why) => {
  if (why === 'SIGTERM') await api?.leave();
  await api?.close();
});
const supervisor = connectSupervisor(process);
api = await startApi(config, log, { supervisor }).catch((error) => explainListenError(error, config.host));
process.send?.({ type: 'listening', url: `http://127.0.0.1:${api.port}` });
