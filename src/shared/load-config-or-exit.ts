import { type Config, ConfigError, loadConfig } from './config.ts';

/** Loads the settings; when some are bad, names them all on standard error and ends the process. */
export function loadConfigOrExit(name: 'api' | 'worker'): Config {
  try {
    return loadConfig(process.env, name);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
