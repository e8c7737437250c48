// Compares openapi.json with the document of the last release, docs/openapi/<version>.json: within a major version nothing is
// removed, renamed or narrowed. With --release it keeps the present document as the one of the version in package.json.
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROJECT_DIR } from './choose-node.mjs';

const PRESENT = path.join(PROJECT_DIR, 'openapi.json');
const RELEASES = path.join(PROJECT_DIR, 'docs', 'openapi');

/**
 * Who writes what a schema describes. A client that was made for the last release sends `request`s that must still be taken,
 * and gets `answer`s that it must still understand.
 *
 * @typedef {'request' | 'answer'} Direction
 * @typedef {Record<string, any>} Part - a part of a document
 */

/**
 * What would break a client of the last release. Added routes, fields, statuses, values in answers and optional fields in
 * requests do not.
 *
 * @param {Part} before - OpenAPI 3.1 of the last release; references stay within it
 * @param {Part} after
 * @returns {string[]} one line for each change
 */
export function breakingChanges(before, after) {
  /** @type {string[]} */
  const found = [];
  const schemas = schemaComparison(before, after);

  for (const [kind, direction] of /** @type {const} */ ([
    ['paths', 'request'],
    ['webhooks', 'answer'], // there the service is the one who asks
  ])) {
    for (const [route, methods] of Object.entries(before[kind] ?? {})) {
      for (const [method, old] of Object.entries(methods)) {
        const where = `${method.toUpperCase()} ${route}`;
        const now = after[kind]?.[route]?.[method];
        if (now === undefined) found.push(`${where}: removed`);
        else found.push(...operationChanges(where, old, now, direction));
      }
    }
  }
  return found;

  /**
   * @param {string} where
   * @param {Part} old
   * @param {Part} now
   * @param {Direction} direction - of the request body
   */
  function operationChanges(where, old, now, direction) {
    const reply = direction === 'request' ? 'answer' : 'request';
    const open = old['security']?.length === 0;
    return [
      ...(open && now['security']?.length !== 0 ? [`${where}: needs an API key now`] : []),
      ...(direction === 'request' ? parameterChanges(where, old['parameters'] ?? [], now['parameters'] ?? []) : []),
      ...bodyChanges(where, old['requestBody'], now['requestBody'], direction),
      ...Object.entries(old['responses'] ?? {}).flatMap(([status, answer]) => {
        const present = now['responses']?.[status];
        if (present === undefined) return [`${where}: answer ${status} removed`];
        const headers = Object.keys(answer['headers'] ?? {}).filter((name) => !present['headers']?.[name]);
        return [
          ...headers.map((name) => `${where}: header ${name} of answer ${status} removed`),
          ...contentChanges(`${where}: answer ${status}`, answer['content'], present['content'], reply),
        ];
      }),
    ];
  }

  /**
   * @param {string} where
   * @param {Part[]} old
   * @param {Part[]} now
   */
  function parameterChanges(where, old, now) {
    /** @param {Part[]} all @param {Part} one */
    const same = (all, one) => all.find((other) => other['name'] === one['name'] && other['in'] === one['in']);
    /** @param {Part} one */
    const name = (one) => `${where}: ${one['in']} parameter ${one['name']}`;
    return [
      ...old.flatMap((one) => {
        const present = same(now, one);
        if (present === undefined) return [`${name(one)} removed`];
        const stricter = present['required'] && !one['required'] ? [`${name(one)} is required now`] : [];
        return [...stricter, ...schemas(name(one), one['schema'], present['schema'], 'request')];
      }),
      ...now.filter((one) => one['required'] && !same(old, one)).map((one) => `${name(one)} is new and required`),
    ];
  }

  /**
   * @param {string} where
   * @param {Part | undefined} old
   * @param {Part | undefined} now
   * @param {Direction} direction
   */
  function bodyChanges(where, old, now, direction) {
    const required = direction === 'request' && now?.['required'] && !old?.['required'];
    return [
      ...(required ? [`${where}: a body is required now`] : []),
      ...contentChanges(`${where}: body`, old?.['content'], now?.['content'], direction),
    ];
  }

  /**
   * @param {string} where
   * @param {Part | undefined} old
   * @param {Part | undefined} now
   * @param {Direction} direction
   */
  function contentChanges(where, old = {}, now = {}, direction) {
    return Object.entries(old).flatMap(([type, { schema }]) =>
      now[type] === undefined
        ? [`${where}: ${type} removed`]
        : schemas(where, schema ?? {}, now[type].schema ?? {}, direction),
    );
  }
}

