// Writes openapi.json from the schemas, or with --check fails when the committed one is not fresh.
import { readFileSync, writeFileSync } from 'node:fs';
import { createNetworkPolicy } from '../shared/callback-target.ts';
import { loadConfig } from '../shared/config.ts';
import { createEndpointSchemas } from './callback-endpoints.ts';
import { createOpenApi } from './openapi.ts';
import { createRequestSchemas } from './schemas.ts';

const FILE = new URL('../../openapi.json', import.meta.url);
/** The document describes a service with nothing but the required settings. */
const config = loadConfig(
  {
    REDIS_URL: 'redis://localhost:6379',
    SIGNALWIRE_SPACE: 'example',
    SIGNALWIRE_PROJECT_KEY: 'example',
    SIGNALWIRE_TOKEN: 'example',
    API_KEYS: `example:${'x'.repeat(24)}`,
  },
  'api',
);
const networks = createNetworkPolicy([]);
const schemas = { ...createRequestSchemas(config, networks), ...createEndpointSchemas(networks) };
const fresh = `${JSON.stringify(createOpenApi(schemas), null, 2)}\n`;

if (!process.argv.includes('--check')) {
  writeFileSync(FILE, fresh);
} else if (readFileSync(FILE, 'utf8') !== fresh) {
  process.stderr.write('openapi.json is not what the schemas say: run npm run openapi\n');
  process.exitCode = 1;
}
