import { gzipSync } from 'node:zlib';
import fc from 'fast-check';

type Schema = Record<string, unknown>;
interface Operation {
  method: string;
  path: string;
  /** Of its body, when it takes one. */
  schema: Schema | undefined;
  /** Names of its query parameters. */
  query: string[];
}

/** A request before it is sent; ids are chosen then, from those that earlier answers named. */
export interface Plan {
  method: string;
  /** With `{id}` where an id goes. */
  path: string;
  id: { known: number } | { odd: string };
  query: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}

/** Bytes for a connection of their own, in the pieces in which they are sent. */
export interface Noise {
  pieces: Buffer[];
}

/** The numbers of the requests, kept for fiction; also as digits alone, which is how a spelling is recognized. */
export const FICTION = /(?:44)?7700900\d{3}|1?40455501\d{2}/g;

const number = fc.oneof(
  { weight: 5, arbitrary: fc.nat(999).map((n) => `+447700900${String(n).padStart(3, '0')}`) },
  { weight: 2, arbitrary: fc.nat(99).map((n) => `+140455501${String(n).padStart(2, '0')}`) },
);
const oddNumber = fc.constantFrom(
  '07700 900123',
  '+44 7700 900123',
  '0044 7700 900123',
  '+4407700900123',
  'tel:+1-404-555-0123',
  '14045550123',
  '+0',
  '+1404555012٣',
);

/** Words that have broken other services. */
const oddText = fc.oneof(
  fc.constantFrom('', ' ', '\0', 'a\0b', '\ud800', '\udfff\ud800', '\u202e', '__proto__', 'constructor', 'toString'),
  fc.constantFrom('%00', '%', '%E0%A4%A', '../../etc/passwd', '{{7*7}}', "' OR 1=1 --", '\r\nSET x 1\r\n', '🤷'),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.integer({ min: 200, max: 9_000 }).map((n) => 'x'.repeat(n)),
  oddNumber,
);

const oddValue = fc.oneof(
  oddText,
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e308, -1e308, 2 ** 53, 5e-324, [], {}, [[]], [null]),
  fc.constantFrom<unknown>(
    { length: 3 },
    { toString: 1 },
    { constructor: { prototype: 1 } },
    { valueOf: null },
    { toJSON: 1 },
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.array(oddText, { maxLength: 20 }),
  fc.dictionary(oddText, oddText, { maxKeys: 20 }),
);

/** Only what the request schemas of the document use. */
function fromSchema(schema: Schema, resolve: (ref: string) => Schema): fc.Arbitrary<unknown> {
  const inner = (part: unknown) => fromSchema(part as Schema, resolve);
  if (typeof schema['$ref'] === 'string') return inner(resolve(schema['$ref']));
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as unknown[]));
  if (Array.isArray(schema['anyOf'])) return fc.oneof(...schema['anyOf'].map(inner));
  const low = Number(schema['minLength'] ?? 0);
  switch (schema['type']) {
    case 'object': {
      const properties = (schema['properties'] ?? {}) as Record<string, unknown>;
      const required = (schema['required'] ?? []) as string[];
      if (Object.keys(properties).length === 0)
        return fc.dictionary(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), { maxKeys: 4 });
      const fields = Object.entries(properties).map(([key, part]) => {
        const field = fc.tuple(fc.constant(key), inner(part));
        return required.includes(key) ? field : fc.option(field, { freq: 1, nil: undefined });
      });
      return fc.tuple(...fields).map((all) => Object.fromEntries(all.filter((field) => field !== undefined)));
    }
    case 'array':
      return fc.array(inner(schema['items']), {
        minLength: Number(schema['minItems'] ?? 0),
        maxLength: Number(schema['maxItems'] ?? 4),
      });
    case 'integer':
    case 'number':
      return fc.integer({ min: Number(schema['minimum'] ?? 1), max: Number(schema['maximum'] ?? 100) });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
  }
  switch (schema['format']) {
    case 'ipv4':
      return fc.ipV4();
    case 'ipv6':
      return fc.ipV6();
    case 'uri':
      return fc.constantFrom(
        'https://client.example/hooks',
        'http://127.0.0.1:9/x',
        'https://10.0.0.1/',
        'https://a:b@c.example/',
      );
    case 'date-time':
      return fc
        .date({ min: new Date(0), max: new Date('2030-01-01'), noInvalidDate: true })
        .map((at) => at.toISOString());
    default:
  }
  if (String(schema['pattern'] ?? '').startsWith('^\\+')) return number;
  return fc.oneof(
    fc.string({ minLength: Math.max(low, 1), maxLength: Math.min(Number(schema['maxLength'] ?? 40), 60) }),
    fc.stringMatching(/^[0-9]{6}$/),
  );
}

