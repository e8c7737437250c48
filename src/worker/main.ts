import { explainListenError } from '../shared/explain-listen-error.ts';
import { loadConfigOrExit } from '../shared/load-config-or-exit.ts';
import { createLogger } from '../shared/logger.ts';
import { exitGracefully } from '../shared/shutdown.ts';
import { startWorker } from './start-worker.ts';

const config = loadConfigOrExit('worker');
const log = createLogger('worker', config.logLevel);
const worker = await startWorker(config, log).catch(explainListenError);
exitGracefully(log, () => worker.close());
process.send?.({ type: 'ready' });