/** Bounds by their keyword: which of two values is the stricter one. */
const LOWER = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'];
const UPPER = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'];

/**
 * @param {Part} before
 * @param {Part} after
 */
function schemaComparison(before, after) {
  /** Pairs of references that are being compared, or were: each is told once, and a cycle ends. */
  let seen = new Set();
  return compare;

  /**
   * @param {string} where
   * @param {Part} oldOrRef
   * @param {Part} nowOrRef
   * @param {Direction} direction
   * @returns {string[]}
   */
  function compare(where, oldOrRef, nowOrRef, direction) {
    if (oldOrRef['$ref'] && nowOrRef['$ref']) {
      const pair = `${direction} ${oldOrRef['$ref']} ${nowOrRef['$ref']}`;
      if (seen.has(pair)) return [];
      seen.add(pair);
    }
    const old = resolve(before, oldOrRef);
    const now = resolve(after, nowOrRef);
    if (old['anyOf'] || now['anyOf']) return alternatives(where, old, now, direction);
    return [
      ...typeChanges(where, old, now, direction),
      ...valueChanges(where, old, now, direction),
      ...(direction === 'request' ? boundChanges(where, old, now) : []),
      ...propertyChanges(where, old, now, direction),
      ...nested(`${where}[]`, old['items'], now['items'], direction),
      ...nested(`${where}.*`, old['additionalProperties'], now['additionalProperties'], direction),
    ];
  }

  /**
   * Every form that one side may write has to be one that the other side knows.
   *
   * @param {string} where
   * @param {Part} old
   * @param {Part} now
   * @param {Direction} direction
   */
  function alternatives(where, old, now, direction) {
    /** @type {Part[]} */
    const oldForms = old['anyOf'] ?? [old];
    /** @type {Part[]} */
    const nowForms = now['anyOf'] ?? [now];
    const [written, known] = direction === 'request' ? [oldForms, nowForms] : [nowForms, oldForms];
    return written.flatMap((form) => {
      const attempts = known.map((other) => {
        const outside = seen;
        seen = new Set(outside); // what an attempt has met is no part of the whole
        const [from, to] = direction === 'request' ? [form, other] : [other, form];
        const changes = compare(where, from, to, direction);
        seen = outside;
        return changes;
      });
      if (attempts.some((changes) => changes.length === 0)) return [];
      // the one that it resembles most tells best what has changed
      return attempts.toSorted((a, b) => a.length - b.length)[0] ?? [`${where}: no form left`];
    });
  }

  /**
   * @param {string} where
   * @param {Part} old
   * @param {Part} now
   * @param {Direction} direction
   */
  function typeChanges(where, old, now, direction) {
    const [oldTypes, nowTypes] = [typesOf(old), typesOf(now)];
    const [written, known] = direction === 'request' ? [oldTypes, nowTypes] : [nowTypes, oldTypes];
    /** @param {string} type */
    const isKnown = (type) => known.includes(type) || (type === 'integer' && known.includes('number'));
    if (known.length === 0 || (written.length > 0 && written.every(isKnown))) return [];
    return [`${where}: was ${oldTypes.join(' or ') || 'anything'}, is ${nowTypes.join(' or ') || 'anything'}`];
  }

  /**
   * @param {string} where
   * @param {Part} old
   * @param {Part} now
   * @param {Direction} direction
   */
  function valueChanges(where, old, now, direction) {
    const [oldValues, nowValues] = [valuesOf(old), valuesOf(now)];
    if (nowValues === undefined) return [];
    if (oldValues === undefined) return direction === 'request' ? [`${where}: only some values are taken now`] : [];
    const gone = oldValues.filter((value) => !nowValues.includes(value));
    return gone.map((value) => `${where}: value ${JSON.stringify(value)} removed`);
  }

  /**
   * @param {string} where
   * @param {Part} old
   * @param {Part} now
   */
  function boundChanges(where, old, now) {
    const changed = (/** @type {string} */ key) => `${where}: ${key} was ${old[key] ?? 'unset'}, is ${now[key]}`;
    return [
      ...LOWER.filter((key) => now[key] > (old[key] ?? Number.NEGATIVE_INFINITY)),
      ...UPPER.filter((key) => now[key] < (old[key] ?? Number.POSITIVE_INFINITY)),
      ...['pattern', 'format'].filter((key) => now[key] !== undefined && now[key] !== old[key]),
    ].map(changed);
  }

  /**
   * @param {string} where
   * @param {Part} old
   * @param {Part} now
   * @param {Direction} direction
   */
  function propertyChanges(where, old, now, direction) {
    /** @param {Part} schema @param {string} name */
    const isRequired = (schema, name) => schema['required']?.includes(name) === true;
    const removed = Object.entries(old['properties'] ?? {}).flatMap(([name, schema]) => {
      const present = now['properties']?.[name];
      const at = `${where}.${name}`;
      if (present === undefined) return [`${at}: removed`];
      const changes = compare(at, schema, present, direction);
      if (direction === 'request' && isRequired(now, name) && !isRequired(old, name)) {
        changes.push(`${at}: is required now`);
      }
      if (direction === 'answer' && isRequired(old, name) && !isRequired(now, name)) {
        changes.push(`${at}: may be missing now`);
      }
      return changes;
    });
    if (direction === 'answer') return removed;
    const added = Object.keys(now['properties'] ?? {}).filter((name) => old['properties']?.[name] === undefined);
    const demanded = added.filter((name) => isRequired(now, name));
    return [...removed, ...demanded.map((name) => `${where}.${name}: is new and required`)];
  }

  /**
   * Of lists and of maps; `true` and `false` stand for anything and nothing.
   *
   * @param {string} where
   * @param {Part | boolean | undefined} old
   * @param {Part | boolean | undefined} now
   * @param {Direction} direction
   */
  function nested(where, old, now, direction) {
    if (direction === 'request' && old !== false && now === false) return [`${where}: unknown fields are refused now`];
    return typeof old === 'object' && typeof now === 'object' ? compare(where, old, now, direction) : [];
  }
}

