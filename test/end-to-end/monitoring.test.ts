// The files of infra/monitoring: valid, complete, about metrics that exist. That each alert fires of its cause is in
// alerts.test.ts and alerts-serving.test.ts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, folderFor } from './command.ts';
import { MONITORING, RULES, dashboards, familyOf, filledIn, metricsOf, prometheusOr, rulesOf, subscriberMetrics, subscriberRegistries } from './monitoring.ts';

const found = await prometheusOr();
const skip = typeof found === 'string' ? found : false;
const promtool = typeof found === 'string' ? '' : found.promtool;
const rules = rulesOf(readFileSync(RULES, 'utf8'));
const alerts = rules.filter(({ kind }) => kind === 'alert');
const boards = dashboards();
/** What Prometheus itself has. */
const OWN = ['up', 'ALERTS'];

function check(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(promtool, args, { encoding: 'utf8', cwd: join(MONITORING, 'prometheus') });
  assert.equal(status, 0, `${stdout}${stderr}`);
}

test('the words of an expression that are metrics are told from the others', () => {
  const expr = 'sum by (namespace, le) (rate(a_bucket{job=~"x and y", z!="q"}[5m])) / on (job) group_left () b:c > 15 * 60 or time() - d unless absent(e)';
  assert.deepEqual(metricsOf(expr), ['a_bucket', 'b:c', 'd', 'e']);
});

test('the configuration and the rules are valid', { skip }, () => {
  check('check', 'config', 'prometheus.yaml');
  check('check', 'rules', 'rules.yaml');
});

test('each alert fires on its series, and none on those of an installation that is well', { skip }, () => {
  check('test', 'rules', 'rules.test.yaml');
});

test('each alert has series on which it must fire', () => {
  const cases = readFileSync(join(MONITORING, 'prometheus/rules.test.yaml'), 'utf8');
  assert.deepEqual(alerts.filter(({ name }) => !cases.includes(`ALERTS{alertname="${name}",alertstate="firing"`)).map(({ name }) => name), []);
});

test('each alert says how bad it is, what it is, and where its section is', () => {
  const page = readFileSync(join(ROOT, 'docs/alerts.md'), 'utf8');
  const sections = Array.from(page.matchAll(/^## (\w+)$/gm), ([, name = '']) => name);
  assert.ok(alerts.length > 20);
  assert.deepEqual(sections, alerts.map(({ name }) => name));
  for (const { name, text } of alerts) {
    const [, severity = ''] = /severity: (critical|warning)$/m.exec(text) ?? [];
    assert.ok(page.includes(`| [${name}](#${name.toLowerCase()}) | ${severity} |`), `${name} in the table, as ${severity}`);
    assert.ok(text.includes(`runbook_url: '{{ $externalLabels.runbooks }}docs/alerts.md#${name.toLowerCase()}'`), name);
    for (const field of ['summary', 'description']) assert.match(text, new RegExp(`^ +${field}: .{15}`, 'm'), name);
  }
});

test('each section says what it means, what it does to signals, where to look, and what mends it', () => {
  const page = readFileSync(join(ROOT, 'docs/alerts.md'), 'utf8');
  for (const section of page.split(/^## /m).slice(1)) {
    const told = Array.from(section.matchAll(/^\*\*(\w+)\*\*/gm), ([, word]) => word);
    assert.deepEqual(told, ['Means', 'Signals', 'Look', 'Mend'], section);
  }
});

test('each expression of a dashboard is valid', { skip }, (t) => {
  const file = join(folderFor(t), 'dashboards.json');
  const exprs = boards.flatMap(({ panels }) => panels.flatMap((panel) => panel.exprs));
  assert.ok(exprs.length > 50);
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboards', rules: exprs.map((expr, place) => ({ record: `expr:${String(place)}`, expr: filledIn(expr) })) }] }));
  check('check', 'rules', '--lint=none', file);
});

test('rules and dashboards are about metrics that docs/metrics.md has, or the pages of gateway and webhooks', () => {
  const documented = new Set(['metrics', 'gateway', 'webhooks'].flatMap((page) => readFileSync(join(ROOT, `docs/${page}.md`), 'utf8').match(/\bfillstream_[a-z0-9_]+/g) ?? []));
  const known = new Set([...OWN, ...rules.filter(({ kind }) => kind === 'record').map(({ name }) => name)]);
  const exprs = [...rules.map(({ name, expr }) => ({ name, expr })), ...boards.flatMap(({ title, panels }) => panels.flatMap((panel) => panel.exprs.map((expr) => ({ name: `${title}, ${panel.title}`, expr }))))];
  const unknown = exprs.flatMap(({ name, expr }) => metricsOf(expr).filter((metric) => !known.has(metric) && !documented.has(metric) && !documented.has(familyOf(metric))).map((metric) => `${name}: ${metric}`));
  assert.deepEqual(unknown, []);
});

test('what rules and dashboards name of a gateway and of webhooks is there, with the labels and values that they ask for', async () => {
  const registered = new Set(await subscriberMetrics());
  const exprs = [...rules.map(({ expr }) => expr), ...boards.flatMap(({ panels }) => panels.flatMap((panel) => panel.exprs))].filter((expr) => /fillstream_(?:gateway|webhook)_/.test(expr));
  assert.ok(exprs.length > 25);
  const named = [...new Set(exprs.flatMap(metricsOf))].filter((metric) => /^fillstream_(?:gateway|webhook)_/.test(metric));
  assert.deepEqual(named.filter((metric) => !registered.has(metric) && !registered.has(familyOf(metric))), []);
  const texts = (await Promise.all(Object.values(subscriberRegistries()).map(async (registry) => await registry.metrics()))).join('\n');
  for (const [, metric = '', label = '', values = ''] of exprs.join('\n').matchAll(/(fillstream_(?:gateway|webhook)_\w+)\{(reason|end|state)=~?"([^"]+)"/g)) {
    for (const value of values.split('|')) assert.ok(texts.includes(`${metric}{${label}="${value}"}`), `${metric} with ${label} ${value}`);
  }
});

test('the panels of a dashboard have ids of their own, and dashboards too', () => {
  assert.equal(new Set(boards.map(({ uid }) => uid)).size, boards.length);
  for (const { title, panels } of boards) assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, title);
});
