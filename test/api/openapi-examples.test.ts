import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect } from 'vitest';
import { it } from '../fixtures.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document is walked as it comes; what is missing fails its test
type Part = any;

const document: Part = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'));
const ajv = new Ajv2020({ strict: false, validateSchema: false });
formats.default(ajv);
ajv.addSchema(document, 'openapi.json');

/** Every body that the document describes: what it is, where it stands, and its examples. */
const bodies = ['paths', 'webhooks'].flatMap((kind) =>
  Object.entries<Part>(document[kind]).flatMap(([route, methods]) =>
    Object.entries<Part>(methods).flatMap(([method, operation]) => {
      const at = ['', kind, route, method];
      const contents = Object.entries<Part>(operation.responses).map(([status, { content }]) => ({
        name: `${operation.operationId} ${status}`,
        at: [...at, 'responses', status, 'content'],
        content,
      }));
      contents.push({
        name: `${operation.operationId} request`,
        at: [...at, 'requestBody', 'content'],
        content: operation.requestBody?.content,
      });
      return contents.flatMap(({ name, at, content = {} }) =>
        Object.entries<Part>(content).map(([type, media]) => ({
          name: `${name} as ${type}`,
          schema: [...at, type, 'schema']
            .map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1')))
            .join('/'),
          examples: examplesOf(media),
        })),
      );
    }),
  ),
);

function examplesOf({ example, examples, schema }: Part): unknown[] {
  if (example !== undefined) return [example];
  if (examples !== undefined) return Object.values<Part>(examples).map((one) => resolve(one).value);
  return resolve(schema).examples ?? [];
}

function resolve(part: Part): Part {
  if (part.$ref === undefined) return part;
  return part.$ref
    .slice('#/'.length)
    .split('/')
    .reduce((at: Part, key: string) => at[key], document);
}

describe('an example in the document', () => {
  it.for(bodies)('is there and fits its schema: $name', ({ schema, examples }) => {
    expect(examples).not.toHaveLength(0);
    for (const example of examples) {
      const fits = ajv.validate({ $ref: `openapi.json#${schema}` }, example);
      expect([fits, ajv.errorsText()]).toEqual([true, 'No errors']);
    }
  });
});

/** Every operation, in an order in which each finds what it needs. */
const ORDER = [
  'livez',
  'readyz',
  'simulateVerification',
  'createVerification',
  'getVerification',
  'listVerifications',
  'searchVerifications',
  'checkCode',
  'requestAttempt',
  'getTimeline',
  'listVerificationCallbacks',
  'listCallbacks',
  'replayCallback',
  'cancelVerification',
  'createCallbackEndpoint',
  'listCallbackEndpoints',
  'getCallbackEndpoint',
  'updateCallbackEndpoint',
  'rotateCallbackSecret',
  'testCallbackEndpoint',
  'replayCallbacks',
  'deleteCallbackEndpoint',
  'eraseNumber',
  'getErasure',
  'listDecisions',
];

const operations = new Map<string, { method: string; route: string; operation: Part }>(
  Object.entries<Part>(document.paths).flatMap(([route, methods]) =>
    Object.entries<Part>(methods).map(([method, operation]): [string, Part] => [
      operation.operationId,
      { method: method.toUpperCase(), route, operation },
    ]),
  ),
);

describe('the examples of requests', () => {
  it('are all sent, each call in its turn', () => {
    expect(ORDER.toSorted()).toEqual([...operations.keys()].toSorted());
  });

  it('are answered as the document promises', async ({ service }) => {
    /** By the collection: what was made first, for the calls about one. */
    const ids: Record<string, string> = {};
    for (const id of ORDER) {
      const { method, route, operation } = operations.get(id) ?? { method: '', route: '', operation: {} };
      const collection = String(route.split('/')[2]);
      const media = operation.requestBody?.content['application/json'];
      // a code has to be out before one can be checked, or another sent
      if (id === 'checkCode') await service.receiver.event('verification.attempt.sent', String(ids['verifications']));

      const path = route.replace('{id}', String(ids[collection]));
      const { status, body } = await service.call<Part>(method, path, media && examplesOf(media)[0]);

      const promised = Object.keys(operation.responses).filter((documented) => documented < '300');
      expect([id, promised], JSON.stringify(body)).toEqual([id, expect.arrayContaining([String(status)])]);
      ids[collection] ??= body.id;
      if (id === 'listVerificationCallbacks') ids['callbacks'] = body.data[0].id;
    }
  });
});
