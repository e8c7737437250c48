import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { breakingChanges } from '../../scripts/check-openapi-breaking.mjs';

/** A document of one call, of which a test changes its own copy. */
const document = () => ({
  paths: {
    '/things': {
      post: {
        parameters: [
          { in: 'query', name: 'kind', schema: { type: 'string', enum: ['a', 'b'] } },
          { in: 'header', name: 'idempotency-key', required: false, schema: { type: 'string', maxLength: 255 } },
        ],
        requestBody: {
          required: false,
          content: { 'application/json': { schema: { $ref: '#/components/schemas/New' } } },
        },
        responses: {
          '201': {
            headers: { location: { schema: { type: 'string' } } },
            content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } },
          },
          '409': { content: { 'application/problem+json': { schema: { type: 'object' } } } },
        },
      },
      get: { security: [] as object[], responses: { '200': { description: 'Yes.' } } },
    },
  },
  webhooks: {
    happened: {
      post: {
        requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } },
        responses: { '2XX': {} },
      },
    },
  },
  components: {
    schemas: {
      New: {
        type: 'object',
        properties: {
          to: { type: 'string', pattern: '^\\+' },
          size: { type: 'number', minimum: 1, maximum: 9 },
          mode: { type: 'string', enum: ['slow', 'fast'] },
          tags: { type: 'array', items: { type: 'string', maxLength: 8 }, maxItems: 4 },
          ip: {
            anyOf: [
              { type: 'string', format: 'ipv4' },
              { type: 'string', format: 'ipv6' },
            ],
          },
          meta: { type: 'object', additionalProperties: { type: 'string' } },
        },
        required: ['to'],
        additionalProperties: false,
      },
      Thing: {
        type: 'object',
        properties: {
          id: { type: 'string' },
          state: { type: 'string', enum: ['open', 'closed'] },
          reason: { anyOf: [{ type: 'string' }, { type: 'null' }] },
          size: { type: 'integer' },
          parts: { type: 'array', items: { $ref: '#/components/schemas/Thing' } },
        },
        required: ['id', 'state'],
      },
    },
  },
});
// biome-ignore lint/suspicious/noExplicitAny: a test breaks its copy in any way
type Changed = any;

function changesOf(change: (after: Changed) => void): string[] {
  const after: Changed = document();
  change(after);
  return breakingChanges(document(), after);
}

const asked = (d: Changed) => d.components.schemas.New;
const told = (d: Changed) => d.components.schemas.Thing;
const post = (d: Changed) => d.paths['/things'].post;

