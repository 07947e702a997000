// The `fillstream` command.

import { Command } from 'commander';
import { endingOf } from './errors.ts';
import { completionCommand } from './operate/completion-command.ts';
import { gatewayCommand } from './gateway/gateway-command.ts';
import { tokenCommand } from './gateway/token-command.ts';
import { webhookCommand } from './gateway/webhook-command.ts';
import { webhooksCommand } from './gateway/webhooks-command.ts';
import { doctorCommand } from './operate/doctor-command.ts';
import { tell } from './flags.ts';
import { recordCommand } from './record-command.ts';
import { explainCommand, ordersCommand } from './operate/explain-command.ts';
import { quarantineCommand } from './operate/quarantine-command.ts';
import { repartitionCommand } from './operate/repartition-command.ts';
import { replayCommand } from './operate/replay-command.ts';
import { resetCommand } from './operate/reset-command.ts';
import { signalsCommand } from './operate/signals-command.ts';
import { statusCommand } from './operate/status-command.ts';
import { runCommand } from './run/command.ts';
import { unwritable } from './run/line-file.ts';
import { settingsCommand } from './settings-command.ts';
import { aclCommand } from './stack/acl-command.ts';
import { backfillCommand } from './stack/backfill-command.ts';
import { stackCommand, topicsCommand } from './stack/commands.ts';
import { importCommand } from './stack/import-command.ts';
import { ingestorCommand } from './stack/ingestor-command.ts';
import { processorCommand } from './stack/processor-command.ts';
import { watchCommand } from './stack/watch-command.ts';
import { startCommand } from './start/command.ts';

const VERSION = '0.1.0';

function program(): Command {
  const root = new Command('fillstream')
    .description('One exact signal per order and direction from Hyperliquid fills and order updates.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => { write(text); } });
  const commands = [
    startCommand(), runCommand(), recordCommand(), stackCommand(), topicsCommand(), aclCommand(), importCommand(), backfillCommand(), watchCommand(), ingestorCommand(), processorCommand(), gatewayCommand(), tokenCommand(), webhooksCommand(), webhookCommand(), doctorCommand(), statusCommand(), settingsCommand(),
    explainCommand(), ordersCommand(), signalsCommand(), quarantineCommand(), replayCommand(), repartitionCommand(), resetCommand(), completionCommand(() => root),
  ];
  for (const command of commands) {
    for (const part of command.commands) part.exitOverride();
    root.addCommand(command.exitOverride());
  }
  return root;
}

/** Runs one command line and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' });
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
  process.stderr.write(`fillstream: ${unwritable('standard output', error).message}\n`);
  process.exit(1);
});
process.exitCode = await main(process.argv.slice(2));
