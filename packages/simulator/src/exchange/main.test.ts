import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, test } from 'node:test';

const MAIN = join(import.meta.dirname, 'main.ts');
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

function spawned(...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text;
}

async function post(url: string, body: unknown): Promise<{ readonly status: number; readonly body: ReturnType<typeof JSON.parse> }> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

test('an exchange in a process of its own is commanded over HTTP, and gives its ledger as a journal', async () => {
  const child = spawned('--seed', '4', '--addresses', '2', '--control-port', '0', '--manual', '--past-orders', '100');
  const { url, control, addresses } = JSON.parse(await firstLine(child));
  const info = `${url}/info`;
  const before = (await post(control, { advance: 0 })).body;
  const { body: moved } = await post(control, { advance: 5_000 });
  assert.equal(moved.now - before.now, 5_000);
  assert.ok(moved.records > before.records);
  assert.ok((await post(control, { emit: 50 })).body.records >= moved.records);

  const { body: fault } = await post(control, { fault: 'rest-500', times: 2 });
  assert.equal((await fetch(info, { method: 'POST', body: '{"type":"meta"}' })).status, 500);
  const overview = JSON.parse(await (await fetch(control)).text());
  assert.deepEqual([overview.faults, overview.addresses, overview.url], [[{ id: fault.id, kind: 'rest-500', hits: 1 }], addresses, url]);
  await post(control, { clear: fault.id });
  assert.equal((await fetch(info, { method: 'POST', body: '{"type":"meta"}' })).status, 200);

  await post(control, { halt: true });
  const lines = (await (await fetch(`${control}/ledger`)).text()).trimEnd().split('\n').map((line) => JSON.parse(line));
  for (const user of addresses) {
    const fills = lines.filter(({ kind, address }) => kind === 'fill' && address === user).map(({ data }) => data);
    const { body } = await post(info, { type: 'userFillsByTime', user, startTime: 0 });
    assert.ok(fills.length > 10);
    assert.deepEqual(body, fills);
  }
  const rest = (await (await fetch(`${control}/ledger?from=10`)).text()).trimEnd().split('\n');
  assert.equal(rest.length, lines.length - 10);

  for (const bad of [{}, [], { fault: 'earthquake' }, { fault: 'cut', how: 'x' }, { fault: 'cut', wrong: 1 }, { fault: 'cut', times: 'x' }, { advance: -1 }]) {
    const { status, body } = await post(control, bad);
    assert.equal(status, 400);
    assert.match(body.error, /^expected /);
  }
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('without a control port nothing can be commanded, and a wrong option ends with what was expected', async () => {
  const child = spawned('--addresses', '1');
  const { url, control } = JSON.parse(await firstLine(child));
  assert.equal(control, null);
  assert.equal((await fetch(`${url}/control`)).status, 404);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  const wrong = spawned('--scale', 'fast');
  const errors: string[] = [];
  wrong.stderr?.on('data', (chunk) => errors.push(String(chunk)));
  const [code] = await once(wrong, 'close');
  assert.equal(code, 1);
  assert.match(errors.join(''), /^expected --scale: a number; got fast\nusage:/);
});
