import { isUtf8 } from 'node:buffer';
import express, { type RequestHandler } from 'express';
import type { z } from 'zod';
import { type FieldError, invalidRequest, ProblemError } from './problems.ts';

const parseJson = express.json({
  limit: '16kb',
  strict: false,
  inflate: false, // 16 KB need no compression, and what is not unpacked cannot explode
  verify: (_request, _response, bytes) => {
    if (!isUtf8(bytes)) throw new ProblemError('malformed-json', 'the body is not valid UTF-8');
  },
});

/** Calls that take no body: what comes along means nothing (RFC 9110 section 9.3.1) and is never read. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE']);

/** Reads a JSON body of at most 16 KB; another content type is refused before anything is read. */
export const readJson: RequestHandler = (request, response, next) => {
  if (WITHOUT_BODY.has(request.method)) return next();
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (hasBody && !request.is('application/json')) {
    throw new ProblemError('unsupported-media-type', 'send the body as application/json');
  }
  parseJson(request, response, (error?: unknown) => {
    if (error === undefined && deeperThan(request.body, MAX_DEPTH)) {
      const detail = `may be nested at most ${MAX_DEPTH} levels deep`;
      return next(invalidRequest([{ pointer: '', code: 'too-deep', detail }]));
    }
    next(error);
  });
};

/** No body here is deeper than four levels; thousands of them would exhaust the stack of whoever walks through them. */
const MAX_DEPTH = 16;

function deeperThan(value: unknown, levels: number): boolean {
  if (value === null || typeof value !== 'object') return false;
  return levels === 0 || Object.values(value).some((part) => deeperThan(part, levels - 1));
}

/**
 * Checks a body against its schema.
 *
 * @throws {ProblemError} `invalid-request`, naming every wrong field and the remedy.
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const forbidden = protoKeys(body, '');
  if (forbidden.length > 0) throw invalidRequest(forbidden);
  const result = schema.safeParse(body, { reportInput: true });
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(fieldErrors);
  const seen = new Set<string>();
  throw invalidRequest(
    errors.filter(({ pointer, code }) => !seen.has(`${pointer} ${code}`) && seen.add(`${pointer} ${code}`)),
  );
}

/** JSON may name a key `__proto__`, which no object here can hold as a plain field: it would be lost unseen. */
function protoKeys(value: unknown, pointer: string): FieldError[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const at = `${pointer}${pointerTo([key])}`;
    if (key === '__proto__')
      return [{ pointer: at, code: 'unknown-field', detail: 'this name cannot be used; choose another' }];
    return protoKeys(part, at);
  });
}

/**
 * Checks a query string against its schema, as {@link parseBody} does; a parameter that is given twice is refused.
 *
 * @throws {ProblemError} `invalid-request`
 */
export function parseQuery<T>(schema: z.ZodType<T>, query: unknown): T {
  return parseBody(schema, query);
}

const TYPE_WORDS: Record<string, string> = {
  string: 'a string',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const pointer = pointerTo(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        pointer: pointerTo([...issue.path, key]),
        code: 'unknown-field',
        detail: 'this field is not known; remove it or check its spelling',
      }));
    case 'invalid_type':
      if (issue.input === undefined) {
        const detail = pointer === '' ? 'a JSON object is needed' : 'this field is required';
        return [{ pointer, code: 'required', detail }];
      }
      return [{ pointer, code: 'invalid-type', detail: `must be ${TYPE_WORDS[issue.expected] ?? issue.expected}` }];
    case 'too_small':
    case 'too_big':
      return [{ pointer, code: 'out-of-range', detail: issue.message }];
    case 'invalid_key':
      return [{ pointer, code: 'out-of-range', detail: issue.issues[0]?.message ?? 'this name cannot be used' }];
    case 'invalid_value':
      if (issue.input === undefined) return [{ pointer, code: 'required', detail: 'this field is required' }];
      return [{ pointer, code: 'invalid-value', detail: `must be one of ${issue.values.map(String).join(', ')}` }];
    case 'custom':
      return [{ pointer, code: String(issue.params?.['code'] ?? 'invalid-value'), detail: issue.message }];
    default:
      return [{ pointer, code: 'invalid-value', detail: issue.message }];
  }
}

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
