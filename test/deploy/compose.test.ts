// infra/compose.yaml, read as Docker Compose reads it: what it names is there, and nothing has more rights than it needs. It isn't
// started here.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { RedisConnection } from '@fillstream/redis';
import { startRedis } from '@fillstream/stack';
import { parse } from 'yaml';
import { ROOT, fillstream, shell } from '../end-to-end/command.ts';
import { assertTaken } from './command-lines.ts';
import { environmentOf, lastOf, stages, wordsOf } from './dockerfile.ts';
import { composeConfig, isTool, runTool, type Tool } from './tools.ts';

type Service = {
  readonly image: string;
  readonly profiles?: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target: string };
  readonly command: readonly string[] | null;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly { readonly host_ip?: string; readonly published: string; readonly target: number }[];
  readonly volumes?: readonly { readonly type: string; readonly source: string; readonly target: string; readonly read_only?: boolean }[];
  readonly secrets?: readonly { readonly source: string; readonly target: string }[];
  readonly networks: Readonly<Record<string, unknown>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly restart: string;
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt: readonly string[];
  readonly stop_grace_period?: string;
  readonly deploy?: { readonly replicas?: number };
};
type Project = { readonly services: Readonly<Record<string, Service>>; readonly secrets: Readonly<Record<string, { readonly file: string }>> };

const FILE = join(ROOT, 'infra/compose.yaml');
const SERVICES = ['ingestor', 'processor', 'gateway', 'webhooks'];
/** As docs/deploy.md has it. */
const FIRST_TOKEN = ['token', 'create', '--name', 'me', '--actions', 'signals,orders,status'];
const tool = composeConfig();
const skip = isTool(tool) ? false : tool.missing;

test('Docker Compose\'s reader refuses what isn\'t in its schema', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'fillstream-compose-'));
  const file = join(folder, 'compose.yaml');
  writeFileSync(file, 'services: { kafka: { image: x, restrat: always } }\n');
  const { code, stderr } = runTool(tool as Tool, [file]);
  rmSync(folder, { recursive: true });
  assert.equal(code, 1);
  assert.match(stderr, /restrat/);
});

