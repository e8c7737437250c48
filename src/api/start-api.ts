import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Logger } from 'pino';
import { createAllowances } from '../shared/allowances.ts';
import { createApiKeyStore } from '../shared/api-key-store.ts';
import { createAuditLog } from '../shared/audit-log.ts';
import { createNetworkPolicy } from '../shared/callback-target.ts';
import type { Clock } from '../shared/clock.ts';
import type { Config } from '../shared/config.ts';
import { allowedCountries, createCountryRule } from '../shared/country-rule.ts';
import { createFamiliarClients } from '../shared/familiar-clients.ts';
import { randomHex } from '../shared/ids.ts';
import { createKeys } from '../shared/keys.ts';
import { createLimits } from '../shared/limits.ts';
import { createMetrics } from '../shared/metrics.ts';
import { createBlockListRule, exceptListed } from '../shared/number-list.ts';
import { createNumberRuns } from '../shared/number-runs.ts';
import { createNumberTypeRule } from '../shared/number-type-rule.ts';
import { listen, startOperationsServer } from '../shared/operations-server.ts';
import { createPrefixBlocks, createPrefixRules } from '../shared/prefix-blocks.ts';
import { createPumpingGuard } from '../shared/pumping-guard.ts';
import { connectForRequests, connectForWork, disconnect } from '../shared/redis.ts';
import { createRedisClock } from '../shared/redis-clock.ts';
import { createScreening } from '../shared/screening.ts';
import { within } from '../shared/shutdown.ts';
import { createSignalWireClient } from '../shared/signalwire-client.ts';
import { createBudgetRule } from '../shared/spending.ts';
import { createStorage } from '../shared/storage.ts';
import { traceSignalWire } from '../shared/trace-signalwire.ts';
import { createTracing } from '../shared/tracing.ts';
import { createAdmin } from './admin/admin.ts';
import { createConsole } from './admin/console.ts';
import { createNow } from './admin/console-now.ts';
import { createConsoleSearch } from './admin/console-search.ts';
import { createApp } from './app.ts';
import { createAuthenticate } from './authenticate.ts';
import { createCallbackEndpointRoutes, createEndpointSchemas } from './callback-endpoints.ts';
import { createChangeFeed } from './change-feed.ts';
import { createCheckCode } from './check-code.ts';
import { createCheckLimits } from './check-limits.ts';
import { createSubmitVerification } from './create-verification.ts';
import { createDemo, DEMO_OWNER } from './demo.ts';
import { createDraftVerification } from './draft-verification.ts';
import { createErasureRoutes } from './erase-number.ts';
import { createFindVerification } from './find-verification.ts';
import { createTimeline, timelineRoute } from './get-timeline.ts';
import { getVerificationRoute } from './get-verification.ts';
import { createHttpServer, HTTP_TIMEOUTS, type HttpTimeouts } from './http-server.ts';
import { createIdempotency } from './idempotency.ts';
import { createKnownApiKeys } from './known-api-keys.ts';
import { createListRoutes } from './list-verifications.ts';
import { createNumberKey } from './number-key.ts';
import { createOpenApi } from './openapi.ts';
import { createRecordFinding } from './record-finding.ts';
import { createReplayCallback } from './replay-callback.ts';
import { createRequestAttempt } from './request-attempt.ts';
import { createRequestSchemas } from './schemas.ts';
import { simulateRoute } from './simulate-verification.ts';
import type { Supervisor } from './supervisor.ts';

/** Together with the errands that follow it, a command that gets no answer ends within the 2 s of a request. */
const COMMAND_TIMEOUT_MS = 800;
/** So that the first requests after a start find a connection; without Redis it starts all the same. */
const FIRST_CONNECTION_MS = 2_000;
/** How long a balancer has to see that the process is not ready before connections are closed or refused. */
const LEAVE_MS = 3_000;
/** Requests that run when the process has to go may finish, a check within its 10 s. */
const DRAIN_LIMIT_MS = 12_000;
const VERIFY_CONNECTIONS = 64;

