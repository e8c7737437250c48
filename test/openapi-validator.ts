import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

/** An operation of an OpenAPI document: its path as a template (`/v1/verifications/{id}`), and its method in any case. */
export interface OperationName {
  path: string;
  method: string;
}

/** A body as it was sent or received: parsed when it is JSON, else the text; undefined when there is none. */
export interface Body {
  /** `application/json` by default; parameters such as `charset` don't matter. */
  contentType?: string | null;
  body: unknown;
}

/** Checks real requests and responses against an OpenAPI 3.1 document. */
export interface OpenApiValidator {
  /** What differs from the document, in words; empty when nothing does. An undocumented status or content type differs. */
  checkResponse(response: OperationName & Body & { status: number }): string[];
  /** The same for the body of a request. */
  checkRequest(request: OperationName & Body): string[];
}

interface Located {
  value: unknown;
  /** JSON pointer into the document. */
  pointer: string;
}

const DOCUMENT = 'openapi.json';

/**
 * Builds the validator of one document.
 *
 * @param document - parsed OpenAPI 3.1; its references stay within it.
 */
export function createOpenApiValidator(document: unknown): OpenApiValidator {
  // strict would refuse the keywords that OpenAPI adds to JSON Schema
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
  formats.default(ajv);
  ajv.addSchema(document as object, DOCUMENT);
  const compiled = new Map<string, ValidateFunction>();

  /** Goes one step down, through a reference if there is one. */
  function step(from: Located | undefined, key: string): Located | undefined {
    const value = isObject(from?.value) ? from.value[key] : undefined;
    if (from === undefined || value === undefined) return undefined;
    const located = { value, pointer: `${from.pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}` };
    const isSchema = key === 'schema'; // Ajv follows the references inside
    return isObject(value) && typeof value['$ref'] === 'string' && !isSchema ? follow(value['$ref']) : located;
  }

  function follow(reference: string): Located | undefined {
    const keys = reference.replace(/^#\/?/, '').split('/');
    const root: Located | undefined = { value: document, pointer: '' };
    return keys.reduce<Located | undefined>((at, key) => step(at, unescapeKey(key)), root);
  }

  function operationOf({ path, method }: OperationName): Located | undefined {
    return ['paths', path, method.toLowerCase()].reduce<Located | undefined>(step, { value: document, pointer: '' });
  }

  function checkContent(holder: Located, { contentType, body }: Body, what: string): string[] {
    const contents = step(holder, 'content');
    if (contents === undefined) return isEmpty(body) ? [] : [`${what} is documented without a body`];
    const type = (contentType ?? 'application/json').split(';', 1).join('').trim().toLowerCase();
    const media = step(contents, type) ?? step(contents, `${type.split('/', 1)}/*`) ?? step(contents, '*/*');
    if (media === undefined) return [`${what} is not documented as ${type}`];
    const schema = step(media, 'schema');
    return schema === undefined ? [] : validate(schema, body).map((error) => `${what}: ${error}`);
  }

  function validate({ pointer }: Located, body: unknown): string[] {
    const check = compiled.get(pointer) ?? ajv.compile({ $ref: `${DOCUMENT}#${encodePointer(pointer)}` });
    compiled.set(pointer, check);
    return check(body) ? [] : (check.errors ?? []).map(describeError);
  }

  return {
    checkResponse(response) {
      const name = `${response.method.toUpperCase()} ${response.path}`;
      const responses = step(operationOf(response), 'responses');
      if (responses === undefined) return [`${name} is not documented`];
      const status = String(response.status);
      const found = step(responses, status) ?? step(responses, `${status[0]}XX`) ?? step(responses, 'default');
      if (found === undefined) return [`${name} is not documented to answer ${status}`];
      return checkContent(found, response, `the ${status} of ${name}`);
    },

    checkRequest(request) {
      const name = `${request.method.toUpperCase()} ${request.path}`;
      const operation = operationOf(request);
      if (operation === undefined) return [`${name} is not documented`];
      const holder = step(operation, 'requestBody');
      if (holder === undefined) return isEmpty(request.body) ? [] : [`${name} is documented without a body`];
      const isRequired = isObject(holder.value) && holder.value['required'] === true;
      if (isEmpty(request.body) && !isRequired) return [];
      return checkContent(holder, request, `the body of ${name}`);
    },
  };
}

function describeError({ instancePath, message, params }: ErrorObject): string {
  return `${instancePath || '/'} ${message} ${JSON.stringify(params)}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isEmpty(body: unknown): boolean {
  return body === undefined || body === '';
}

function unescapeKey(key: string): string {
  return decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~');
}

function encodePointer(pointer: string): string {
  return pointer.split('/').map(encodeURIComponent).join('/');
}