describe('the installation', { skip }, () => {
  let project: Project = { services: {}, secrets: {} };
  const services = (): [string, Service][] => Object.entries(project.services);
  const own = (): [string, Service][] => services().filter(([, { build }]) => build !== undefined);
  const service = (name: string): Service => {
    const found = project.services[name];
    assert.ok(found !== undefined, name);
    return found;
  };

  before(() => {
    const { code, stdout, stderr } = runTool(tool as Tool, [FILE]);
    assert.equal(code, 0, stderr);
    project = JSON.parse(stdout);
  });

  test('has the servers, the topics, an ingestor, two processors, a gateway, webhooks, Prometheus and Grafana, and single commands when asked', () => {
    assert.deepEqual(services().map(([name]) => name).sort(), ['cli', 'gateway', 'grafana', 'ingestor', 'kafka', 'processor', 'prometheus', 'redis', 'registry', 'topics', 'webhooks']);
    assert.equal(service('processor').deploy?.replicas, 2);
    assert.deepEqual(services().filter(([, { profiles = [] }]) => profiles.length > 0).map(([name]) => name), ['cli']);
  });

  test('runs command lines that the commands take, in images that are built of the Dockerfile', () => {
    assert.deepEqual(own().map(([name]) => name).sort(), ['cli', 'gateway', 'ingestor', 'processor', 'topics', 'webhooks']);
    for (const [name, { build, command, environment = {}, image }] of own()) {
      assert.ok(build !== undefined);
      assert.ok(existsSync(join(build.context, build.dockerfile)), name);
      assert.ok(stages().some((stage) => stage.name === build.target), name);
      assert.match(image, new RegExp(`^fillstream-${build.target}:0\\.1\\.0$`));
      const fromImage = Object.entries(environmentOf(build.target)).filter(([variable]) => variable.startsWith('FILLSTREAM_'));
      assertTaken(command ?? (name === 'cli' ? FIRST_TOKEN : wordsOf(lastOf(build.target, 'CMD'))), { ...Object.fromEntries(fromImage), ...environment });
    }
    const page = readFileSync(join(ROOT, 'docs/deploy.md'), 'utf8');
    assert.ok(page.includes(`docker compose -f infra/compose.yaml run --rm cli ${FIRST_TOKEN.join(' ')}\n`));
  });

  test('mounts files that are there, read-only, and secrets where they are looked for', () => {
    for (const [name, { volumes = [], secrets = [], environment = {}, command }] of services()) {
      for (const { type, source, read_only } of volumes.filter((each) => each.type === 'bind')) {
        assert.ok(existsSync(source) && read_only === true, `${name}: ${type} ${source}`);
      }
      const looked = [...Object.values(environment), ...command ?? []].map(String).filter((value) => value.startsWith('/run/secrets/'));
      assert.deepEqual(looked.sort(), secrets.map(({ target }) => target).sort(), name);
      for (const { source } of secrets) assert.ok(project.secrets[source] !== undefined, source);
    }
    const values = services().flatMap(([, { environment = {} }]) => Object.entries(environment));
    assert.deepEqual(values.filter(([variable, value]) => /PASSWORD|SECRET|TOKEN/.test(variable) && !value.startsWith('/run/secrets/')), []);
  });

  test('lets nobody in from elsewhere, and nothing gain rights', () => {
    for (const [name, { ports = [], security_opt, privileged, image }] of services()) {
      assert.deepEqual(ports.filter(({ host_ip }) => host_ip !== '127.0.0.1'), [], name);
      assert.deepEqual([security_opt, privileged ?? false], [['no-new-privileges:true'], false], name);
      assert.match(image, /:v?[0-9]/, name);
    }
    for (const [name, each] of [...own(), ['prometheus', service('prometheus')] as const]) {
      assert.deepEqual([each.read_only, each.cap_drop], [true, ['ALL']], name);
    }
  });

  test('shows browsers and subscribers the gateway alone, and the gateway nobody without a token', () => {
    assert.deepEqual(services().filter(([, { networks }]) => 'clients' in networks).map(([name]) => name), ['gateway']);
    const [port] = service('gateway').ports ?? [];
    assert.deepEqual([port?.published, String(port?.target)], ['18080', environmentOf('gateway')['FILLSTREAM_LISTEN']?.split(':').at(-1)]);
    assert.deepEqual(service('gateway').command, [...wordsOf(lastOf('gateway', 'CMD')), '--allow-host', 'gateway', '--processor', 'processor:9464']);
    for (const [name, { ports = [] }] of own()) assert.ok(name === 'gateway' || ports.length === 0, name);
  });

  test('keeps what a gateway has read in a volume, where its image may write', () => {
    const [volume] = service('gateway').volumes ?? [];
    const command = service('gateway').command ?? [];
    assert.deepEqual([volume?.type, volume?.target], ['volume', '/var/lib/fillstream']);
    assert.ok((command[command.indexOf('--model') + 1] ?? '').startsWith('/var/lib/fillstream/'));
  });

  test('waits for what has to be there, as whether it is well is known', () => {
    for (const [name, { depends_on = {}, healthcheck, restart }] of services()) {
      const isJob = name === 'topics' || name === 'cli';
      const target = service(name).build?.target;
      const isAsked = healthcheck !== undefined || (target !== undefined && (lastOf(target, 'HEALTHCHECK') ?? '').includes('CMD'));
      assert.equal(isAsked, !isJob, name);
      assert.match(restart, isJob ? /^(?:on-failure:.*|no)$/ : /^unless-stopped$/, name);
      for (const [other, { condition }] of Object.entries(depends_on)) {
        assert.equal(condition, other === 'topics' ? 'service_completed_successfully' : 'service_healthy', `${name}: ${other}`);
      }
    }
    for (const name of ['processor', 'gateway']) assert.deepEqual(Object.keys(service(name).depends_on ?? {}).sort(), ['redis', 'topics'], name);
    for (const name of ['ingestor', 'webhooks']) assert.deepEqual(Object.keys(service(name).depends_on ?? {}), ['topics'], name);
    assert.deepEqual(Object.keys(service('topics').depends_on ?? {}).sort(), ['kafka', 'registry']);
  });

  test('stops services only after they had time to drain', () => {
    for (const name of SERVICES) assert.ok(Number.parseInt(service(name).stop_grace_period ?? '', 10) > 10, name);
  });

  test('shows Prometheus the services by the names and the port that it asks for', () => {
    const config = parse(readFileSync(join(ROOT, 'infra/monitoring/prometheus/prometheus.yaml'), 'utf8'));
    const asked = config.scrape_configs.flatMap(({ dns_sd_configs = [] }: { dns_sd_configs?: { names: string[]; port: number }[] }) => dns_sd_configs);
    assert.deepEqual(asked.flatMap(({ names }: { names: string[] }) => names).sort(), SERVICES.toSorted());
    for (const { names, port } of asked) for (const name of names) {
      assert.ok('metrics' in service(name).networks && 'metrics' in service('prometheus').networks);
      assert.equal(environmentOf(name)['FILLSTREAM_HTTP'], `0.0.0.0:${String(port)}`);
    }
    for (const rules of config.rule_files) assert.ok(existsSync(join(ROOT, 'infra/monitoring/prometheus', rules)));
    const [target] = (service('prometheus').volumes ?? []).filter(({ type }) => type === 'bind').map((each) => each.target);
    assert.ok(service('prometheus').command?.includes(`--config.file=${target ?? ''}/prometheus.yaml`));
  });

  test('logs in to Redis as users of its ACL file', async () => {
    const { stdout } = await fillstream(['acl', 'redis']);
    for (const [name, user] of [['processor', 'fillstream-processor'], ['gateway', 'fillstream-operator']] as const) {
      assert.equal(service(name).environment?.['FILLSTREAM_REDIS_USERNAME'], user);
      assert.match(stdout, new RegExp(`^user ${user} on `, 'm'));
    }
  });

  test('has its secrets from the lines of the page on it, and a Redis that is started with them lets the processor and the gateway in', async () => {
    const page = readFileSync(join(ROOT, 'docs/deploy.md'), 'utf8');
    const block = /```\n(mkdir[^`]*?)```/.exec(page)?.[1];
    assert.ok(block !== undefined);
    const folder = mkdtempSync(join(tmpdir(), 'fillstream-compose-'));
    try {
      const lines = block.split('\n').filter((line) => !line.startsWith('docker')).join('\n').replaceAll('npx fillstream', '$FILLSTREAM');
      const { code, stderr } = shell(`set -e; cd ${folder}; ${lines}`);
      assert.equal(code, 0, stderr);
      for (const { file } of Object.values(project.secrets)) {
        const made = readFileSync(join(folder, '.fillstream/secrets', file.split('/').at(-1) ?? ''), 'utf8');
        assert.ok(made.trim().length >= 32, file);
      }
      const [program, ...args] = (service('redis').command ?? []).map((word) => word.replace('/run/secrets/', `${folder}/.fillstream/secrets/`));
      assert.equal(program, 'redis-server');
      const redis = await startRedis({ folder, args });
      const nodes = [`127.0.0.1:${String(redis.port)}`];
      await assert.rejects(RedisConnection.open({ nodes }), /NOAUTH/);
      for (const name of ['processor', 'gateway']) {
        const { FILLSTREAM_REDIS_USERNAME: username = '', FILLSTREAM_REDIS_PASSWORD_FILE: file = '' } = service(name).environment ?? {};
        const password = readFileSync(file.replace('/run/secrets/', `${folder}/.fillstream/secrets/`), 'utf8').trim();
        (await RedisConnection.open({ nodes, username, password })).close();
      }
      await redis.stop();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
