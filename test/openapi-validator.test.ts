import { describe, expect, it } from 'vitest';
import { createOpenApiValidator } from './openapi-validator.ts';

const validator = createOpenApiValidator({
  openapi: '3.1.0',
  paths: {
    '/things/{id}': {
      put: {
        requestBody: { $ref: '#/components/requestBodies/Thing' },
        responses: {
          '200': { $ref: '#/components/responses/Thing' },
          '204': { description: 'Done.' },
          '4XX': {
            description: 'Refused.',
            content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          },
          default: { description: 'Else.', content: { 'text/*': { schema: { type: 'string' } } } },
        },
      },
      get: { responses: { '200': { $ref: '#/components/responses/Thing' } } },
    },
  },
  components: {
    requestBodies: {
      Thing: { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/a~1Thing' } } } },
    },
    responses: {
      Thing: {
        description: 'It.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/a~1Thing' } } },
      },
    },
    schemas: {
      'a/Thing': {
        type: 'object',
        required: ['id'],
        properties: {
          id: { type: 'string', format: 'uuid', example: 'kept for OpenAPI' },
          parent: { $ref: '#/components/schemas/a~1Thing' },
        },
        additionalProperties: false,
      },
      Problem: { type: 'object', required: ['status'], properties: { status: { type: 'integer' } } },
    },
  },
});

const id = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
const put = { path: '/things/{id}', method: 'PUT' };

describe('a response', () => {
  it.for([
    ['a body as documented, through references', { status: 200, body: { id, parent: { id } } }],
    ['a charset', { status: 200, body: { id }, contentType: 'application/json; charset=utf-8' }],
    ['no body where none is documented', { status: 204, body: undefined }],
    ['a status of a documented range', { status: 404, body: { status: 404 }, contentType: 'application/problem+json' }],
    ['the default, with a range of content types', { status: 502, body: 'oops', contentType: 'text/plain' }],
  ] as const)('may have %s', (_case) => {
    expect(validator.checkResponse({ ...put, ..._case[1] })).toEqual([]);
  });

  it.for([
    ['a wrong format', { status: 200, body: { id: '1' } }, /\/id must match format "uuid"/],
    ['a fault deep inside', { status: 200, body: { id, parent: {} } }, /\/parent must have required property 'id'/],
    ['an unknown field', { status: 200, body: { id, x: 1 } }, /additional properties.*"x"/],
    ['no body', { status: 200, body: undefined }, /must be object/],
    ['a body where none is documented', { status: 204, body: {} }, /without a body/],
    ['another content type', { status: 200, body: { id }, contentType: 'text/html' }, /not documented as text\/html/],
  ] as const)('may not have %s', ([, response, problem]) => {
    expect(validator.checkResponse({ ...put, ...response })).toEqual([expect.stringMatching(problem)]);
  });

  it('must be of a documented operation and status', () => {
    const body = { id };
    expect(validator.checkResponse({ ...put, method: 'get', status: 201, body })[0]).toMatch(
      'not documented to answer 201',
    );
    expect(validator.checkResponse({ ...put, method: 'DELETE', status: 200, body })[0]).toMatch(
      'DELETE /things/{id} is not',
    );
    expect(validator.checkResponse({ path: '/x', method: 'get', status: 200, body })[0]).toMatch(
      'GET /x is not documented',
    );
  });
});

describe('a request', () => {
  it('must have the body that is documented', () => {
    expect(validator.checkRequest({ ...put, body: { id } })).toEqual([]);
    expect(validator.checkRequest({ ...put, body: {} })[0]).toMatch("must have required property 'id'");
    expect(validator.checkRequest({ ...put, body: undefined })[0]).toMatch('must be object');
    expect(validator.checkRequest({ ...put, method: 'get', body: undefined })).toEqual([]);
    expect(validator.checkRequest({ ...put, method: 'get', body: {} })[0]).toMatch('without a body');
  });
});
