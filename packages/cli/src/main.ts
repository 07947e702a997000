// The `fillstream` command.

import { Command } from 'commander';
import { endingOf, unwritableLine } from './errors.ts';
import { tell } from './flags.ts';

const VERSION = '0.1.0';

/** In the order of the help. What one needs is loaded only where it is asked for, or all are told of. */
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map(Object.entries({
  start: async () => (await import('./start/command.ts')).startCommand(),
  run: async () => (await import('./run/command.ts')).runCommand(),
  record: async () => (await import('./record-command.ts')).recordCommand(),
  stack: async () => (await import('./stack/commands.ts')).stackCommand(),
  topics: async () => (await import('./stack/commands.ts')).topicsCommand(),
  acl: async () => (await import('./stack/acl-command.ts')).aclCommand(),
  import: async () => (await import('./stack/import-command.ts')).importCommand(),
  backfill: async () => (await import('./stack/backfill-command.ts')).backfillCommand(),
  watch: async () => (await import('./stack/watch-command.ts')).watchCommand(),
  ingestor: async () => (await import('./stack/ingestor-command.ts')).ingestorCommand(),
  processor: async () => (await import('./stack/processor-command.ts')).processorCommand(),
  gateway: async () => (await import('./gateway/gateway-command.ts')).gatewayCommand(),
  token: async () => (await import('./gateway/token-command.ts')).tokenCommand(),
  webhooks: async () => (await import('./gateway/webhooks-command.ts')).webhooksCommand(),
  webhook: async () => (await import('./gateway/webhook-command.ts')).webhookCommand(),
  doctor: async () => (await import('./operate/doctor-command.ts')).doctorCommand(),
  status: async () => (await import('./operate/status-command.ts')).statusCommand(),
  settings: async () => (await import('./settings-command.ts')).settingsCommand(),
  explain: async () => (await import('./operate/explain-command.ts')).explainCommand(),
  orders: async () => (await import('./operate/explain-command.ts')).ordersCommand(),
  signals: async () => (await import('./operate/signals-command.ts')).signalsCommand(),
  quarantine: async () => (await import('./operate/quarantine-command.ts')).quarantineCommand(),
  replay: async () => (await import('./operate/replay-command.ts')).replayCommand(),
  repartition: async () => (await import('./operate/repartition-command.ts')).repartitionCommand(),
  reset: async () => (await import('./operate/reset-command.ts')).resetCommand(),
  completion: async () => (await import('./operate/completion-command.ts')).completionCommand(program),
}));

/** With all commands, or with one alone. */
async function program(name = ''): Promise<Command> {
  const root = new Command('fillstream')
    .description('One exact signal per order and direction from Hyperliquid fills and order updates.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => { write(text); } });
  const one = COMMANDS.get(name);
  for (const load of one === undefined ? COMMANDS.values() : [one]) {
    const command = await load();
    for (const part of command.commands) part.exitOverride();
    root.addCommand(command.exitOverride());
  }
  return root;
}

/** Runs one command line and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const root = await program(args[0]);
    await root.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    const { code, message } = endingOf(error);
    if (message !== null) tell(message, 'error');
    return code;
  }
}

// Whoever read standard output has seen enough; a kill at any moment is safe, so this is.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`fillstream: ${unwritableLine('standard output', error)}\n`);
  process.exit(1);
});
process.exitCode = await main(process.argv.slice(2));