const mutate = (valid: fc.Arbitrary<unknown>) =>
  fc.tuple(valid, fc.nat(), oddValue, fc.boolean(), oddText).map(([value, n, odd, asNew, name]) => {
    const fields = value !== null && typeof value === 'object' ? Object.entries(value) : [];
    const field = fields[n % Math.max(1, fields.length)];
    if (asNew || field === undefined) return Object.fromEntries([...fields, [name, odd]]);
    return Object.fromEntries([...fields.filter((f) => f !== field), [field[0], odd]]);
  });

/** An object that names one of its keys twice. */
function withRepeatedKey(value: unknown, n: number, odd: unknown): string {
  const keys = Object.keys(value ?? {});
  const key = JSON.stringify(keys[n % Math.max(1, keys.length)] ?? 'to');
  return JSON.stringify(value).replace(/\}$/, `${keys.length > 0 ? ',' : ''}${key}:${JSON.stringify(odd)}}`);
}

/** Brackets of every depth that 16 KB hold, closed or not. */
const nested = fc
  .tuple(fc.integer({ min: 1, max: 8_000 }), fc.constantFrom(['[', ']'], ['{"a":', '}']), fc.boolean())
  .map(([depth, [open = '', close = ''], closed]) => {
    const levels = Math.floor(depth / open.length);
    return `${open.repeat(levels)}1${closed ? close.repeat(levels) : ''}`;
  });

/** A well-formed document, as deep as 16 KB allow; sometimes where a field goes. */
const deep = fc
  .tuple(fc.integer({ min: 100, max: 8_000 }), fc.constantFrom('', 'to', 'metadata', 'workflow', 'code', 'types', 'x'))
  .map(([depth, field]) => {
    const value = '['.repeat(depth) + ']'.repeat(depth);
    return field === '' ? value : `{"${field}":${value}}`;
  });

const raw = fc.oneof(
  nested,
  deep,
  fc.constantFrom(
    '',
    ' ',
    'null',
    'true',
    '1',
    '"x"',
    '[]',
    '{}',
    '{',
    '}',
    '{"to":',
    'NaN',
    "{'to':1}",
    '\ufeff{}',
    '{}{}',
  ),
  fc.constantFrom('1e400', '-1e400', `${'9'.repeat(400)}`, '{"to":1e999}', '{"limit":1e999}', '{"code_length":1e400}'),
  fc.constantFrom(
    '{"to":"+447700900001","to":"+447700900002"}',
    '{"__proto__":{"to":"+447700900001"}}',
    '{"to":"+447700900001","__proto__":null}',
    '{"constructor":{"prototype":{"x":1}}}',
    '{"to":"+447700900001","metadata":{"constructor":"x","toString":"y","hasOwnProperty":"z"}}',
    '{"to":"+447700900001","rate_limit_keys":{"__proto__":"x"}}',
    '{"to":"\\ud800"}',
    '{"to":"+447700900003","reference":"\\ud800\\u0000"}',
    '{"code":"\\u0000\\ud800"}',
    '{"code":"１２３４５６"}',
  ),
  fc.json(),
  fc.string({ unit: 'binary', maxLength: 100 }),
);

function bodyOf(schema: Schema | undefined, resolve: (ref: string) => Schema): fc.Arbitrary<Buffer | undefined> {
  const valid = schema ? fromSchema(schema, resolve) : fc.constant({});
  const text = fc.oneof(
    { weight: 5, arbitrary: valid.map((value) => JSON.stringify(value)) },
    { weight: 5, arbitrary: mutate(valid).map((value) => JSON.stringify(value)) },
    { weight: 3, arbitrary: raw },
    { weight: 1, arbitrary: fc.tuple(valid, fc.nat(200)).map(([v, n]) => JSON.stringify(v).slice(0, n)) },
    { weight: 1, arbitrary: fc.tuple(valid, fc.nat(), oddValue).map(([v, n, odd]) => withRepeatedKey(v, n, odd)) },
  );
  return fc.oneof(
    { weight: schema ? 14 : 2, arbitrary: text.map((t) => Buffer.from(t)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
    { weight: 1, arbitrary: text.map((t) => gzipSync(t)) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 16_000, max: 70_000 }).map((n) => Buffer.from(JSON.stringify('x'.repeat(n)))),
    },
    { weight: schema ? 1 : 12, arbitrary: fc.constant(undefined) },
  );
}

