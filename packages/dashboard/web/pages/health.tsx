// How the stream is doing: how much, how fast, how far behind, and each partition.

import type { PartitionReport, StatusReport } from '@fillstream/client';
import { HEALTH_WORDS } from '../../src/model/reasons.ts';
import { spanOf } from '../../src/model/clock.ts';
import { useFetched, valueOf } from '../fetched.ts';
import { Link, Tag, When } from '../parts/basics.tsx';
import { Chart } from '../parts/chart.tsx';
import { counted } from '../parts/list-parts.tsx';
import { Failed, Loading } from '../parts/states.tsx';

const EVERY_MS = 1_000;

export function HealthPage() {
  const fetched = useFetched('status', (client, options) => client.status(options), EVERY_MS).value;
  const status = valueOf(fetched);
  return (
    <div class="page">
      <div class="page-head">
        <h1 tabIndex={-1}>Health</h1>
        {status === null ? null : (
          <p class="quiet">
            as of <When at={status.at} withDay={false} />
          </p>
        )}
      </div>
      {fetched.kind === 'failed' ? <Failed error={fetched.error} what="its status" /> : null}
      {fetched.kind === 'loading' ? <Loading what="the status" /> : null}
      {status === null ? null : <Report status={status} />}
    </div>
  );
}

function Report({ status }: { readonly status: StatusReport }) {
  const { partitions, pending, quarantined, gateway, history } = status;
  const last = history.slice(-10);
  const rate = last.reduce((sum, { signals }) => sum + signals, 0) / Math.max(1, last.length);
  const [p50, p99] = [
    last.findLast(({ p50Ms }) => p50Ms !== null)?.p50Ms ?? null,
    last.findLast(({ p99Ms }) => p99Ms !== null)?.p99Ms ?? null,
  ];
  const ill = partitions.filter(({ health }) => health !== 'ok' && health !== 'unknown').length;
  return (
    <>
      <dl class="tiles">
        <Tile
          name="Stream"
          value={ill > 0 ? `${String(ill)} not well` : gateway.ready ? 'Well' : 'Catching up'}
          more={`of ${String(partitions.length)} partitions`}
          tone={ill === 0 ? 'good' : 'bad'}
        />
        <Tile name="Signals / s" value={rate.toFixed(1)} more="over ten seconds" />
        <Tile name="Latency p50" value={msText(p50)} more="log to gateway" />
        <Tile name="Latency p99" value={msText(p99)} more="log to gateway" />
        <Tile name="Records waiting" value={maybe(lagOf(partitions))} more="in all partitions" />
        <Tile name="Orders pending" value={maybe(pending)} more="on record" />
        <Tile
          name="Quarantined"
          value={maybe(quarantined)}
          more={<Link to={{ kind: 'quarantine' }}>Look at them</Link>}
          tone={quarantined !== null && quarantined > 0 ? 'warn' : 'plain'}
        />
        <Tile
          name="Subscriptions"
          value={counted(gateway.subscriptions)}
          more={gateway.connections === 1 ? 'on 1 connection' : `on ${counted(gateway.connections)} connections`}
        />
      </dl>
      <Charts history={history} rate={rate} p50={p50} p99={p99} />
      <Partitions partitions={partitions} />
    </>
  );
}

function Tile({
  name,
  value,
  more,
  tone = 'plain',
}: {
  readonly name: string;
  readonly value: string;
  readonly more: preact.ComponentChildren;
  readonly tone?: 'plain' | 'good' | 'warn' | 'bad';
}) {
  return (
    <div class={`tile ${tone}`}>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <span class="quiet">{more}</span>
      </dd>
    </div>
  );
}

function Charts({
  history,
  rate,
  p50,
  p99,
}: {
  readonly history: StatusReport['history'];
  readonly rate: number;
  readonly p50: number | null;
  readonly p99: number | null;
}) {
  const times = history.map(({ at }) => at / 1_000);
  const lag = history.at(-1)?.lag ?? null;
  return (
    <div class="charts">
      <figure>
        <figcaption>
          Throughput <span class="quiet">signals a second</span>
        </figcaption>
        <Chart
          label={`Signals a second over the last five minutes; now ${rate.toFixed(1)}`}
          times={times}
          height={190}
          sync="health"
          format={(value) => String(Math.round(value * 10) / 10)}
          lines={[{ name: 'Signals / s', colour: 'accent', isFilled: true, values: history.map(({ signals }) => signals) }]}
        />
      </figure>
      <figure>
        <figcaption>
          Latency <span class="quiet">from the log to the gateway</span>
        </figcaption>
        <Chart
          label={`Latency over the last five minutes; now p50 ${msText(p50)}, p99 ${msText(p99)}`}
          times={times}
          height={190}
          sync="health"
          format={msText}
          lines={[
            { name: 'p50', colour: 'accent', values: history.map(({ p50Ms }) => p50Ms) },
            { name: 'p99', colour: 'warn', dash: [5, 3], values: history.map(({ p99Ms }) => p99Ms) },
          ]}
        />
      </figure>
      <figure>
        <figcaption>
          Lag <span class="quiet">records that wait to be processed</span>
        </figcaption>
        <Chart
          label={`Records waiting over the last five minutes; now ${maybe(lag)}`}
          times={times}
          height={190}
          sync="health"
          format={(value) => counted(Math.round(value))}
          lines={[
            { name: 'Waiting', colour: 'accent', isFilled: true, isStepped: true, values: history.map((point) => point.lag) },
          ]}
        />
      </figure>
    </div>
  );
}

function Partitions({ partitions }: { readonly partitions: readonly PartitionReport[] }) {
  return (
    <section class="card" aria-labelledby="partitions-title">
      <h2 id="partitions-title">Partitions</h2>
      <div class="scrolls" tabIndex={0} role="region" aria-labelledby="partitions-title">
        <table>
          <thead>
            <tr>
              <th class="number">Partition</th>
              <th>Health</th>
              <th class="number">Waiting</th>
              <th class="number">Behind now</th>
              <th class="number">Pending orders</th>
              <th class="number">Next offset of signals</th>
            </tr>
          </thead>
          <tbody>
            {partitions.map(({ partition, health, lag, delayMs, pending, signals }) => (
              <tr key={partition}>
                <th scope="row" class="number">
                  {partition}
                </th>
                <td>
                  <Tag tone={TONES[health]} title={HEALTH_WORDS[health]}>
                    {health}
                  </Tag>{' '}
                  {health === 'ok' ? null : <span class="quiet">{HEALTH_WORDS[health]}</span>}
                </td>
                <td class="number">{maybe(lag)}</td>
                <td class="number">{delayMs === null ? '–' : spanOf(delayMs)}</td>
                <td class="number">{maybe(pending)}</td>
                <td class="number">{counted(signals)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

const TONES = { ok: 'good', rebuilding: 'warn', stalled: 'bad', unowned: 'bad', unknown: 'plain' } as const;

function lagOf(partitions: readonly PartitionReport[]): number | null {
  const known = partitions.flatMap(({ lag }) => (lag === null ? [] : [lag]));
  return known.length === 0 ? null : known.reduce((sum, lag) => sum + lag, 0);
}

function maybe(value: number | null): string {
  return value === null ? '–' : counted(value);
}

function msText(ms: number | null): string {
  if (ms === null) return '–';
  if (ms === 0) return '0 ms';
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1_000 ? `${String(Math.round(ms))} ms` : spanOf(ms);
}
