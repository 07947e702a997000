// The alert rules on a real Prometheus, with minutes made seconds, and what has fired so far.
//
// What fired is asked of Prometheus' own history, so nothing is missed between two looks. It begins once all that is watched has
// answered, and nothing is wrong with it.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPrometheus, type Prometheus, type PrometheusPrograms } from '@fillstream/stack';

/** What Prometheus reads: a job of prometheus.yaml, of one installation. */
export type Target = { readonly job: string; readonly namespace: string; readonly address: string };
/** An alert that fires or fired, by name and installation. */
export type Fired = ReadonlySet<string>;

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

/** In the rules minutes; here seconds, not fewer than what a busy machine takes to answer. */
const [LEAST_WAIT, MOST_WAIT, LEAST_WINDOW] = [3, 5, 12];
const POLL_MS = 250;
const PATIENCE_MS = 120_000;
/** Longer than any window of the shortened rules, and than any wait. */
const WELL_MS = 16_000;
const TURN_MS = 500;
/** A machine that has more to do may be too slow for minutes made seconds. */
const MOST_SPELLS = 5;

/** Thresholds that are seconds, or that a test needn't reach in full. And one event alone may not do, as with whole minutes. */
const CHANGES: readonly (readonly [alert: string, from: string, to: string])[] = [
  ['FillstreamNoProgress', '> 60', '> 5'],
  ['FillstreamLagging', '> 60', '> 5'],
  ['FillstreamLagNearRetention', '> 0.5', '> 0.002'],
  ['FillstreamNoTicks', '> 60', '> 6'],
  ['FillstreamNoTicks', '> 30', '> 3'],
  ['FillstreamNoTicks', '[12s]', '[4s]'],
  ['FillstreamRestarting', '[15s]', '[60s]'],
  ['FillstreamInterruptions', '> 3', '> 0'],
  ['FillstreamRebalancing', '> 10', '> 1'],
  ['FillstreamReconnecting', '> 30', '> 1'],
  ['FillstreamSpillFull', '> 0.5', '> 0'],
  ['FillstreamKafkaErrors', '[12s]', '[6s]'],
  ['FillstreamKafkaErrors', 'for: 5s', 'for: 8s'],
  ['FillstreamRedisErrors', 'for: 5s', 'for: 13s'],
  ['FillstreamLatencyHigh', '[12s]', '[6s]'],
  ['FillstreamLatencyHigh', 'for: 5s', 'for: 8s'],
  ['FillstreamLatencyHigh', '> 2.5', '> 5'],
  ['FillstreamWebhookBehind', '> 1000', '> 20'],
];

/** The same rules on a time scale of seconds; fails where a rule isn't what it was when this was written. */
export function shortened(rules: string): string {
  const text = rules
    .replaceAll(/\bfor: (\d+)m$/gm, (_, minutes) => `for: ${String(clamp(Number(minutes), LEAST_WAIT, MOST_WAIT))}s`)
    .replaceAll(/\[(\d+)m\]/g, (_, minutes) => `[${String(Math.max(Number(minutes), LEAST_WINDOW))}s]`)
    .replaceAll(/\b(\d+) \* 60\b/g, '$1');
  assert.doesNotMatch(text, /for: \d+[mh]|\[\d+[mh]\]|\* 60/);
  return CHANGES.reduce((all, [alert, from, to]) => {
    const parts = all.split(/(?=^ +- alert: )/m);
    const place = parts.findIndex((part) => part.trimStart().startsWith(`- alert: ${alert}\n`));
    const part = parts[place] ?? '';
    assert.ok(part.includes(from), `${alert} has ${from}`);
    return parts.with(place, part.replaceAll(from, to)).join('');
  }, text);
}

/** Does a turn again and again until the work is done; gives what that gave. */
export async function meanwhile<T>(turn: () => Promise<void>, work: () => Promise<T>): Promise<T> {
  let isOver = false;
  const turns = async (): Promise<void> => {
    while (!isOver) await turn();
  };
  const [, done] = await Promise.all([turns(), work().finally(() => (isOver = true))]);
  return done;
}

export class Watcher {
  readonly #prometheus: Prometheus;
  /** Where history begins (`performance.now()`). */
  #since = Infinity;
  /** By name, what was told of each that fired. */
  readonly annotations = new Map<string, Readonly<Record<string, string>>>();