/** What Node's own client lets through: Latin-1 without control characters. */
const headerText = fc.oneof(
  fc.string({
    unit: fc
      .integer({ min: 0x20, max: 0xff })
      .filter((c) => c !== 0x7f)
      .map((c) => String.fromCharCode(c)),
    maxLength: 60,
  }),
  fc.integer({ min: 100, max: 9_000 }).map((n) => 'k'.repeat(n)),
  fc.constantFrom('', '"', '""', '"a\\"b"', '"\\', ',', ';', '*', '__proto__', '+447700900123', '447700900123'),
);

const oddHeaders = fc.record(
  {
    'x-request-id': fc.oneof(headerText, fc.uuid()),
    'idempotency-key': fc.oneof(headerText, fc.constantFrom('same-key', '"same-key"', 'other-key')),
    authorization: fc.oneof(
      headerText,
      headerText.map((t) => `Bearer ${t}`),
      fc.constantFrom('Bearer', 'bearer ', 'Basic eDp5', 'Bearer a b'),
    ),
    accept: fc.oneof(
      headerText,
      fc.constantFrom('text/event-stream', 'text/html', 'application/xml;q=0.1', '*/*;q=2', 'a/b/c'),
    ),
    'accept-encoding': fc.constantFrom('gzip', 'br;q=0', '*;q=0'),
    prefer: fc.oneof(
      headerText,
      fc.constantFrom('wait', 'wait=0', 'wait=-1', 'wait=61', 'wait=1e9', 'wait="x"', 'respond-async'),
    ),
    'if-none-match': fc.oneof(headerText, fc.constantFrom('*', '"1"', 'W/"1"')),
    'content-type': fc.oneof(
      headerText,
      fc.constantFrom(
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/xml',
      ),
      fc.constantFrom(
        'application/json; charset=utf-7',
        'application/json; charset=utf-16',
        'application/json; charset=utf-32le',
      ),
      fc.constantFrom(
        'application/json; charset=utf-99',
        'application/json;charset=',
        'application/json; charset="',
        'APPLICATION/JSON',
        'application/json, text/plain',
        'application/json;a',
      ),
    ),
    'content-encoding': fc.constantFrom(
      'gzip',
      'deflate',
      'br',
      'zstd',
      'identity',
      'compress',
      'gzip, gzip',
      '',
      'GZIP',
    ),
    cookie: headerText,
    origin: headerText,
    range: fc.constantFrom('bytes=0-1', 'bytes=9-1', 'x'),
    'if-modified-since': headerText,
    'if-match': headerText,
    'x-forwarded-for': headerText,
    'x-http-method-override': fc.constantFrom('DELETE', 'GET'),
    expect: fc.constantFrom('100-continue', 'something-else'),
    upgrade: fc.constantFrom('h2c', 'websocket'),
    te: fc.constant('trailers'),
  },
  { requiredKeys: [] },
);

const fewHeaders = fc
  .tuple(oddHeaders, fc.infiniteStream(fc.nat(5)))
  .map(([all, coin]) => Object.fromEntries(Object.entries(all).filter(() => coin.next().value === 0)));

const id: fc.Arbitrary<Plan['id']> = fc.oneof(
  { weight: 6, arbitrary: fc.nat(10_000).map((known) => ({ known })) },
  {
    weight: 2,
    arbitrary: fc
      .oneof(
        oddText.map((text) => encodeURIComponent(text.toWellFormed())).filter((text) => text !== '.' && text !== '..'),
        fc.constantFrom(
          '%',
          '%E0%A4%A',
          '%00',
          '%2e%2e',
          '%2F',
          'ver_',
          `ver_${'0'.repeat(34)}`,
          `cb_${'f'.repeat(34)}`,
          `ver_${'0'.repeat(34)}%0A`,
          `VER_${'0'.repeat(34)}`,
          '+447700900123',
        ),
      )
      .filter((text) => text.length > 0 && text.length < 3_000)
      .map((odd) => ({ odd })),
  },
);

