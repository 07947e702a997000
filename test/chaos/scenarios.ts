// Every scenario, in the order of the report.

import { crashPoints } from './scenarios/crash-points.ts';
import { heldEndTxn } from './scenarios/held-end-txn.ts';
import { poison, skippedInput } from './scenarios/inputs.ts';
import { mutatedFrames } from './scenarios/live-frames.ts';
import { frozenIngestors, ingestorKills, sharedAddresses } from './scenarios/live-ingestors.ts';
import { kafkaOutage } from './scenarios/live-outage.ts';
import { reconnects, reconnectsInRealTime } from './scenarios/live-reconnects.ts';
import { kills, rebalances, zombies } from './scenarios/members.ts';
import { redisOutages } from './scenarios/redis-outages.ts';
import { quietLoss, stateLoss } from './scenarios/state-loss.ts';
import type { Scenario } from './world.ts';

export const SCENARIOS: readonly Scenario[] = [
  crashPoints, kills, zombies, rebalances, heldEndTxn, stateLoss, quietLoss, redisOutages, skippedInput, poison,
  reconnects, reconnectsInRealTime, ingestorKills, frozenIngestors, kafkaOutage, sharedAddresses, mutatedFrames,
];
