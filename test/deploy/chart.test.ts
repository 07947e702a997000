// The Helm chart: its values beside their schema and its templates, always; what it renders, by Helm itself and judged by the
// schemas of Kubernetes, where Helm is to be had. It isn't installed anywhere here.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { parse, parseAllDocuments } from 'yaml';
import { ROOT } from '../end-to-end/command.ts';
import { assertTaken } from './command-lines.ts';
import { helm, isTool, kubernetesValidate, runTool, type Output, type Tool } from './tools.ts';

/** Values and manifests, as they come. */
type Json = ReturnType<typeof JSON.parse>;
type Tree = Readonly<Record<string, Json>>;

const CHART = join(ROOT, 'infra/helm/fillstream');
const CASES = ['least', 'all'];
/** The oldest that Chart.yaml lets in, and the newest that the validator knows. */
const KUBERNETES = ['1.27', '1.37'];
/** A service drains in this time at most (s). */
const DRAIN = 10;
const read = (file: string): string => readFileSync(join(CHART, file), 'utf8');
const values: Tree = parse(read('values.yaml'));
const schema: Tree = JSON.parse(read('values.schema.json'));
const templates = readdirSync(join(CHART, 'templates')).map((file) => read(`templates/${file}`)).join('\n');
const least: Tree = parse(read('ci/least-values.yaml'));

function merged(base: Tree, over: Tree): Tree {
  return Object.fromEntries([...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => {
    const [before, now] = [base[key], over[key]];
    return [key, isTree(before) && isTree(now) ? merged(before, now) : now ?? before];
  }));
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** a.b.c of every value; what users fill in freely is one. */
function leavesOf(tree: Tree, path = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) => (
    isTree(value) && key !== 'resources' && Object.keys(value).length > 0 ? leavesOf(value, `${path}${key}.`) : [`${path}${key}`]
  ));
}

describe('the values', () => {
  const isValid = (more: Tree): boolean => new Ajv({ strict: false }).validate(schema, merged(merged(values, least), more));

  test('that are shipped, and those of every case, are what their schema says', () => {
    for (const name of CASES) assert.ok(isValid(parse(read(`ci/${name}-values.yaml`))), name);
  });

  test('of the chart\'s page are too, all together', () => {
    const blocks = Array.from(read('README.md').matchAll(/```yaml\n([^]*?)```/g), ([, text = '']): Tree => parse(text));
    assert.equal(blocks.length, 3);
    assert.ok(isValid(blocks.reduce(merged)));
  });

  test('are refused when something is missing, misspelt, out of bounds, or a password', () => {
    const bad: readonly Tree[] = [
      { kafka: { brokers: [] } }, { kafka: { brokers: ['kafka'] } }, { redis: { nodes: [] } }, { registry: { url: '' } }, { registry: { url: 'https://me:pw@registry/' } },
      { procesor: {} }, { processor: { replica: 3 } }, { ingestor: { capacity: 11 } }, { topics: { partitions: 0 } }, { topics: { partitions: 1_025 } },
      { redis: { password: 'x' } }, { kafka: { sasl: { password: 'x' } } }, { kafka: { sasl: { mechanism: 'scram-sha-512' } } }, { redis: { username: 'me' } },
      { kafka: { ca: { secret: 'kafka-ca' } } }, { metrics: { port: 80 } }, { namespace: 'a.b' },
      { gateway: { ingress: { enabled: true } } }, { gateway: { ingress: { host: 'https://a.example' } } }, { gateway: { allowOrigins: ['app.example'] } },
      { gateway: { trustedProxies: ['ingress'] } }, { gateway: { limits: { connections: 0 } } }, { gateway: { redis: { username: 'me' } } }, { gateway: { token: 'x' } },
      { webhooks: { secret: 'x' } }, { webhooks: { autoscaling: { enabled: true } } },
    ];
    assert.deepEqual(bad.filter(isValid), []);
  });

  test('are each in the schema and used, and no template uses another', () => {
    const known = leavesOf(values);
    const schemaOf = (path: string): unknown => path.split('.').reduce<Json>((part, key) => part?.properties?.[key], schema);
    assert.deepEqual(known.filter((path) => schemaOf(path) === undefined), []);
    assert.deepEqual(known.filter((path) => !new RegExp(`\\.${path.split('.').at(-1) ?? ''}\\b`).test(templates)), []);
    const used = [...new Set(Array.from(templates.matchAll(/\.Values\.([a-zA-Z.]+)/g), ([, path = '']) => path.replace(/\.$/, '')))];
    assert.ok(used.length > 15);
    assert.deepEqual(used.filter((path) => !known.some((leaf) => leaf === path || leaf.startsWith(`${path}.`))), []);
  });
});

