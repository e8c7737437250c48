import { explainListenError } from '../shared/explain-listen-error.ts';
import { loadConfigOrExit } from '../shared/load-config-or-exit.ts';
import { createLogger } from '../shared/logger.ts';
import { exitGracefully } from '../shared/shutdown.ts';
import { startWorker } from './start-worker.ts';

const config = loadConfigOrExit('worker');
const log = createLogger('worker', config.logLevel);
let close = async () => {}; // a start may wait for Redis for long, and must end with its parent or a signal too
exitGracefully(log, () => close());
const worker = await startWorker(config, log, {
  onWedged(queue) {
    log.fatal(
      { queue },
      'jobs wait and nothing has moved for 60 s: this process ends, for a new one to take its place',
    );
    process.exit(1);
  },
}).catch((error) => explainListenError(error, config.host));
close = () => worker.close();
process.send?.({ type: 'ready' });
