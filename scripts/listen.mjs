// `npm run listen`: a receiver of callbacks for development. It verifies each one as a client's receiver has to, and tells
// what such a receiver would have to notice: repeats, gaps in the sequence, signatures that do not fit.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { verifyCallback } from '../docs/receivers/node.mjs';
import { PROJECT_DIR } from './choose-node.mjs';
import { findFreePort } from './system.mjs';

/**
 * What a line shows of an event. Types may be added that speak of no verification.
 *
 * @typedef {object} CallbackEvent
 * @property {string} type
 * @property {{ sequence?: number, verification?: Verification, attempt?: Attempt }} [data]
 *
 * @typedef {{ id: string, status: string, reason: string | null }} Verification
 * @typedef {{ channel: string, status: string, trigger: string, error: { code: string } | null }} Attempt
 */

const USAGE = `npm run listen -- [--port N] [--fail N] [--json]

  --port N   the port to listen on; without it 4000, or any free one
  --fail N   answers the first N deliveries with 500, so that they are made again
  --json     prints the body of each callback as it came; everything else goes to standard error`;

const WANTED_PORT = 4000;
const MAX_BODY_BYTES = 1024 * 1024;
const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2 };

const options = readOptions();
const inTerminal = Boolean(process.stdout.isTTY) && !process.env['NO_COLOR'];
const print = (/** @type {string} */ line) => (options.json ? console.error(line) : console.log(line));

/** The deliveries of each event by `webhook-id`, with the bytes of the first. @type {Map<string, { count: number, body: string }>} */
const events = new Map();
/** The sequence numbers that have come of each verification. @type {Map<string, Set<number>>} */
const sequences = new Map();
let failuresLeft = options.fail;
let invalid = 0;

