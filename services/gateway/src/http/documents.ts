// OpenAPI of what is asked by HTTP, AsyncAPI of what goes over the WebSocket: both out of the schemas that judge it.

import type { FastifySchema } from 'fastify';
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL } from '@fillstream/client';
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { z } from 'zod';
import { clientMessages, errorBodySchema, named, serverMessages } from './schemas.ts';

type Json = Readonly<Record<string, unknown>>;
type Responses = Readonly<Record<string, z.ZodType>>;

const VERSION = '1.0.0';
const SCHEMAS = '#/components/schemas/';
const BEARER = 'token';
const ABOUT = 'Signals of Hyperliquid orders. Decimals are text, times milliseconds since the epoch.';
const ABOUT_WS = `
A WebSocket of the subprotocol \`${SUBPROTOCOL}\`. The token stands in \`Authorization: Bearer\`, or in a second offered
subprotocol \`${TOKEN_SUBPROTOCOL}<token>\`.`.trim();
const JSON_TYPE = 'application/json';
/** Of an answer that isn't JSON, and of one that is any. */
export const TEXT_SCHEMA = z.string();
export const OBJECT_SCHEMA = z.record(z.string(), z.unknown());
/** What may go wrong everywhere. */
const ERRORS = { '4XX': errorBodySchema, '5XX': errorBodySchema };

export const OPENAPI: FastifyDynamicSwaggerOptions = {
  convertConstToEnum: false,
  openapi: {
    openapi: '3.1.0',
    info: { title: 'fillstream gateway', version: VERSION, description: ABOUT },
    tags: ['signals', 'orders', 'addresses', 'status', 'documents'].map((name) => ({ name })),
    components: { securitySchemes: { [BEARER]: { type: 'http', scheme: 'bearer', bearerFormat: 'fst_…' } } },
  },
  transform: ({ schema, url, route: { config } }) => ({ url, schema: documented(schema, config?.needs !== 'nothing') }),
  transformObject: (document) => ('openapiObject' in document ? completed(document.openapiObject) : document.swaggerObject),
};

function documented(schema: FastifySchema | undefined, isGuarded: boolean): FastifySchema {
  if (schema === undefined || schema.hide === true) return { hide: true };
  const { querystring, params, response, produces: [type = JSON_TYPE] = [], ...rest } = schema;
  return {
    ...rest,
    ...(isGuarded ? { security: [{ [BEARER]: [] }] } : {}),
    ...(querystring instanceof z.ZodType ? { querystring: jsonSchemaOf(querystring) } : {}),
    ...(params instanceof z.ZodType ? { params: jsonSchemaOf(params) } : {}),
    response: {
      ...mapped(responsesOf(response), (each) => responseOf(each, type)),
      ...mapped(ERRORS, (each) => responseOf(each, JSON_TYPE)),
    },
  };
}

function responsesOf(response: unknown): Responses {
  return z.record(z.string(), z.instanceof(z.ZodType)).parse(response ?? { 200: OBJECT_SCHEMA });
}

/** A reference where it has a name; put right by `completed`, as the document's maker would resolve it here. */
function responseOf(schema: z.ZodType, type: string): Json {
  const { id, description = 'The answer.' } = named.get(schema) ?? {};
  return { description, content: { [type]: { schema: id === undefined ? jsonSchemaOf(schema) : { [NAME]: id } } } };
}
const NAME = 'x-name';

function mapped<A, B>(of: Readonly<Record<string, A>>, by: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, by(value)]));
}

/** Adds the schemas that have names, references to them, and how lists are written in a query. */
function completed(document: Json): Json {
  const components = OBJECT_SCHEMA.parse(document['components']);
  return { ...OBJECT_SCHEMA.parse(refined(document)), components: { ...components, schemas: namedSchemas() } };
}

const LIST = z.object({ in: z.literal('query'), schema: z.object({ type: z.literal('array') }) });

function refined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(refined);
  if (typeof value !== 'object' || value === null) return value;
  const entries: [string, unknown][] = Object.entries(value);
  const name = entries.find(([key]) => key === NAME)?.[1];
  if (typeof name === 'string') return { $ref: `${SCHEMAS}${name}` };
  const isList = LIST.safeParse(value).success;
  return { ...Object.fromEntries(entries.map(([key, each]) => [key, refined(each)])), ...(isList ? { style: 'form', explode: false } : {}) };
}

export function asyncApi(): Json {
  const incoming = messagesOf(clientMessages);
  const outgoing = messagesOf(serverMessages);
  const refs = (messages: Json): Json[] => Object.keys(messages).map((name) => ({ $ref: `#/channels/ws/messages/${name}` }));
  const common = { channel: { $ref: '#/channels/ws' }, security: [{ $ref: `#/components/securitySchemes/${BEARER}` }] };
  return {
    asyncapi: '3.0.0',
    info: { title: 'fillstream gateway', version: VERSION, description: ABOUT },
    defaultContentType: 'application/json',
    channels: {
      ws: {
        address: '/v1/ws',
        description: ABOUT_WS,
        messages: Object.fromEntries(Object.keys({ ...incoming, ...outgoing }).map((name) => [name, { $ref: `#/components/messages/${name}` }])),
      },
    },
    operations: {
      ask: { ...common, action: 'receive', summary: 'What a client sends.', messages: refs(incoming) },
      tell: { ...common, action: 'send', summary: 'What a client gets.', messages: refs(outgoing) },
    },
    components: {
      messages: { ...incoming, ...outgoing },
      schemas: namedSchemas(),
      securitySchemes: { [BEARER]: { type: 'http', scheme: 'bearer', bearerFormat: 'fst_…' } },
    },
  };
}

function messagesOf(schemas: Readonly<Record<string, z.ZodType>>): Json {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, { name, payload: jsonSchemaOf(schema, SCHEMAS) }]));
}

function namedSchemas(): Json {
  const { schemas } = z.toJSONSchema(named, { io: 'input', metadata: named, uri: (id) => `${SCHEMAS}${id}` });
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, without(schema, ['$schema', '$id', 'id'])]));
}

/** `prefix`: where the schemas with names are; without, they stand in it themselves. */
function jsonSchemaOf(schema: z.ZodType, prefix: string | null = null): Json {
  const json = without(z.toJSONSchema(schema, { io: 'input', metadata: named }), prefix === null ? ['$schema'] : ['$schema', '$defs']);
  return prefix === null ? json : OBJECT_SCHEMA.parse(referring(json, prefix));
}

/** With references to the schemas that have names elsewhere. */
function referring(value: unknown, prefix: string): unknown {
  if (Array.isArray(value)) return value.map((each) => referring(each, prefix));
  if (typeof value === 'string') return value.replace(/^#\/\$defs\//, prefix);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, referring(each, prefix)]));
}

function without(value: object, keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}
