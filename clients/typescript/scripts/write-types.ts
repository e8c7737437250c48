// Writes src/openapi-types.ts from openapi.json, or with --check fails when the committed one is not fresh.
// Of our own, because generators that can be had work on TypeScript's compiler API, which TypeScript 7 has no more; a
// TypeScript 5 beside it would take over the command `tsc`.
import { readFileSync, writeFileSync } from 'node:fs';

const DOCUMENT = new URL('../../../openapi.json', import.meta.url);
const FILE = new URL('../src/openapi-types.ts', import.meta.url);

/** What of JSON Schema says something about a type. */
interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  description?: string;
}

interface Operation {
  operationId: string;
  parameters?: { in: string; name: string; required?: boolean; description?: string; schema: Schema }[];
  requestBody?: { content: { 'application/json': { schema: Schema } } };
}

interface Document {
  components: { schemas: Record<string, Schema> };
  paths: Record<string, Record<string, Operation>>;
  webhooks: Record<string, { post: Operation }>;
}

/** `XOutput` is `X` with all its fields known, which no type can tell. */
const typeName = ($ref: string) => $ref.replace('#/components/schemas/', '').replace(/Output$/, '');

function comment(text: string | undefined, indent = ''): string {
  return text === undefined ? '' : `${indent}/** ${text} */\n`;
}

function typeOf(schema: Schema, indent = ''): string {
  if (schema.$ref !== undefined) return typeName(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map((option) => typeOf(option, indent)))].join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type }, indent)).join(' | ');
  switch (schema.type) {
    case 'object':
      return objectType(schema, indent);
    case 'array':
      return `Array<${typeOf(schema.items ?? {}, indent)}>`;
    case 'integer':
      return 'number';
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return schema.type;
    case undefined:
      return 'unknown';
    default:
      throw new Error(`no type is known for ${JSON.stringify(schema)}`);
  }
}

function objectType({ properties = {}, required = [], additionalProperties }: Schema, indent: string): string {
  const inner = `${indent}  `;
  const members = Object.entries(properties).map(([name, schema]) => {
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
    const optional = required.includes(name) ? '' : '?';
    return `${comment(schema.description, inner)}${inner}${key}${optional}: ${typeOf(schema, inner)};\n`;
  });
  if (members.length === 0 && typeof additionalProperties === 'object') {
    return `Record<string, ${typeOf(additionalProperties, inner)}>`;
  }
  return `{\n${members.join('')}${indent}}`;
}

function declaration(name: string, schema: Schema): string {
  const type = typeOf(schema);
  const isInterface = type.startsWith('{');
  return `${comment(schema.description)}export ${isInterface ? `interface ${name} ${type}` : `type ${name} = ${type};`}\n`;
}

function write({ components, paths, webhooks }: Document): string {
  const parts = ['// Written from openapi.json by `npm run client:types`; changes here are lost.\n'];

  for (const [name, schema] of Object.entries(components.schemas)) {
    if (name === 'ProblemCode') {
      const codes = schema.enum?.map((code) => `  ${JSON.stringify(code)},\n`).join('');
      parts.push(`/** Every problem code of this release. */\nexport const PROBLEM_CODES = [\n${codes}] as const;\n`);
      parts.push(`${comment(schema.description)}export type ProblemCode = (typeof PROBLEM_CODES)[number];\n`);
    } else if (!(name.endsWith('Output') && typeName(name) in components.schemas)) {
      parts.push(declaration(name, schema));
    }
  }

  for (const { operationId, parameters = [] } of Object.values(paths).flatMap((path) => Object.values(path))) {
    const query = parameters.filter((parameter) => parameter.in === 'query');
    if (!operationId.startsWith('list') || query.length === 0) continue;
    const properties = Object.fromEntries(query.map(({ name, schema }) => [name, schema]));
    parts.push(
      declaration(`${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}`, { type: 'object', properties }),
    );
  }

  const events = Object.entries(webhooks).map(([type, { post }]) => {
    const name = type.replaceAll(/(?:^|[._])(\w)/g, (_match, letter: string) => letter.toUpperCase());
    parts.push(declaration(`${name}Event`, post.requestBody?.content['application/json'].schema ?? {}));
    return `  | ${name}Event\n`;
  });
  parts.push(
    `/** What a callback reports; \`type\` tells them apart. Types may be added. */\nexport type CallbackEvent =\n${events.join('').trimEnd()};\n`,
  );
  return parts.join('\n');
}

const fresh = write(JSON.parse(readFileSync(DOCUMENT, 'utf8')));

if (!process.argv.includes('--check')) {
  writeFileSync(FILE, fresh);
} else if (readFileSync(FILE, 'utf8') !== fresh) {
  process.stderr.write(
    'clients/typescript/src/openapi-types.ts is not what openapi.json says: run npm run client:types\n',
  );
  process.exitCode = 1;
}