/**
 * @param {Part} document
 * @param {Part} schema
 * @returns {Part}
 */
function resolve(document, schema) {
  if (typeof schema['$ref'] !== 'string') return schema;
  const keys = schema['$ref'].replace('#/', '').split('/');
  return resolve(document, keys.reduce((at, key) => at?.[key], document) ?? {});
}

/**
 * @param {Part} schema
 * @returns {string[]}
 */
function typesOf({ type = [] }) {
  return [type].flat();
}

/**
 * @param {Part} schema
 * @returns {unknown[] | undefined}
 */
function valuesOf(schema) {
  return 'const' in schema ? [schema['const']] : schema['enum'];
}

/** @returns {string | undefined} file of the newest release */
function lastRelease() {
  const files = readdirSync(RELEASES).filter((file) => file.endsWith('.json'));
  const newest = files.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  return newest && path.join(RELEASES, newest);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const present = JSON.parse(readFileSync(PRESENT, 'utf8'));
  const last = lastRelease();
  if (process.argv.includes('--release')) {
    copyFileSync(PRESENT, path.join(RELEASES, `${present.info.version}.json`));
  } else if (last !== undefined) {
    const changes = breakingChanges(JSON.parse(readFileSync(last, 'utf8')), present);
    for (const change of changes) console.error(change);
    if (changes.length > 0) process.exitCode = 1;
    else console.log(`openapi.json breaks no client of ${path.basename(last, '.json')}`);
  }
}
