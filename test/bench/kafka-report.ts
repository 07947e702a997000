// The results of `bench:kafka` as tables.

import { figure, median, type Figure } from './history/entry.ts';
import type { Latency } from './kafka-latency.ts';
import type { PeerLatency, PeerRow } from './kafka-peer.ts';
import type { Throughput, Variant } from './kafka-throughput.ts';

export type RawRow = { readonly records: number; readonly seconds: number; readonly cpuSeconds: number };
export type ThroughputRow = Variant & { readonly runs: Throughput[] };

export type Results = {
  readonly at: string;
  readonly cpu: string;
  readonly node: string;
  readonly journal: 'peer' | 'simulator';
  readonly records: number;
  readonly signals: number;
  readonly partitions: number;
  readonly runs: number;
  readonly loadBefore: readonly number[];
  readonly loadAfter: readonly number[];
  readonly raw: readonly RawRow[];
  readonly throughput: readonly ThroughputRow[];
  readonly latency: readonly Latency[];
  readonly peer: readonly PeerRow[];
  readonly peerLatency: PeerLatency | null;
};

export function figuresOf({ records, raw, throughput, latency, peer, peerLatency }: Results): Figure[] {
  const base = raw.length === 0 ? null : raw.map((row) => row.records / row.seconds);
  const ours = throughput.filter(({ runs }) => runs.length > 0).flatMap(({ delivery, processes, runs }) => {
    const name = `${delivery}, ${String(processes)} ${processes === 1 ? 'process' : 'processes'}`;
    const of = (value: (run: Throughput) => number): number[] => runs.map(value);
    const beside = peer.find(({ guarantee, threads }) => threads === processes && guarantee.startsWith(delivery.replaceAll('-', '_')));
    return [
      figure(name, 'throughput', 'records/s', of(({ recordsPerSecond }) => recordsPerSecond), { base }),
      ...beside === undefined ? [] : [figure(name, 'over the peer', '×', of(({ recordsPerSecond }) => recordsPerSecond / beside.recordsPerSecond))],
      figure(name, 'CPU', 'µs/record', of(({ cpuSeconds }) => cpuSeconds * 1e6 / records)),
      figure(name, 'peak of a process', 'MiB', of(({ peakMiB }) => peakMiB)), figure(name, 'broker', 'µs CPU/record', of(({ brokerCpuSeconds }) => brokerCpuSeconds * 1e6 / records)),
      figure(name, 'Redis', 'µs CPU/record', of(({ redisCpuSeconds }) => redisCpuSeconds * 1e6 / records)),
    ];
  });
  const theirs = peer.flatMap(({ guarantee, threads, recordsPerSecond, peakMiB, cpuSeconds }) => {
    const name = `Kafka Streams, ${guarantee}, ${String(threads)} ${threads === 1 ? 'thread' : 'threads'}`;
    return [
      figure(name, 'throughput', 'records/s', [recordsPerSecond], { base }), figure(name, 'CPU', 'µs/record', [cpuSeconds * 1e6 / records]), figure(name, 'peak of a process', 'MiB', [peakMiB]),
    ];
  });
  const [steady, steadyPeer] = ['steady, exactly-once, 1 process', 'steady, Kafka Streams, exactly_once_v2, 1 thread'];
  return [
    ...base === null ? [] : [figure('kafkajs, nothing decoded', 'throughput', 'records/s', base, { base }), figure('kafkajs, nothing decoded', 'CPU', 'µs/record', raw.map((row) => row.cpuSeconds * 1e6 / row.records))],
    ...ours, ...theirs,
    ...latency.length === 0 ? [] : [
      ...(['p50', 'p90', 'p99', 'greatest'] as const).map((name) => figure(steady, name, 'ms', latency.map((row) => row[name]))),
      ...usedBy(steady, latency),
    ],
    ...peerLatency === null ? [] : [
      ...(['p50', 'p99'] as const).map((name) => figure(steadyPeer, name, 'ms', [peerLatency[name]])), ...usedBy(steadyPeer, [peerLatency]),
    ],
  ];
}

