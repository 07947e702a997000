// The signals of two installations side by side, whatever partitions they lie in.
//
// B1  All partitions of both are taken by the time of their fills, so that equal signals come about together.

import type { EmittedSignals, MinHeap } from '@fillstream/kafka';
import { decodeSignal } from '@fillstream/schemas';
import { Comparison, type Difference } from '../replay/compare.ts';

export type Compared = { readonly sent: number; readonly folded: number; readonly same: number };

type Side = 'sent' | 'folded';
type Body = Buffer | null;

/** One partition of one side. `time`: the greatest lastFillAt so far. */
type Stream = { readonly side: Side; readonly signals: EmittedSignals; bodies: Body[]; place: number; time: number };

const BATCH = 500;

/** `sent` is of the old namespace, `folded` of the new one. Throws PortError. */
export async function compareSignals(
  sent: readonly EmittedSignals[], folded: readonly EmittedSignals[], onDifferences: (differences: readonly Difference[]) => Promise<void>,
): Promise<Compared> {
  const { MinHeap: Heap } = await import('@fillstream/kafka');
  const comparison = new Comparison();
  const streams = new Heap<Stream>((a, b) => a.time < b.time);
  const counts: Record<Side, number> = { sent: 0, folded: 0 };
  for (const [side, all] of [['sent', sent], ['folded', folded]] as const) {
    for (const signals of all) await advance(streams, { side, signals, bodies: [], place: -1, time: -Infinity });
  }
  for (let stream = streams.pop(); stream !== undefined; stream = streams.pop()) {
    const body = stream.bodies[stream.place] ?? null;
    counts[stream.side] += 1;
    const differences = stream.side === 'sent' ? comparison.add([body], []) : comparison.addReplayed([body]);
    if (differences.length > 0) await onDifferences(differences);
    await advance(streams, stream);
  }
  await onDifferences(comparison.end());
  return { ...counts, same: comparison.same };
}

/** To its next signal (B1); it is let go at its end. */
async function advance(streams: MinHeap<Stream>, stream: Stream): Promise<void> {
  stream.place += 1;
  if (stream.place >= stream.bodies.length) [stream.bodies, stream.place] = [await stream.signals.take(BATCH), 0];
  if (stream.bodies.length === 0) return;
  stream.time = Math.max(stream.time, timeOf(stream.bodies[stream.place] ?? null));
  streams.push(stream);
}

function timeOf(body: Body): number {
  try {
    return body === null ? -Infinity : decodeSignal(body).lastFillAt;
  } catch {
    return -Infinity; // The comparison tells of it.
  }
}
