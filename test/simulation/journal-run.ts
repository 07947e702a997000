// A run of kind `journal`: a journal of the oracle's, imported; processors; faults; then calm, in which all must drain.
//
// W1  In the calm nothing strikes, everybody is up, and within a minute of simulated time all that was appended is committed.

import { readDecimal, DEFAULT_SETTINGS, type Decimal, type Settings } from '@fillstream/core';
import { journal } from '../oracle/journals.ts';
import type { Settings as OracleSettings } from '../oracle/settings.ts';
import { beginCalm, drain, stop, until } from './calm.ts';
import { checkPartition } from './checks.ts';
import { Importer } from './importer.ts';
import { Processors } from './processors.ts';
import type { JournalPlan } from './plan.ts';
import type { Simulation } from './simulation.ts';
import { SimStoreServer } from './store.ts';
import { strike, type Stage } from './strike.ts';

/** `left`: places in the list of faults that are left out. */
export async function runJournal(simulation: Simulation, plan: JournalPlan, events: number, left: ReadonlySet<number>): Promise<void> {
  const { lines, settings } = journal(plan.seed, events);
  const server = new SimStoreServer(simulation, plan.marginMs);
  const processors = new Processors(simulation, { count: plan.processors, settings: coreSettings(settings), limits: plan.limits, server });
  const importer = new Importer(simulation, lines, plan.bursts);
  const stage: Stage = { simulation, processors, server, importer };
  for (const [place, fault] of plan.faults.entries()) {
    if (left.has(place)) continue;
    simulation.time.after(fault.at, () => {
      const struck = strike(stage, fault);
      simulation.trace(`fault ${String(place)} ${fault.kind}${struck ? '' : ' missed'}`);
      simulation.count(`fault: ${fault.kind}${struck ? '' : ' (missed)'}`);
    });
  }
  importer.start();
  processors.startAll();
  await until(simulation, plan.safetyMs, () => false);
  beginCalm(simulation, stage);
  await drain(simulation, () => importer.isDone);
  await stop(simulation, processors);
  for (let partition = 0; partition < plan.partitions; partition += 1) note(simulation, checkPartition(simulation, partition, settings));
}

function note(simulation: Simulation, { counts }: ReturnType<typeof checkPartition>): void {
  for (const name of ['signals', 'revisions', 'finished', 'duplicates', 'stale', 'lateFills', 'orphaned'] as const) simulation.count(`fold: ${name}`, counts[name]);
  for (const [trigger, count] of Object.entries(counts.triggers)) simulation.count(`trigger: ${trigger}`, count);
  for (const [reason, count] of Object.entries(counts.quarantined)) simulation.count(`refused: ${reason}`, count);
}

function coreSettings({ smallBelow, mediumBelow, ...periods }: Partial<OracleSettings>): Settings {
  return {
    ...DEFAULT_SETTINGS, ...periods,
    ...(smallBelow === undefined ? {} : { smallBelow: decimalOf(smallBelow) }),
    ...(mediumBelow === undefined ? {} : { mediumBelow: decimalOf(mediumBelow) }),
  };
}

function decimalOf(value: number | string): Decimal {
  return readDecimal(String(value)) ?? DEFAULT_SETTINGS.smallBelow;
}
