// Every reader of bytes from outside that is fuzzed.

import type { Target } from '../target.ts';
import { AVRO_TARGETS } from './avro.ts';
import { CLIENT_TARGETS } from './client.ts';
import { COMMAND_TARGETS } from './command.ts';
import { EXCHANGE_TARGETS } from './exchange.ts';
import { FILE_TARGETS } from './files.ts';
import { GATEWAY_TARGETS } from './gateway.ts';
import { JOURNAL_TARGETS } from './journal.ts';
import { STATE_TARGETS } from './state.ts';

export const TARGETS: readonly Target[] = [
  ...JOURNAL_TARGETS, ...AVRO_TARGETS, ...STATE_TARGETS, ...EXCHANGE_TARGETS, ...GATEWAY_TARGETS, ...CLIENT_TARGETS, ...FILE_TARGETS, ...COMMAND_TARGETS,
];