test('the chart has the version of what it installs, and makes no Secret', () => {
  const { version, appVersion }: Tree = parse(read('Chart.yaml'));
  const own = String(JSON.parse(readFileSync(join(ROOT, 'packages/cli/package.json'), 'utf8')).version);
  assert.deepEqual([version, appVersion], [own, own]);
  assert.doesNotMatch(templates, /kind: Secret/);
});

const tool = helm();
const skip = isTool(tool) ? false : tool.missing;
const folder = mkdtempSync(join(tmpdir(), 'fillstream-chart-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function rendered(name: string, more: readonly string[] = []): Output {
  return runTool(tool as Tool, ['template', 'try', CHART, '--namespace', 'trading', '--kube-version', KUBERNETES.at(-1) ?? '', '-f', join(CHART, `ci/${name}-values.yaml`), ...more]);
}

function objectsOf(name: string, ...more: readonly string[]): Tree[] {
  const { code, stdout, stderr } = rendered(name, more);
  assert.equal(code, 0, stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS() as Tree).filter((object) => object !== null);
}

/** What runs: its pod, and its one container. */
function podsOf(objects: readonly Tree[]): { readonly object: Tree; readonly labels: Tree; readonly pod: Tree; readonly container: Tree }[] {
  return objects.filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind)).map((object) => {
    const { metadata, spec } = object['spec'].template;
    assert.equal(spec.containers.length, 1);
    return { object, labels: metadata.labels, pod: spec, container: spec.containers[0] };
  });
}

function namesOf(objects: readonly Tree[]): string[] {
  return objects.map(({ kind, metadata }) => `${String(kind)} ${String(metadata.name)}`).sort();
}