function usedBy(subject: string, rows: readonly Pick<Latency, 'cores' | 'peakMiB'>[]): Figure[] {
  return [
    figure(subject, 'CPU', 'cores', rows.map(({ cores }) => cores)), figure(subject, 'peak of a process', 'MiB', rows.map(({ peakMiB }) => peakMiB)),
  ];
}

export function printed(results: Results): string {
  return [...throughputTable(results), ...latencyTable(results)].join('\n');
}

function throughputTable({ records, raw, throughput, peer }: Results): string[] {
  const rawRate = median(raw.map((row) => row.records / row.seconds));
  const row = (name: string, rate: string, share: string, besides: string): string => `| ${name} | ${rate} | ${share} | ${besides} |`;
  return [
    '', '| | records/s (min / median / max) | × raw read | × peer | µs CPU a record | peak MiB a process | start-up s | broker, redis CPU s | others % |',
    '|---|---|---|---|---|---|---|---|---|',
    ...raw.length === 0 ? [] : [row('kafkajs, nothing decoded', rates(raw.map((each) => each.records / each.seconds)), '1.00', ` | ${middle(raw, (each) => each.cpuSeconds * 1e6 / each.records, 1)} | | | |`)],
    ...throughput.map(({ delivery, processes, runs }) => {
      const rate = median(runs.map(({ recordsPerSecond }) => recordsPerSecond));
      const theirs = peer.find(({ guarantee, threads }) => threads === processes && guarantee.startsWith(delivery.replaceAll('-', '_')));
      return row(
        `${delivery}, ${String(processes)} ${processes === 1 ? 'process' : 'processes'}`, rates(runs.map(({ recordsPerSecond }) => recordsPerSecond)), (rate / rawRate).toFixed(2),
        [
          theirs === undefined ? '' : (rate / theirs.recordsPerSecond).toFixed(2), middle(runs, ({ cpuSeconds }) => cpuSeconds * 1e6 / records, 1),
          middle(runs, ({ peakMiB }) => peakMiB, 0), middle(runs, ({ startUpSeconds }) => startUpSeconds, 1),
          `${middle(runs, ({ brokerCpuSeconds }) => brokerCpuSeconds, 1)}, ${middle(runs, ({ redisCpuSeconds }) => redisCpuSeconds, 1)}`,
          middle(runs, ({ foreign }) => 100 * foreign, 0),
        ].join(' | '),
      );
    }),
    ...peer.map(({ guarantee, threads, recordsPerSecond, peakMiB, cpuSeconds }) => row(
      `Kafka Streams, ${guarantee}, ${String(threads)} ${threads === 1 ? 'thread' : 'threads'}`, whole(recordsPerSecond), (recordsPerSecond / rawRate).toFixed(2),
      `1.00 | ${(cpuSeconds * 1e6 / records).toFixed(1)} | ${peakMiB.toFixed(0)} | | |`,
    )),
  ];
}

function latencyTable({ latency, peerLatency }: Results): string[] {
  if (latency.length === 0) return [];
  const of = (name: keyof Latency, digits = 0): string => middle(latency, (row) => row[name], digits);
  return [
    '', '| due to visible, ms (median of the runs) | p50 | p90 | p99 | greatest | cores | peak MiB |', '|---|---|---|---|---|---|---|',
    `| exactly-once, 1 process | ${of('p50')} | ${of('p90')} | ${of('p99')} | ${of('greatest')} | ${of('cores', 2)} | ${of('peakMiB')} |`,
    ...peerLatency === null ? [] : [
      `| Kafka Streams, exactly_once_v2, 1 thread | ${peerLatency.p50.toFixed(0)} | | ${peerLatency.p99.toFixed(0)} | | ${peerLatency.cores.toFixed(2)} | ${peerLatency.peakMiB.toFixed(0)} |`,
    ],
  ];
}

function rates(values: readonly number[]): string {
  return [Math.min(...values), median(values), Math.max(...values)].map(whole).join(' / ');
}

function middle<T>(rows: readonly T[], value: (row: T) => number, digits: number): string {
  return median(rows.map(value)).toFixed(digits);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}