const findSecrets = prepareSecrets();
const server = createServer((request, response) => {
  receive(request, response).catch((error) => {
    print(`${time()}  ${paint('red', 'LOST')}  ${error.message}`);
    response.destroy();
  });
});
server.once('error', (error) => exitWith(error.message, 1));
server.listen(options.port ?? (await findFreePort(WANTED_PORT)), '127.0.0.1', introduce);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function receive(request, response) {
  if (request.method !== 'POST') return void response.writeHead(405, { allow: 'POST' }).end();
  const body = await readBody(request);
  /** @type {CallbackEvent} */
  let event;
  try {
    event = verify(request.headers, body);
  } catch (error) {
    invalid += 1;
    print(`${time()}  ${paint('red', 'INVALID')}  ${error instanceof Error ? error.message : error}; answered 401`);
    return void response.writeHead(401).end();
  }

  const notes = [...noteRepeat(String(request.headers['webhook-id']), body), ...noteSequence(event)];
  const failing = failuresLeft > 0;
  if (failing) {
    failuresLeft -= 1;
    notes.push(`answered 500 on purpose, ${options.fail - failuresLeft} of ${options.fail}`);
  }
  if (options.json) console.log(body);
  if (!options.json || notes.length > 0) print(describe(event, notes));
  response.writeHead(failing ? 500 : 204).end();
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @returns {Promise<string>}
 */
async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Error('a request with more than 1 MB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * One of the secrets has to fit: a receiver holds one, but here they are Ringback's own, which may be several.
 *
 * @param {import('node:http').IncomingHttpHeaders} headers
 * @param {string} body
 * @returns {CallbackEvent}
 */
function verify(headers, body) {
  /** @type {unknown} */
  let reason = new Error('there is no CALLBACK_SECRET to check it with');
  for (const secret of findSecrets().secrets) {
    try {
      return verifyCallback(secret, headers, body);
    } catch (error) {
      reason = error;
    }
  }
  throw reason;
}

/**
 * @param {string} id
 * @param {string} body
 */
function noteRepeat(id, body) {
  const event = events.get(id) ?? { count: 0, body };
  events.set(id, event);
  event.count += 1;
  if (event.count === 1) return [];
  return [`repeat: delivery ${event.count} of ${id}${body === event.body ? '' : ', WITH ANOTHER BODY'}`];
}

/** @param {CallbackEvent} event */
function noteSequence({ data: { sequence, verification } = {} }) {
  if (sequence === undefined || verification === undefined) return [];
  const seen = sequences.get(verification.id) ?? new Set();
  sequences.set(verification.id, seen);
  if (seen.has(sequence)) return [];
  const highest = Math.max(0, ...seen);
  seen.add(sequence);
  if (sequence < highest) return ['late'];
  const missing = range(highest + 1, sequence - 1);
  return missing.length > 0 ? [`gap: ${missing.join(' ')} not here yet`] : [];
}

/**
 * @param {number} from
 * @param {number} to
 */
function range(from, to) {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => `#${from + i}`);
}

/**
 * @param {CallbackEvent} event
 * @param {readonly string[]} notes
 */
function describe({ type, data: { sequence, verification, attempt } = {} }, notes) {
  const good = type === 'verification.approved' || type === 'verification.attempt.sent';
  const parts = [
    time(),
    (sequence === undefined ? '' : `#${sequence}`).padStart(3),
    paint(good ? 'green' : /failed|unknown|blocked/.test(type) ? 'red' : undefined, type.padEnd(28)),
    ...(verification ? [paint('dim', verification.id), describeStatus(verification)] : []),
    ...(attempt ? [describeAttempt(attempt)] : []),
    ...(notes.length > 0 ? [paint('yellow', `(${notes.join('; ')})`)] : []),
  ];
  return parts.join('  ').trimEnd();
}

/** @param {Verification} verification */
function describeStatus({ status, reason }) {
  return reason === null || reason === status ? status : `${status}: ${reason}`;
}

/** @param {Attempt} attempt */
function describeAttempt({ channel, status, trigger, error }) {
  const cause = trigger === 'initial' ? '' : ` after ${trigger}`;
  return `${channel} ${status}${cause}${error ? `: ${error.code}` : ''}`;
}

/**
 * @param {keyof typeof COLOURS | undefined} colour
 * @param {string} text
 */
function paint(colour, text) {
  return inTerminal && !options.json && colour ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
}

/** The local time of day. */
function time() {
  return new Date().toTimeString().slice(0, 8);
}

function introduce() {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const url = `http://127.0.0.1:${port}/`;
  const { secrets, source } = findSecrets();
  print(`Listening on ${url}   Ctrl-C ends it

  for one verification:  -d '{"to":"+14045550123","callback_url":"${url}"}'
  for all of them:       CALLBACK_URL=${url} npm start

Signatures are checked with ${secrets.length > 0 ? `CALLBACK_SECRET from ${source}` : `the CALLBACK_SECRET that npm start will put into ${source}`}.
`);
}

/**
 * Finds what `npm start` signs with, in the same order. Its own secrets are read anew each time: it may make them after us.
 *
 * @returns {() => { secrets: string[], source: string }}
 */
function prepareSecrets() {
  const isSet = Boolean(process.env['CALLBACK_SECRET']);
  const file = path.join(PROJECT_DIR, '.env');
  if (existsSync(file)) process.loadEnvFile?.(file); // since Node 20.12
  const { CALLBACK_SECRET, RINGBACK_DATA_DIR = '' } = process.env;
  if (CALLBACK_SECRET) return () => ({ secrets: split(CALLBACK_SECRET), source: isSet ? 'the environment' : '.env' });

  const made = path.join(path.resolve(PROJECT_DIR, RINGBACK_DATA_DIR || '.data'), 'development.json');
  return () => {
    const secret = existsSync(made) ? JSON.parse(readFileSync(made, 'utf8')).CALLBACK_SECRET : undefined;
    return { secrets: secret ? [secret] : [], source: path.relative(PROJECT_DIR, made) };
  };
}

/** @param {string} list */
function split(list) {
  return list
    .split(',')
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string' },
        fail: { type: 'string', default: '0' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help) exitWith(USAGE, 0);
    return {
      port: values.port === undefined ? undefined : readNumber('--port', values.port, 65_535),
      fail: readNumber('--fail', values.fail ?? '0', 1_000_000),
      json: values.json ?? false,
    };
  } catch (error) {
    return exitWith(`${error instanceof Error ? error.message : error}\n\n${USAGE}`, 2);
  }
}

/**
 * @param {string} name
 * @param {string} text
 * @param {number} max
 */
function readNumber(name, text, max) {
  if (!/^\d{1,7}$/.test(text) || Number(text) > max) throw new Error(`${name} is a number from 0 to ${max}`);
  return Number(text);
}

function stop() {
  if (!server.listening) return; // npm passes on the signal that the terminal has sent to us already
  server.close();
  server.closeAllConnections();
  const deliveries = [...events.values()].reduce((sum, { count }) => sum + count, 0);
  print(`\n${events.size} events in ${deliveries} deliveries, ${invalid} invalid`);
  for (const [id, seen] of sequences) {
    const missing = range(1, Math.max(...seen)).filter((number) => !seen.has(Number(number.slice(1))));
    if (missing.length > 0) print(`${id}: ${missing.join(' ')} never came`);
  }
}

/**
 * @param {string} message
 * @param {number} code
 * @returns {never}
 */
function exitWith(message, code) {
  (code === 0 ? console.log : console.error)(message);
  process.exit(code);
}