describe('what Helm makes of it', { skip }, () => {
  for (const name of CASES) {
    const labelled = (text: string): string => `${text}, of ${name}`;

    test(labelled('is lint-free'), () => {
      const { code, stdout } = runTool(tool as Tool, ['lint', '--strict', CHART, '-f', join(CHART, `ci/${name}-values.yaml`)]);
      assert.equal(code, 0, stdout);
    });

    test(labelled('is what Kubernetes takes'), (t) => {
      const validate = kubernetesValidate();
      if (!isTool(validate)) return t.skip(validate.missing);
      for (const version of KUBERNETES) {
        const file = join(folder, `${name}-${version}.yaml`);
        writeFileSync(file, rendered(name, ['--kube-version', version]).stdout);
        const { code, stdout, stderr } = runTool(validate, ['--strict', '--kubernetes-version', version, file]);
        assert.equal(code, 0, stdout + stderr);
        assert.match(stdout + stderr, /passed for resource deployment\/try-fillstream-processor/);
      }
    });

    test(labelled('runs command lines that the commands take, with variables that they know'), () => {
      for (const { container: { args, env } } of podsOf(objectsOf(name))) {
        assertTaken(args.map(String), Object.fromEntries(env.map((each: Tree) => [each['name'], each['value']])));
      }
    });

    test(labelled('runs as nobody in particular, without rights, on a read-only root'), () => {
      for (const { pod, container } of podsOf(objectsOf(name))) {
        const { runAsNonRoot, runAsUser, seccompProfile } = pod['securityContext'];
        assert.deepEqual([runAsNonRoot, runAsUser, seccompProfile], [true, 1_000, { type: 'RuntimeDefault' }]);
        assert.deepEqual(container['securityContext'], { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
        assert.deepEqual([pod['automountServiceAccountToken'], pod['enableServiceLinks'], pod['hostNetwork']], [false, false, undefined]);
        const { requests, limits } = container['resources'];
        assert.ok(requests.cpu !== undefined && requests.memory !== undefined && limits.memory !== undefined);
      }
    });

    test(labelled('is asked whether it is well, and has the time to drain'), () => {
      const services = podsOf(objectsOf(name)).filter(({ object }) => object['kind'] !== 'Job');
      assert.equal(services.length, 4);
      for (const { pod, container, labels } of services) {
        const { livenessProbe, readinessProbe, startupProbe } = container;
        const port = labels['app.kubernetes.io/component'] === 'gateway' ? 'http' : 'metrics';
        assert.deepEqual([livenessProbe, readinessProbe, startupProbe].map((probe: Tree) => probe['httpGet']), [
          { path: '/healthz', port }, { path: '/readyz', port }, { path: '/healthz', port },
        ]);
        const at = (name: string): string => `0.0.0.0:${String(container['ports'].find((each: Tree) => each['name'] === name)?.containerPort)}`;
        const said = (variable: string): unknown => container['env'].find((each: Tree) => each['name'] === variable)?.value;
        assert.deepEqual([said('FILLSTREAM_HTTP'), said('FILLSTREAM_LISTEN')], [at('metrics'), port === 'http' ? at('http') : undefined]);
        assert.ok(pod['terminationGracePeriodSeconds'] > DRAIN);
      }
    });

    test(labelled('has passwords as files of Secrets alone, each part its own'), () => {
      for (const { container, pod, labels } of podsOf(objectsOf(name))) {
        const part = labels['app.kubernetes.io/component'];
        const files: Tree[] = (pod['volumes'].find((each: Tree) => each['name'] === 'secrets')?.projected.sources ?? []).map((each: Tree) => each['secret']);
        const paths = files.flatMap(({ items }) => items.map((item: Tree) => `/run/secrets/fillstream/${String(item['path'])}`)).sort();
        const looked = container['env'].map((each: Tree) => String(each['value'])).filter((value: string) => value.startsWith('/run/secrets/')).sort();
        assert.deepEqual(looked, paths);
        assert.equal(container['volumeMounts'].some((each: Tree) => each['mountPath'] === '/run/secrets/fillstream'), paths.length > 0);
        const kafka = files.filter(({ name: secret }) => secret === 'kafka-logins').flatMap(({ items }) => items.map((item: Tree) => item['key']));
        assert.deepEqual(kafka, name === 'all' ? [part] : []);
        const redis = files.filter(({ name: secret }) => secret === 'redis-login').flatMap(({ items }) => items.map((item: Tree) => item['key']));
        assert.deepEqual(redis, name === 'all' && part === 'processor' ? ['processor'] : name === 'all' && part === 'gateway' ? ['operator'] : []);
        assert.deepEqual(container['env'].filter((each: Tree) => /PASSWORD$/.test(String(each['name']))), []);
      }
    });

    test(labelled('has selectors that find their pods'), () => {
      const objects = objectsOf(name);
      const pods = podsOf(objects);
      for (const { kind, metadata, spec } of objects) {
        const selector = kind === 'Service' ? spec.selector : spec.selector?.matchLabels ?? spec.podSelector?.matchLabels;
        if (selector === undefined) continue;
        const found = pods.filter(({ labels }) => Object.entries(selector).every(([key, value]) => labels[key] === value));
        assert.equal(found.length, metadata.name === 'try-fillstream' ? 5 : 1, `${String(kind)} ${String(metadata.name)}`);
      }
    });
  }

  test('is the least with the least said', () => {
    assert.deepEqual(namesOf(objectsOf('least')), [
      'Deployment try-fillstream-gateway', 'Deployment try-fillstream-processor', 'Deployment try-fillstream-webhooks', 'Job try-fillstream-topics',
      'PodDisruptionBudget try-fillstream-gateway', 'PodDisruptionBudget try-fillstream-ingestor', 'PodDisruptionBudget try-fillstream-processor',
      'PodDisruptionBudget try-fillstream-webhooks', 'Service try-fillstream-gateway', 'Service try-fillstream-gateway-metrics', 'Service try-fillstream-ingestor',
      'Service try-fillstream-processor', 'Service try-fillstream-webhooks', 'StatefulSet try-fillstream-ingestor',
    ]);
  });

  test('has what is switched on, and not what is switched off', () => {
    const all = objectsOf('all');
    assert.deepEqual(namesOf(all).filter((each) => /^(?:Horizontal|Ingress|Network|ServiceMonitor)/.test(each)), [
      'HorizontalPodAutoscaler try-fillstream-gateway', 'HorizontalPodAutoscaler try-fillstream-processor', 'Ingress try-fillstream-gateway',
      'NetworkPolicy try-fillstream', 'NetworkPolicy try-fillstream-gateway', 'ServiceMonitor try-fillstream-gateway', 'ServiceMonitor try-fillstream-ingestor',
      'ServiceMonitor try-fillstream-processor', 'ServiceMonitor try-fillstream-webhooks',
    ]);
    const scaled = all.filter(({ kind, spec }) => kind === 'Deployment' && spec.replicas === undefined).map(({ metadata }) => metadata.name);
    assert.deepEqual(scaled.sort(), ['try-fillstream-gateway', 'try-fillstream-processor'], 'the autoscaler says how many');
    const off = ['ingestor', 'topics', 'gateway', 'webhooks', 'processor.disruptionBudget'].map((each) => `${each}.enabled=false`).join(',');
    assert.deepEqual(namesOf(objectsOf('least', '--set', off)), [
      'Deployment try-fillstream-processor', 'Service try-fillstream-processor',
    ]);
  });

  test('makes the topics before anything else, and gives each ingestor a volume for its spill file', () => {
    const objects = objectsOf('all');
    const job = objects.find(({ kind }) => kind === 'Job');
    assert.equal(job?.['metadata'].annotations['helm.sh/hook'], 'pre-install,pre-upgrade');
    assert.deepEqual(job?.['spec'].template.spec.containers[0].args, ['topics', 'create', '--partitions', '48', '--replication', '3', '--retention=2592000000', '--no-timestamp-limit']);
    const set = objects.find(({ kind }) => kind === 'StatefulSet')?.['spec'];
    const [claim] = set.volumeClaimTemplates;
    assert.deepEqual([claim.metadata.name, claim.spec.resources.requests.storage, claim.spec.storageClassName], ['spill', '10Gi', 'fast']);
    const { args, volumeMounts }: { readonly args: readonly string[]; readonly volumeMounts: readonly Tree[] } = set.template.spec.containers[0];
    const mount = volumeMounts.find(({ name }) => name === 'spill')?.['mountPath'];
    assert.ok((args[args.indexOf('--spill') + 1] ?? '').startsWith(`${String(mount)}/`));
  });

  test('shows clients the gateway alone, by the names that it answers to, once it is ready', () => {
    const objects = objectsOf('all');
    const { spec: ingress } = objects.find(({ kind }) => kind === 'Ingress') ?? {};
    const [{ host, http }] = ingress.rules;
    assert.deepEqual([host, ingress.ingressClassName, ingress.tls], ['signals.example.com', 'nginx', [{ hosts: [host], secretName: 'signals-certificate' }]]);
    const { service } = http.paths[0].backend;
    const { spec } = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === service.name) ?? {};
    assert.deepEqual([spec.type, spec.publishNotReadyAddresses, spec.ports], ['ClusterIP', undefined, [{ name: service.port.name, port: 8_443, targetPort: 'http' }]]);
    const args: readonly string[] = podsOf(objects).find(({ labels }) => labels['app.kubernetes.io/component'] === 'gateway')?.container['args'];
    const after = (flag: string): string[] => args.flatMap((arg, place) => (arg === flag ? [args[place + 1] ?? ''] : []));
    assert.ok(args.includes('--tokens'));
    const processors = objects.find(({ kind, metadata, spec: { selector } }) => kind === 'Service' && metadata.name === after('--processor')[0]?.split(':')[0] && selector['app.kubernetes.io/component'] === 'processor');
    assert.deepEqual([processors?.['spec'].clusterIP, processors?.['spec'].ports[0].port], ['None', Number(after('--processor')[0]?.split(':')[1])]);
    assert.deepEqual(after('--allow-host'), [...['', '.trading', '.trading.svc', '.trading.svc.cluster.local'].map((end) => `${service.name}${end}`), host, 'signals.internal']);
    assert.deepEqual([after('--allow-origin'), after('--trusted-proxy'), after('--limit')], [['https://app.example.com'], ['10.0.0.0/8'], ['connections=20000', 'connectionsPerIp=200']]);
    const policies = objects.filter(({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name.endsWith('-gateway'));
    assert.deepEqual(policies.map((policy) => policy['spec'].ingress[0].ports), [[{ port: 8_443, protocol: 'TCP' }]]);
    assert.equal(objects.filter(({ kind, spec: { type } }) => kind === 'Service' && type !== undefined).length, 1, 'all others are headless');
  });

  test('keeps what a gateway has read in a folder of its pod', () => {
    const { pod, container } = podsOf(objectsOf('all')).find(({ labels }) => labels['app.kubernetes.io/component'] === 'gateway') ?? {};
    const mount = container?.['volumeMounts'].find(({ name }: Tree) => name === 'model')?.mountPath;
    assert.deepEqual(pod?.['volumes'].find(({ name }: Tree) => name === 'model'), { name: 'model', emptyDir: { sizeLimit: '20Gi' } });
    const args: readonly string[] = container?.['args'] ?? [];
    assert.ok((args[args.indexOf('--model') + 1] ?? '').startsWith(`${String(mount)}/`));
  });

  test('has metrics under the job names and the label that the alerts know', () => {
    const rules = readFileSync(join(ROOT, 'infra/monitoring/prometheus/rules.yaml'), 'utf8');
    const jobs = Array.from(rules.matchAll(/job=~"\.\*(fillstream-[^"]+)"/g), ([, name = '']) => new RegExp(`^${name}$`));
    const objects = objectsOf('all');
    for (const { spec } of objects.filter(({ kind }) => kind === 'ServiceMonitor')) {
      const [{ relabelings, port }] = spec.endpoints;
      const [job, namespace] = relabelings;
      assert.equal(job.targetLabel, 'job');
      assert.ok(jobs.some((pattern) => pattern.test(String(job.replacement))), String(job.replacement));
      const found = objects.filter(({ kind, metadata, spec: { ports = [] } }) => kind === 'Service' && ports.some((each: Tree) => each['name'] === port)
        && Object.entries(spec.selector.matchLabels).every(([key, value]) => metadata.labels[key] === value));
      assert.deepEqual(found.map((each) => each['spec'].publishNotReadyAddresses), [true]);
      assert.deepEqual(namespace, { targetLabel: 'namespace', replacement: 'a' });
    }
  });

  test('is refused by Helm where the values aren\'t those of the schema', () => {
    const { code, stderr } = rendered('least', ['--set', 'ingestor.capacity=11']);
    assert.equal(code, 1);
    assert.match(stderr, /capacity.*10/);
  });
});
