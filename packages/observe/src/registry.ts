// A registry of a service's metrics, with those of its process, and how the services' own are made in it.

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Beside what is registered later: memory, CPU, garbage collection, delay of the event loop. */
export function newRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'fillstream_' });
  return registry;
}

/** A counter whose one label has these values, all of them there from the start. */
export function countedBy<L extends string>(registry: Registry, name: string, help: string, label: L, values: readonly string[]): Counter<L> {
  const counter = new Counter({ name, help, labelNames: [label], registers: [registry] });
  for (const value of values) counter.labels(value).inc(0);
  return counter;
}

export function counted(registry: Registry, name: string, help: string): Counter {
  return new Counter({ name, help, registers: [registry] });
}

/** A histogram whose one label has these values, all of them there from the start. */
export function measuredBy<L extends string>(
  registry: Registry, name: string, help: string, label: L, values: readonly string[], buckets: readonly number[],
): Histogram<L> {
  const histogram = new Histogram({ name, help, labelNames: [label], buckets: [...buckets], registers: [registry] });
  for (const value of values) histogram.zero(labelled(label, value));
  return histogram;
}

/** One value of a gauge; `labels` in the order of its names. */
export type Told = { readonly labels?: readonly (string | number)[]; readonly value: number };

/** A gauge that is asked at each scrape; what it doesn't tell any more is gone. */
export function asked(registry: Registry, name: string, help: string, labelNames: readonly string[], ask: () => Iterable<Told>): void {
  new Gauge({
    name, help, labelNames: [...labelNames], registers: [registry],
    collect() {
      this.reset();
      if (labelNames.length === 0) this.remove(); // One without labels would be 0 instead of gone.
      for (const { labels = [], value } of ask()) this.labels(...labels.map(String)).set(value);
    },
  });
}

function labelled<L extends string>(label: L, value: string): Partial<Record<L, string>> {
  const labels: Partial<Record<L, string>> = {};
  labels[label] = value;
  return labels;
}