describe('a change of the document', () => {
  it.for<[string, (d: Changed) => void, string]>([
    ['a removed path', (d) => delete d.paths['/things'], 'POST /things: removed'],
    ['a removed call', (d) => delete d.paths['/things'].get, 'GET /things: removed'],
    ['a removed event', (d) => delete d.webhooks.happened, 'POST happened: removed'],
    ['a removed answer', (d) => delete post(d).responses['201'], 'POST /things: answer 201 removed'],
    [
      'a removed header',
      (d) => delete post(d).responses['201'].headers.location,
      'header location of answer 201 removed',
    ],
    [
      'a removed type of answer',
      (d) => delete post(d).responses['409'].content['application/problem+json'],
      'application/problem+json removed',
    ],
    ['a new need for a key', (d) => delete d.paths['/things'].get.security, 'GET /things: needs an API key now'],
    ['a removed parameter', (d) => post(d).parameters.pop(), 'header parameter idempotency-key removed'],
    [
      'a parameter that is now required',
      (d) => (post(d).parameters[1].required = true),
      'idempotency-key is required now',
    ],
    [
      'a new required parameter',
      (d) => post(d).parameters.push({ in: 'query', name: 'x', required: true, schema: {} }),
      'query parameter x is new and required',
    ],
    ['a removed value of a parameter', (d) => post(d).parameters[0].schema.enum.pop(), 'value "b" removed'],
    ['a body that is now required', (d) => (post(d).requestBody.required = true), 'a body is required now'],
    ['a removed request field', (d) => delete asked(d).properties.tags, 'body.tags: removed'],
    ['a request field that is now required', (d) => asked(d).required.push('mode'), 'body.mode: is required now'],
    [
      'a new required request field',
      (d) => {
        asked(d).properties.why = { type: 'string' };
        asked(d).required.push('why');
      },
      'body.why: is new and required',
    ],
    ['a removed request value', (d) => asked(d).properties.mode.enum.pop(), 'body.mode: value "fast" removed'],
    [
      'values where all were taken',
      (d) => (asked(d).properties.to.enum = ['+1']),
      'body.to: only some values are taken now',
    ],
    [
      'a narrowed request type',
      (d) => (asked(d).properties.size.type = 'integer'),
      'body.size: was number, is integer',
    ],
    ['a changed request type', (d) => (asked(d).properties.to.type = 'number'), 'body.to: was string, is number'],
    ['a raised lower bound', (d) => (asked(d).properties.size.minimum = 2), 'body.size: minimum was 1, is 2'],
    [
      'a lowered upper bound',
      (d) => (asked(d).properties.tags.items.maxLength = 7),
      'body.tags[]: maxLength was 8, is 7',
    ],
    ['a new bound', (d) => (asked(d).properties.to.minLength = 1), 'body.to: minLength was unset, is 1'],
    ['another pattern', (d) => (asked(d).properties.to.pattern = '^0'), 'body.to: pattern was ^\\+, is ^0'],
    ['a removed form', (d) => asked(d).properties.ip.anyOf.pop(), 'body.ip: format was ipv6, is ipv4'],
    [
      'a map that holds something else',
      (d) => (asked(d).properties.meta.additionalProperties.type = 'number'),
      'body.meta.*: was string, is number',
    ],
    [
      'extra fields refused',
      (d) => (asked(d).properties.meta.additionalProperties = false),
      'body.meta.*: unknown fields are refused now',
    ],
    ['a removed answer field', (d) => delete told(d).properties.size, 'answer 201.size: removed'],
    ['an answer field that may now be missing', (d) => told(d).required.pop(), 'answer 201.state: may be missing now'],
    ['a removed answer value', (d) => told(d).properties.state.enum.pop(), 'answer 201.state: value "closed" removed'],
    [
      'a changed answer type',
      (d) => (told(d).properties.size.type = 'string'),
      'answer 201.size: was integer, is string',
    ],
    [
      'a widened answer type',
      (d) => (told(d).properties.size.type = 'number'),
      'answer 201.size: was integer, is number',
    ],
    [
      'a new form of an answer',
      (d) => (told(d).properties.id = { anyOf: [{ type: 'string' }, { type: 'null' }] }),
      'answer 201.id: was string, is null',
    ],
    [
      'a list that became one thing',
      (d) => (told(d).properties.parts = { type: 'object' }),
      'answer 201.parts: was array, is object',
    ],
  ])('breaks clients: %s', ([, change, expected]) => {
    expect(changesOf(change)).toEqual(expect.arrayContaining([expect.stringContaining(expected)]));
  });

  it.for<[string, (d: Changed) => void]>([
    ['none', () => {}],
    ['a new path', (d) => (d.paths['/more'] = { get: { responses: { '200': {} } } })],
    ['a new call', (d) => (d.paths['/things'].put = { responses: { '200': {} } })],
    ['a new event', (d) => (d.webhooks.later = { post: { responses: {} } })],
    ['a new status', (d) => (post(d).responses['429'] = {})],
    [
      'a new optional parameter',
      (d) => post(d).parameters.push({ in: 'query', name: 'x', schema: { type: 'string' } }),
    ],
    ['a new optional request field', (d) => (asked(d).properties.why = { type: 'string' })],
    ['a request field that is no longer required', (d) => asked(d).required.pop()],
    ['a new request value', (d) => asked(d).properties.mode.enum.push('warp')],
    ['wider bounds', (d) => Object.assign(asked(d).properties.size, { minimum: 0, maximum: 99 })],
    ['a bound that went', (d) => delete asked(d).properties.tags.maxItems],
    ['a new form of a request', (d) => asked(d).properties.ip.anyOf.push({ type: 'null' })],
    [
      'a new answer field',
      (d) => {
        told(d).properties.more = { type: 'string' };
        told(d).required.push('more');
      },
    ],
    ['a new answer value', (d) => told(d).properties.state.enum.push('lost')],
    ['an answer field that is always there now', (d) => told(d).required.push('size')],
    ['a form of an answer that went', (d) => told(d).properties.reason.anyOf.pop()],
    ['other words', (d) => (told(d).properties.id.description = 'Opaque.')],
  ])('breaks no client: %s', ([, change]) => {
    expect(changesOf(change)).toEqual([]);
  });
});

describe('the document of this project', () => {
  it('is the same as itself, and nothing like an empty one', () => {
    const present = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'));
    const calls = Object.values<object>({ ...present.paths, ...present.webhooks }).flatMap(Object.keys);

    expect(breakingChanges(present, present)).toEqual([]);
    expect(breakingChanges(present, { paths: {} })).toHaveLength(calls.length);
  });
});
