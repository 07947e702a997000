// The schemas of an installation, as the registry has them. Asked by plain requests: the client keeps what it is told to itself.

import { request as requestPlain } from 'node:http';
import { request as requestByTls } from 'node:https';
import { TOPICS, schemaTextOf, type Topic } from '@fillstream/schemas';
import { PortError } from '@fillstream/runtime';
import { messageOf, nameIn } from './connection.ts';
import { subjectOf, type RegistryOptions } from './wire-format.ts';

const ANSWER_LIMIT_MS = 5_000;
/** Bytes of an answer: a list of all subjects is the longest. */
const GREATEST_ANSWER = 8 * 2 ** 20;
const TYPE = 'application/vnd.schemaregistry.v1+json';

export type SubjectFacts = {
  readonly topic: Topic;
  readonly subject: string;
  /** The id of our schema; null: it isn't registered. */
  readonly ownId: number | null;
  /** How many versions there are; 0: there is no such subject. */
  readonly versions: number;
  /** The subject's own, else the registry's; null: it isn't told. */
  readonly compatibility: string | null;
};

export type RegistryFacts = {
  /** Of the whole registry, other installations' among them. */
  readonly subjectCount: number;
  readonly subjects: readonly SubjectFacts[];
  /** What time it says that it is (ms, whole seconds); null when it doesn't. */
  readonly time: { readonly at: number; readonly askedAt: number; readonly answeredAt: number } | null;
};

/** Throws PortError when nobody answers, the login is refused, or it is no registry. */
export async function inspectRegistry(options: RegistryOptions, namespace: string | undefined): Promise<RegistryFacts> {
  const askedAt = Date.now();
  const { body, date } = await ask(options, 'GET', '/subjects');
  const answeredAt = Date.now();
  if (!Array.isArray(body)) throw refused('/subjects gave no list: is this the registry\'s Confluent API?');
  const at = date === null ? NaN : Date.parse(date);
  return {
    subjectCount: body.length,
    subjects: await Promise.all(TOPICS.map(async (topic) => await inspectSubject(options, topic, subjectOf(nameIn(namespace, topic))))),
    time: Number.isFinite(at) ? { at, askedAt, answeredAt } : null,
  };
}

async function inspectSubject(options: RegistryOptions, topic: Topic, subject: string): Promise<SubjectFacts> {
  const path = encodeURIComponent(subject);
  const [own, versions, level, overall] = await Promise.all([
    ask(options, 'POST', `/subjects/${path}`, JSON.stringify({ schema: schemaTextOf(topic) })),
    ask(options, 'GET', `/subjects/${path}/versions`),
    ask(options, 'GET', `/config/${path}`),
    ask(options, 'GET', '/config'),
  ]);
  return {
    topic, subject,
    ownId: numberIn(own.body, 'id'),
    versions: Array.isArray(versions.body) ? versions.body.length : 0,
    compatibility: textIn(level.body, 'compatibilityLevel') ?? textIn(overall.body, 'compatibilityLevel'),
  };
}

type Answer = { readonly status: number; readonly body: unknown; readonly date: string | null };

/** What isn't there (404) is an answer. Throws PortError. */
async function ask(options: RegistryOptions, method: string, path: string, text = ''): Promise<Answer> {
  try {
    const answer = await send(options, method, path, text);
    if (answer.status === 200 || answer.status === 404) return answer;
    throw refused(answer.status === 401 ? 'it refused the login (401)' : `${method} ${path}: status ${String(answer.status)}`);
  } catch (error) {
    throw error instanceof PortError ? error : refused(messageOf(error), error);
  }
}

function refused(why: string, cause?: unknown): PortError {
  return new PortError('log-broken', `the schema registry: ${why}`, { retryable: true, cause });
}

async function send({ url, auth, ca }: RegistryOptions, method: string, path: string, text: string): Promise<Answer> {
  const options = {
    method,
    headers: { accept: TYPE, 'content-type': TYPE, 'content-length': Buffer.byteLength(text) },
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    ...(auth === undefined ? {} : { auth: `${auth.username}:${auth.password}` }),
  };
  const target = `${url.replace(/\/+$/, '')}${path}`;
  const request = target.startsWith('https:') ? requestByTls(target, { ...options, ...(ca === undefined ? {} : { ca }) }) : requestPlain(target, options);
  const answered = Promise.withResolvers<Answer>();
  request.once('error', answered.reject).once('response', (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > GREATEST_ANSWER) request.destroy(new Error(`${path}: more than ${String(GREATEST_ANSWER)} bytes`));
      else chunks.push(chunk);
    });
    response.once('error', answered.reject).once('end', () => {
      answered.resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString('utf8')), date: response.headers.date ?? null });
    });
  });
  request.end(text);
  return await answered.promise;
}

/** undefined for what is no JSON: a proxy may answer with a page. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function fieldOf(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null ? Object.entries(body).find(([key]) => key === name)?.[1] : undefined;
}

function numberIn(body: unknown, name: string): number | null {
  const value = fieldOf(body, name);
  return typeof value === 'number' ? value : null;
}

function textIn(body: unknown, name: string): string | null {
  const value = fieldOf(body, name);
  return typeof value === 'string' ? value : null;
}