  /** `rules` as they are in the repository. */
  static async start(folder: string, programs: PrometheusPrograms, rules: string, targets: readonly Target[]): Promise<Watcher> {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'rules.yaml'), shortened(rules));
    // JSON is YAML.
    writeFileSync(join(folder, 'prometheus.yaml'), JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ['rules.yaml'],
      scrape_configs: [...Map.groupBy(targets, ({ job }) => job)].map(([job, group]) => ({
        job_name: job, static_configs: group.map(({ namespace, address }) => ({ targets: [address], labels: { namespace } })),
      })),
    }));
    const watcher = new Watcher(await startPrometheus({ folder, programs, config: join(folder, 'prometheus.yaml') }));
    await watcher.until('all answer, and nothing is wrong', async () => {
      const [up, wrong] = [await watcher.query('up == 1'), await watcher.query('ALERTS')];
      return up.length === targets.length && wrong.length === 0;
    });
    watcher.beginAnew();
    return watcher;
  }

  /** What fired until now is forgotten. */
  beginAnew(): void {
    this.#since = performance.now();
  }

  private constructor(prometheus: Prometheus) {
    this.#prometheus = prometheus;
  }

  /** Of some spells under load, a turn each half second, there is one in which nothing fires. */
  async beWell(turn: () => Promise<void>): Promise<void> {
    for (let spell = 1; ; spell += 1) {
      this.beginAnew();
      const until = performance.now() + WELL_MS;
      while (performance.now() < until) {
        await turn();
        await sleep(TURN_MS);
      }
      const fired = [...await this.fired()];
      if (fired.length === 0) return;
      assert.ok(spell < MOST_SPELLS, fired.join(', '));
    }
  }

  /** Everything that has fired, as `ALERT of NAMESPACE`. */
  async fired(since = this.#since): Promise<Fired> {
    const seconds = Math.floor((performance.now() - since) / 1_000);
    if (seconds < 1) return new Set();
    const found = await this.query(`count by (alertname, namespace) (max_over_time(ALERTS{alertstate="firing"}[${String(seconds)}s]))`);
    return firedOf(found);
  }

  /** Makes a cause, and waits until its alerts fire, of which none did right before. */
  async caused(what: string, namespace: string, alerts: readonly string[], cause: () => Promise<void> | void): Promise<void> {
    const keys = alerts.map((alert) => `${alert} of ${namespace}`);
    await this.until(`${keys.join(', ')} is quiet before ${what}`, async () => {
      const now = await this.firingNow();
      return !keys.some((key) => now.has(key));
    });
    const since = performance.now();
    await cause();
    await this.until(`${keys.join(', ')} fires after ${what}`, async () => {
      const fired = await this.fired(since);
      return keys.every((key) => fired.has(key));
    });
  }

  /** The same with a cause that has to be repeated until they fire. */
  async causedByTurns(what: string, namespace: string, alerts: readonly string[], turn: () => Promise<void>): Promise<void> {
    let isCaused = false;
    await meanwhile(
      async () => await (isCaused ? turn() : sleep(POLL_MS)),
      async () => await this.caused(what, namespace, alerts, () => void (isCaused = true)),
    );
  }

  /** Nothing else has fired than these alerts, by namespace, and those that may follow anywhere; names are without `Fillstream`. */
  async assertNothingElse(expected: Readonly<Record<string, readonly string[]>>, mayFollow: readonly string[]): Promise<void> {
    const keys = Object.entries(expected).flatMap(([namespace, alerts]) => alerts.map((alert) => `Fillstream${alert} of ${namespace}`));
    const others = [...await this.fired()].filter((key) => !keys.includes(key));
    assert.deepEqual(others.filter((key) => !mayFollow.some((alert) => key.startsWith(`Fillstream${alert} of `))), []);
  }

  /** Each of these has fired, and whatever has tells something whole. */
  assertTold(alerts: readonly string[]): void {
    assert.deepEqual(alerts.filter((name) => !this.annotations.has(name)), []);
    for (const [name, told] of this.annotations) assert.doesNotMatch(Object.values(told).join('\n'), /<no value>|<error|NaN|Inf|%!/, name);
  }

  async firingNow(): Promise<Fired> {
    return firedOf(await this.query('ALERTS{alertstate="firing"}'));
  }

  async until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!await isTrue()) {
      await this.#noteAnnotations();
      if (performance.now() > deadline) assert.fail(`still waiting until ${what}; fired: ${[...await this.fired()].join(', ')}; wrong: ${await this.#wrong()}`);
      await sleep(POLL_MS);
    }
    await this.#noteAnnotations();
  }

  /** What isn't well at the moment, whatever comes of it. */
  async #wrong(): Promise<string> {
    const found = await this.query('ALERTS or up == 0');
    return found.map(({ labels: { alertname = 'no answer', alertstate = '', namespace = '', job = '' } }) => [alertname, alertstate, namespace, job].join(' ')).join(', ');
  }

  async query(expr: string): Promise<readonly Sample[]> {
    const answer = await this.#get(`/api/v1/query?query=${encodeURIComponent(expr)}`);
    return listAt(answer, 'data', 'result').map((sample) => ({ labels: textsOf(at(sample, 'metric')), value: Number(listAt(sample, 'value')[1]) }));
  }

  async #noteAnnotations(): Promise<void> {
    for (const alert of listAt(await this.#get('/api/v1/alerts'), 'data', 'alerts')) {
      if (at(alert, 'state') === 'firing') this.annotations.set(String(at(alert, 'labels', 'alertname')), textsOf(at(alert, 'annotations')));
    }
  }

  async #get(path: string): Promise<unknown> {
    const response = await fetch(`${this.#prometheus.url}${path}`);
    const answer: unknown = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  }

  async stop(): Promise<void> {
    await this.#prometheus.stop();
  }
}

function firedOf(samples: readonly Sample[]): Fired {
  return new Set(samples.map(({ labels }) => `${labels['alertname'] ?? ''} of ${labels['namespace'] ?? ''}`));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((held, key) => (typeof held === 'object' && held !== null ? Object.entries(held).find(([name]) => name === key)?.[1] : undefined), value);
}

function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  assert.ok(Array.isArray(found), `${path.join('.')} is a list`);
  return Array.from<unknown>(found);
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)])) : {};
}
