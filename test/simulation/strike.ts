// Faults, as they strike.

import { encodeInput } from '@fillstream/schemas';
import { INPUT_TOPICS } from '@fillstream/topics';
import type { Importer } from './importer.ts';
import type { Fault, POISONS } from './plan.ts';
import type { SimProcess } from './process.ts';
import type { Processors } from './processors.ts';
import type { Simulation } from './simulation.ts';
import type { SimStoreServer } from './store.ts';
import type { NewRecord } from './topic.ts';

export type Stage = {
  readonly simulation: Simulation;
  readonly processors: Processors;
  readonly server: SimStoreServer;
  /** null where records come live. */
  readonly importer: Importer | null;
};

/** What lies in an aborted transaction: seen by whoever reads what isn't committed. */
const NEVER = JSON.stringify({ kind: 'tick', receivedAt: 9_999_999_999_999 });

/** Strikes; false when there was nothing to strike. */
export function strike(stage: Stage, fault: Fault): boolean {
  const { simulation, processors, server, importer } = stage;
  switch (fault.kind) {
    case 'crash': case 'crash at a call': case 'freeze': case 'freeze at a call': case 'lost call': case 'late call':
    case 'slow process': case 'cut off': case 'clock jump': {
      const process = processors.process(fault.target);
      if (process === null) return false;
      strikeProcess(simulation, process, fault);
      return true;
    }
    case 'rebalance': processors.group.rebalance(); return true;
    case 'slow everything': {
      simulation.slowness *= fault.factor;
      simulation.time.after(fault.ms, () => (simulation.slowness = Math.max(1, simulation.slowness / fault.factor)));
      return true;
    }
    case 'store wiped': server.wipe(); return true;
    case 'store lost a key': return server.lose(fault.partition, fault.what);
    case 'store rolled back': return server.rollBack('oldest');
    case 'store failed over': return server.rollBack('last');
    case 'store refuses': server.refuse(fault.ms); return true;
    case 'store slow': server.slow(fault.ms); return true;
    case 'transaction timed out': return simulation.broker.abortOpen(`processor-${String(fault.partition)}`);
    case 'offsets forgotten': { // It takes a week without members.
      simulation.broker.forgetOffsets(fault.partition);
      for (let index = 0; index < processors.count; index += 1) processors.process(index)?.crash();
      return true;
    }
    case 'importer crash': importer?.crash(fault.ms); return importer !== null;
    case 'duplicate': importer?.repeatOne(); return importer !== null;
    case 'delay': importer?.hold(fault.topic, fault.partition, fault.ms); return importer !== null;
    case 'gap': case 'aborted input': case 'poison': strikeInput(simulation, fault); return true;
  }
}

type ProcessFault = Extract<Fault, { readonly target: number }>;

function strikeProcess(simulation: Simulation, process: SimProcess, fault: ProcessFault): void {
  switch (fault.kind) {
    case 'crash': return process.crash();
    case 'crash at a call': return process.arm({ call: fault.call, fate: { kind: fault.isAfter ? 'crash after' : 'crash before' } });
    case 'freeze': return process.freeze(fault.ms);
    case 'freeze at a call': return process.arm({ call: fault.call, fate: { kind: fault.isAfter ? 'freeze after' : 'freeze before', ms: fault.ms } });
    case 'lost call': return process.arm({ call: fault.call, fate: { kind: fault.how } });
    case 'late call': return process.arm({ call: fault.call, fate: { kind: 'late', ms: fault.ms } });
    case 'slow process':
      process.slowness = fault.factor;
      simulation.time.after(fault.ms, () => (process.slowness = 1));
      return;
    case 'cut off': return process.cutOff(fault.ms);
    case 'clock jump':
      process.clockOffsetMs += fault.byMs;
      return;
  }
}

type InputFault = Extract<Fault, { readonly topic: number; readonly kind: 'gap' | 'aborted input' | 'poison' }>;

function strikeInput(simulation: Simulation, fault: InputFault): void {
  const { broker, time } = simulation;
  const name = INPUT_TOPICS[fault.topic] ?? 'fills';
  switch (fault.kind) {
    case 'gap': {
      const topic = broker.topic(name, fault.partition);
      for (let left = fault.count; left > 0; left -= 1) topic.addGap();
      return;
    }
    case 'aborted input': {
      const topic = broker.topic(name, fault.partition);
      const transaction = `someone ${String(time.events)}`;
      topic.append({ key: null, value: encodeInput(NEVER).body, timestamp: 9_999_999_999_999, note: NEVER }, transaction);
      time.after(fault.ms, () => topic.mark(transaction, false));
      return;
    }
    case 'poison': broker.append(name, fault.partition, [poison(simulation, fault.how)]);
  }
}

function poison(simulation: Simulation, how: (typeof POISONS)[number]): NewRecord {
  const plain = { key: null, timestamp: null, note: `poison: ${how}` };
  switch (how) {
    case 'no value': return { ...plain, value: null };
    case 'no bytes': return { ...plain, value: new Uint8Array() };
    case 'no body': return { ...plain, value: Uint8Array.from({ length: simulation.random.between(1, 40) }, () => 0xff) };
    case 'half a body': return { ...plain, value: encodeInput(NEVER).body.subarray(0, 4) };
  }
}