export interface RunningApi {
  port: number;
  /** Port of `/metrics`, when there is one. */
  metricsPort: number | undefined;
  /** Clients that are connected at this moment. */
  connections(): Promise<number>;
  /** Requests that wait for a change at this moment. */
  waiting(): number;
  /** Says that it is not ready, and still takes requests for as long as others need to notice; `close` comes next. */
  leave(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Wires an API process together and starts it. It starts without Redis, too, and answers 503 until Redis is there.
 *
 * @param given - a clock that a test moves, and shorter timeouts; the process that started this one, if it can be asked
 * for things.
 */
export async function startApi(
  config: Config,
  log: Logger,
  given: { clock?: Clock; supervisor?: Supervisor; timeouts?: HttpTimeouts } = {},
): Promise<RunningApi> {
  const keys = createKeys();
  const redis = connectForRequests(config.redisUrl, log, COMMAND_TIMEOUT_MS);
  const redisClock = createRedisClock({ redis });
  const clock = given.clock ?? redisClock;
  const connected = new Promise<void>((resolve) => {
    redis.on('ready', () => {
      redisClock.sync().then(resolve, () => {}); // measured again in a few seconds
    });
  });
  const metrics = createMetrics('api', allowedCountries(config.countries));
  const storage = createStorage({ redis, keys, clock, redisClock, config, metrics, log });
  const {
    runScript,
    policy,
    partitions,
    findJob,
    errands,
    endpoints,
    endpointEvents,
    store,
    callbacks,
    verifications,
    conversions,
    erasures,
    decisions,
    testNumbers,
    spending,
    troubles,
    tallies,
    health,
  } = storage;
  const monotonicNow = () => performance.now();
  const tracing = await createTracing(config.tracing, 'api');
  const client = createSignalWireClient({
    ...config.signalwire,
    timeoutMs: config.sending.timeoutMs,
    clock,
    connections: VERIFY_CONNECTIONS,
  });
  const signalwire = traceSignalWire(client, tracing);
  const networks = createNetworkPolicy(config.callbacks.allowNetworks);
  const schemas = createRequestSchemas(config, networks);
  const endpointSchemas = createEndpointSchemas(networks);
  const find = createFindVerification({ store, verifications });
  const subscriber = connectForWork(config.redisUrl, log);
  const changes = createChangeFeed({
    redis: subscriber,
    channels: partitions.map((partition) => partition.keys.changes),
  });
  const apiKeyStore = createApiKeyStore({ redis, runScript, keys, clock });
  /** All names that verifications may belong to. */
  const owners = async () => {
    const stored = await apiKeyStore.list();
    return [...new Set([...config.apiKeys, ...stored].map(({ name }) => name)), ...(config.demo ? [DEMO_OWNER] : [])];
  };
  const apiKeys = createKnownApiKeys({
    store: apiKeyStore,
    subscriber,
    keys,
    clock,
  });
  const getVerification = getVerificationRoute({ find, changes, clock, monotonicNow });
  const numberKey = createNumberKey({ redis, keys, configured: config.numberKey, random: randomHex });
  const draft = createDraftVerification({ config, clock, numberKey, testNumbers, random: randomHex });
  const allowances = createAllowances({ redis, runScript });
  const familiar = createFamiliarClients({ redis, keys, clock });
  const audit = createAuditLog({ redis, stream: keys.audit, clock });
  const onFinding = createRecordFinding({ metrics, decisions });
  const prefixBlocks = createPrefixBlocks({ redis, runScript, keys, clock, decisions });
  const prefixRules = createPrefixRules(prefixBlocks);
  const policies = [
    createCountryRule(config.countries),
    createNumberTypeRule(config.refusedTypes),
    createBlockListRule(config.blockList),
    prefixRules.operator,
  ];
  const { mode } = config.guard;
  const guardParts = { conversions, prefixBlocks, allowances, redis, keys, decisions, metrics, log };
  const runs = createNumberRuns({ runScript, keys, numberKey });
  const guards = mode === 'off' ? [] : [createPumpingGuard({ ...guardParts, runs, config: { ...config.guard, mode } })];
  const suspicions = [
    prefixRules.guard,
    ...guards,
    createBudgetRule(spending, config.spending),
    createLimits({ allowances, familiar, keys, config: config.limits }),
  ];
  const screening = createScreening({
    rules: [...policies, ...suspicions.map((rule) => exceptListed(config.safeList, rule))],
    onFinding,
  });
  // the phones of the sandbox cost nothing and ring for nobody: its demo is there to be played with
  const demoScreening = config.sandboxUrl === undefined ? screening : createScreening({ rules: policies, onFinding });
  const limits = createCheckLimits({ allowances, familiar, keys, config: config.limits, clock, onFinding });
  const submission = { draft, store, verifications, policy, clock };
  const attempt = { find, policy, clock, random: randomHex };
  const checkCode = createCheckCode({
    find,
    limits,
    signalwire,
    testNumbers,
    metrics,
    random: randomHex,
    monotonicNow,
  });
  const idempotent = createIdempotency({ runScript, keys, random: randomHex, store, numberKey });
  const timeline = createTimeline({ find, store, callbacks, changes, clock });
  const getTimeline = timelineRoute(timeline);
  const useCases = { find, getVerification, getTimeline, checkCode, schemas, idempotent };
  const closing = new AbortController();
  const replayCallback = createReplayCallback({ callbacks, errands, clock });
  const app = createApp({
    ...useCases,
    submit: createSubmitVerification({ ...submission, screening }),
    requestAttempt: createRequestAttempt({ ...attempt, screening }),
    simulate: simulateRoute({ schemas, draft, screening, store, testNumbers, policy, prices: config.spending.prices }),
    listRoutes: createListRoutes({ store, verifications, numberKey, clock }),
    decisions,
    callbacks,
    replayCallback,
    erasureRoutes: createErasureRoutes({ erasures, numberKey, audit }),
    endpointRoutes: createCallbackEndpointRoutes(
      {
        endpoints,
        endpointEvents,
        callbacks,
        replayCallback,
        networks,
        clock,
        random: randomHex,
      },
      endpointSchemas,
    ),
    authenticate: createAuthenticate({ configured: config.apiKeys, stored: apiKeys, clock }),
    openapi: createOpenApi({ ...schemas, ...endpointSchemas }),
    admin:
      config.admin &&
      createAdmin({
        admin: config.admin,
        redis,
        runScript,
        keys,
        clock,
        partitions,
        audit,
        console: createConsole({
          tallies,
          now: createNow({ policy, partitions, tallies, troubles, channels: config.channels, clock }),
          search: createConsoleSearch({ store, callbacks, timeline, numberKey, owners }),
          endpoints,
          callbacks,
          replayCallback,
          prefixBlocks,
          audit,
        }),
        log,
      }),
    trustedProxies: config.trustedProxies,
    demo: config.demo
      ? createDemo({
          ...useCases,
          submit: createSubmitVerification({ ...submission, screening: demoScreening }),
          requestAttempt: createRequestAttempt({ ...attempt, screening: demoScreening }),
          findJob,
          callbacks,
          networks,
          config,
          supervisor: given.supervisor,
          closing: closing.signal,
        })
      : undefined,
    health,
    metrics,
    tracing,
    log,
    random: randomHex,
  });

  const server = createHttpServer(app, given.timeouts ?? HTTP_TIMEOUTS);
  let draining = false;
  server.on('request', (_request, response) => {
    // a keep-alive connection left idle would hold up the shutdown for its whole idle time
    if (draining) response.setHeader('connection', 'close');
    response.once('finish', () => {
      // not while leaving: the next request may already be under way on it
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
  });
  await within(FIRST_CONNECTION_MS, connected);
  await listen(server, config.host, config.port);
  const { port } = server.address() as AddressInfo;
  const operations =
    config.metricsPort === undefined
      ? undefined
      : await startOperationsServer(
          { health, scrape: storage.scrape, contentType: metrics.registry.contentType },
          config.host,
          config.metricsPort,
        );
  log.info({ port, metricsPort: operations?.port }, 'api is listening');

  return {
    port,
    metricsPort: operations?.port,
    connections: () => promisify(server.getConnections.bind(server))(),
    waiting: changes.size,
    async leave() {
      health.shutDown();
      draining = true;
      await sleep(LEAVE_MS);
    },
    async close() {
      health.shutDown();
      draining = true;
      changes.close(); // whoever waits is answered now
      closing.abort();
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeIdleConnections();
      await within(DRAIN_LIMIT_MS, closed);
      server.closeAllConnections();
      await within(1_000, Promise.all([storage.close(), signalwire.close(), tracing.close()]));
      redisClock.stop();
      disconnect(subscriber);
      disconnect(redis);
      await operations?.close();
    },
  };
}
