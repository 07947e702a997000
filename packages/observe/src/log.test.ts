// Lines of a log: what is in them, and what never is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, type LogEntry } from './log.ts';

const SECRET = 'k4n"4r1';
const ENTRY: LogEntry = {
  level: 'warn', message: 'partition begins anew', fields: { partition: 3, detail: `login as keeper:${SECRET} refused` }, line: `partition 3 begins anew: login as keeper:${SECRET} refused`,
};

function written(format: 'text' | 'json', entry: LogEntry, secrets: readonly string[] = [SECRET]): string {
  const lines: string[] = [];
  createLog({ service: 'processor', format, secrets, write: (line) => lines.push(line) })(entry);
  return lines.join('');
}

test('JSON has a constant message, and the data in fields', () => {
  const { time, ...line } = JSON.parse(written('json', ENTRY)) as Record<string, unknown>;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(line, { level: 'warn', service: 'processor', partition: 3, detail: 'login as keeper:*** refused', msg: 'partition begins anew' });
});

test('text is the line for a person', () => {
  assert.equal(written('text', ENTRY), 'fillstream: partition 3 begins anew: login as keeper:*** refused\n');
});

test('what isn\'t listed as a field isn\'t written, whatever it is', () => {
  const fields = { partition: 1, password: 'hunter2', options: { sasl: { password: 'hunter2' } } };
  const line = written('json', { message: 'joined', fields, line: '' }, []);
  assert.doesNotMatch(line, /hunter2|sasl|options/);
  assert.match(line, /"partition":1/);
});

test('a secret is blanked as it is, as JSON has it, and in Base64', () => {
  const detail = `${SECRET} ${Buffer.from(SECRET).toString('base64')}`;
  for (const format of ['text', 'json'] as const) assert.match(written(format, { message: 'm', fields: { detail }, line: detail }), /\*\*\* \*\*\*/);
});
