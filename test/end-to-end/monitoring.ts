// What infra/monitoring holds, read back: rules, dashboards, and the metrics that an expression names.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { WebhookMetrics } from '@fillstream/gateway/webhooks/webhook-metrics';
import { KAFKA_ERROR_KINDS } from '@fillstream/kafka';
import { StackError, fetchPrometheus, type PrometheusPrograms } from '@fillstream/stack';
import { newRegistry } from '../../packages/observe/src/registry.ts';
import { Connections } from '../../services/gateway/src/http/connections.ts';
import { DEFAULT_LIMITS } from '../../services/gateway/src/http/limits.ts';
import { GatewayMetrics } from '../../services/gateway/src/http/metrics.ts';
import { ROOT } from './command.ts';

export const MONITORING = join(ROOT, 'infra/monitoring');
export const RULES = join(MONITORING, 'prometheus/rules.yaml');
export const DASHBOARDS = join(MONITORING, 'grafana/dashboards');

export type Rule = { readonly kind: 'alert' | 'record'; readonly name: string; readonly expr: string; /** The whole of it. */ readonly text: string };
export type Panel = { readonly id: number; readonly title: string; readonly exprs: readonly string[] };
export type Dashboard = { readonly uid: string; readonly title: string; readonly panels: readonly Panel[] };

/** Prometheus and promtool, or why they can't be had. */
export async function prometheusOr(): Promise<PrometheusPrograms | string> {
  try {
    return await fetchPrometheus();
  } catch (error) {
    if (error instanceof StackError) return error.message;
    throw error;
  }
}

/** A rule begins with `- alert:` or `- record:`, and its expression is on the line of `expr:` or in a block below it. */
export function rulesOf(text: string): Rule[] {
  const parts = text.split(/^ +- (?=alert:|record:)/m).slice(1);
  return parts.map((part) => {
    const [, kind, name = ''] = /^(alert|record): (\S+)/.exec(part) ?? [];
    const [, line = '', block = ''] = /^ +expr: (.*)\n((?: {10,}.*\n)*)/m.exec(part) ?? [];
    return { kind: kind === 'alert' ? 'alert' : 'record', name, expr: line === '|' ? block : line, text: part };
  });
}

export function dashboards(): Dashboard[] {
  return readdirSync(DASHBOARDS).map((file) => dashboardOf(JSON.parse(readFileSync(join(DASHBOARDS, file), 'utf8'))));
}

/** What Grafana puts in before it asks. */
export function filledIn(expr: string): string {
  return expr.replaceAll('$namespace', '.*').replaceAll('$__rate_interval', '1m');
}

/** The registries that a gateway and the webhooks really have. */
export function subscriberRegistries(): Readonly<Record<'gateway' | 'webhooks', ReturnType<typeof newRegistry>>> {
  const gateway = new GatewayMetrics(newRegistry());
  const feed = { isReady: true, counts: { subscriptions: 0, delivered: 0 }, history: [], next: [0] };
  gateway.show({ feed, connections: new Connections(DEFAULT_LIMITS, { onAudit: () => undefined, onEnd: () => undefined }) });
  gateway.measure([]);
  const standing = { webhooks: [], partitions: [0], behind: new Map([[0, 0]]) };
  return { gateway: gateway.registry, webhooks: new WebhookMetrics({ standing: () => standing, kafkaErrors: KAFKA_ERROR_KINDS }).registry };
}

/** The names of all their metrics, those of a process among them. */
export async function subscriberMetrics(): Promise<readonly string[]> {
  const all = await Promise.all(Object.values(subscriberRegistries()).map(async (registry) => await registry.getMetricsAsJSON()));
  return all.flat().map(({ name }) => name);
}

const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'Inf', 'NaN']);

/** The metrics that a PromQL expression names: what is left of its words without strings, labels, functions and keywords. */
export function metricsOf(expr: string): string[] {
  const bare = expr.replaceAll(/"[^"]*"/g, '').replaceAll(/\{[^}]*\}/g, ' ').replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const words = Array.from(bare.matchAll(/(?<![\w.:])([a-zA-Z_:][\w:]*)(?![\w:])(?!\s*\()/g), ([, word = '']) => word);
  return [...new Set(words)].filter((word) => !KEYWORDS.has(word));
}

/** The names that a histogram's samples have, too. */
export function familyOf(metric: string): string {
  return metric.replace(/_(?:bucket|sum|count)$/, '');
}

function dashboardOf(value: unknown): Dashboard {
  const { uid, title, panels } = objectOf(value);
  return { uid: String(uid), title: String(title), panels: listOf(panels).map(panelOf) };
}

function panelOf(value: unknown): Panel {
  const { id, title, targets = [] } = objectOf(value);
  return { id: Number(id), title: String(title), exprs: listOf(targets).map((target) => String(objectOf(target)['expr'])) };
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error('expected an object');
  return Object.fromEntries(Object.entries(value));
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error('expected a list');
  return Array.from<unknown>(value);
}