const oddQuery = fc.oneof(
  oddText.map((text) => encodeURIComponent(text.toWellFormed())),
  fc.constantFrom(
    '%',
    '%ff',
    '&&&',
    'a[b]=c',
    '__proto__=1',
    '__proto__[x]=1',
    'constructor=1',
    'limit=1&limit=2',
    'limit=1e2',
    'limit=%20',
    'limit=0x10',
    'limit=',
  ),
  fc.constantFrom(
    'cursor=',
    'cursor=AAAA',
    `cursor=${Buffer.from('999999999999999:cb_x').toString('base64url')}`,
    `cursor=${Buffer.from(`999999999999999:cb_${'0'.repeat(34)}`).toString('base64url')}`,
    'to=%2B447700900123',
  ),
);

function queryOf(names: string[]): fc.Arbitrary<string> {
  const value = fc.oneof(
    oddText,
    fc.constantFrom(
      '1',
      '100',
      '101',
      '0',
      '-1',
      'pending',
      'delivered',
      'queued',
      'verification.expired',
      'ep_x',
      'NaN',
      'Infinity',
      '1e999',
    ),
    fc.stringMatching(/^[A-Za-z0-9_-]{0,60}$/),
  );
  const name = names.length > 0 ? fc.constantFrom(...names) : fc.constant('q');
  const pair = fc.tuple(name, value).map(([n, v]) => `${n}=${encodeURIComponent(v.toWellFormed())}`);
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    { weight: names.length > 0 ? 6 : 0, arbitrary: fc.array(pair, { maxLength: 3 }).map((pairs) => pairs.join('&')) },
    { weight: 1, arbitrary: oddQuery },
  );
}

const PATHS = [
  ...['/', '*', '/v1', '/v1/', '/v1/verifications/', '//v1/verifications', '/v1//verifications', '/V1/Verifications'],
  ...[
    '/v1/verifications/{id}/nowhere',
    '/v1/callbacks/{id}',
    '/v1/erasures',
    '/nowhere',
    '/.env',
    '/%',
    '/%00',
    '/metrics',
  ],
  ...[
    '/docs',
    '/docs/',
    '/docs/%00',
    '/docs/..%2f..%2fpackage.json',
    '/docs/reference.js',
    '/docs/%2e%2e/package.json',
  ],
  ...['/problems', '/problems/', '/problems/__proto__', '/problems/not-found', '/problems/{id}', '/openapi.json'],
  ...['/demo', '/demo/', '/demo/%00', '/demo/demo.js', '/demo/pages/base.css', '/demo/..%2fdemo.ts', '/demo/{id}'],
  ...['/demo/api/verifications', '/demo/api/verifications/{id}', '/demo/api/verifications/{id}/checks'],
  ...['/demo/api/verifications/{id}/timeline', '/demo/api/verifications/{id}/live', '/demo/api/troubles'],
  ...['/admin', '/admin/', '/admin/sign-in', '/admin/sign-out', '/admin/%00', '/admin/pages.css', '/admin/queues'],
  ...['/admin/queues/', '/admin/queues/api/queues', '/admin/queues/api/queues/sms/{id}', '/admin/queues/static/%00'],
  ...['/admin/queues/queue/sms/{id}', '/admin/queues/api/queues/{id}/{id}/logs', '/admin/queues/%E0%A4%A'],
];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'QUERY'];

/** Requests of every operation of an OpenAPI document, and of some that it does not know. */
export function plansOf(document: { paths: Record<string, Record<string, Schema>> } & Schema): fc.Arbitrary<Plan> {
  const resolve = (ref: string) =>
    ref
      .replace('#/', '')
      .split('/')
      .reduce<Schema>((at, key) => at[key] as Schema, document);
  const operations: Operation[] = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      schema: bodySchema(operation),
      query: ((operation['parameters'] ?? []) as { in: string; name: string }[])
        .filter((parameter) => parameter.in === 'query')
        .map((parameter) => parameter.name),
    })),
  );
  const request = (operation: Operation, body = bodyOf(operation.schema, resolve)) =>
    fc.record({
      method: fc.constant(operation.method),
      path: fc.constant(operation.path),
      id,
      query: queryOf(operation.query),
      headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, { weight: 2, arbitrary: fewHeaders }),
      body,
    });
  const documented = fc.oneof(
    ...operations.map((operation) => ({
      weight: operation.schema ? 4 : 2,
      arbitrary: request(operation),
    })),
  );
  const paths = [...operations.map(({ path }) => path), ...PATHS];
  const undocumented = fc
    .tuple(
      fc.constantFrom(...paths),
      fc.oneof({ weight: 2, arbitrary: fc.constant('GET') }, { weight: 3, arbitrary: fc.constantFrom(...METHODS) }),
    )
    .chain(([path, method]) => request({ path, method, schema: undefined, query: [] }));
  return fc.oneof({ weight: 4, arbitrary: documented }, { weight: 1, arbitrary: undocumented });
}

function bodySchema(operation: Schema): Schema | undefined {
  const body = operation['requestBody'] as { content: Record<string, { schema: Schema }> } | undefined;
  return body?.content['application/json']?.schema;
}

const REQUEST_LINES = [
  'GET /livez HTTP/1.1',
  'GET /v1/verifications HTTP/1.1',
  'POST /v1/verifications HTTP/1.1',
  'GET http://elsewhere.example/livez HTTP/1.1',
  'GET //elsewhere.example/livez HTTP/1.1',
  'OPTIONS * HTTP/1.1',
  'CONNECT client.example:443 HTTP/1.1',
  'GET /livez HTTP/1.0',
  'GET /livez HTTP/0.9',
  'GET /livez HTTP/9.9',
  'GET /livez',
  'GET  /livez HTTP/1.1',
  'get /livez HTTP/1.1',
  'GET /li\0vez HTTP/1.1',
  'GET /\xff\xfe HTTP/1.1',
  'GET livez HTTP/1.1',
  'GET /livez?#x HTTP/1.1',
  'BREW /coffee HTTP/1.1',
  'PRI * HTTP/2.0',
  `GET /${'a'.repeat(20_000)} HTTP/1.1`,
];
const HEADER_LINES = [
  'host: x',
  'host: y',
  'host:',
  'connection: close',
  'connection: upgrade',
  'upgrade: websocket',
  'content-type: application/json',
  'content-length: 2',
  'content-length: 5',
  'content-length: -1',
  'content-length: 99999999999999999999',
  'content-length: 1e3',
  'transfer-encoding: chunked',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: identity',
  'expect: 100-continue',
  'x : y',
  ' folded: yes',
  'no-colon',
  ': no-name',
  'x-nul: a\0b',
  'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  `x-long: ${'a'.repeat(1_048_576)}`,
  ...Array.from({ length: 3 }, (_value, n) => `x-${n}: ${'b'.repeat(6_000)}`),
];

/** What is hardly HTTP, and several requests in one go. */
export function noise(authorization: string): fc.Arbitrary<Noise> {
  const line = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('host: x', `authorization: ${authorization}`) },
    { weight: 4, arbitrary: fc.constantFrom(...HEADER_LINES) },
  );
  const body = fc.constantFrom(
    '',
    '{}',
    '{"to"',
    '2\r\n{}\r\n0\r\n\r\n',
    'zz\r\n',
    'ffffffffffffffffff\r\n',
    '0\r\n\r\n',
  );
  const request = fc
    .tuple(
      fc.constantFrom(...REQUEST_LINES),
      fc.array(line, { maxLength: 6 }),
      body,
      fc.constantFrom('\r\n', '\r\n', '\n', '\r'),
    )
    .map(([first, lines, rest, end]) => Buffer.from([first, ...lines, '', rest].join(end), 'latin1'));
  const bytes = fc.oneof(
    { weight: 6, arbitrary: request },
    { weight: 1, arbitrary: fc.tuple(request, fc.nat(200)).map(([whole, n]) => whole.subarray(0, n)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some)) },
    { weight: 1, arbitrary: fc.constant(Buffer.from('16030100c8010000c40303', 'hex')) }, // the hello of TLS
  );
  return fc.array(bytes, { minLength: 1, maxLength: 4 }).map((pieces) => ({ pieces }));
}
