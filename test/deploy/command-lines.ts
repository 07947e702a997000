// Command lines that somebody else will run, judged by the command's own parser.

import assert from 'node:assert/strict';
import { gatewayCommand } from '../../packages/cli/src/gateway/gateway-command.ts';
import { tokenCommand } from '../../packages/cli/src/gateway/token-command.ts';
import { webhookCommand } from '../../packages/cli/src/gateway/webhook-command.ts';
import { webhooksCommand } from '../../packages/cli/src/gateway/webhooks-command.ts';
import { topicsCommand } from '../../packages/cli/src/stack/commands.ts';
import { ingestorCommand } from '../../packages/cli/src/stack/ingestor-command.ts';
import { processorCommand } from '../../packages/cli/src/stack/processor-command.ts';

type Command = ReturnType<typeof topicsCommand>;

const COMMANDS: Readonly<Record<string, () => Command>> = {
  topics: topicsCommand, ingestor: ingestorCommand, processor: processorCommand, gateway: gatewayCommand, webhooks: webhooksCommand,
  token: tokenCommand, webhook: webhookCommand,
};
const PREFIX = 'FILLSTREAM_';

/** Fails for what the command wouldn't take: a flag, its value, or a variable. */
export function assertTaken(args: readonly string[], env: Readonly<Record<string, string>>): void {
  const { command, rest } = commandOf(args);
  const { operands, unknown } = command.parseOptions([...rest]);
  assert.deepEqual([...operands, ...unknown], [], `${args.join(' ')}: not taken`);
  for (const [name, value] of Object.entries(env).filter(([each]) => each.startsWith(PREFIX))) {
    const option = command.options.find(({ envVar }) => envVar === name);
    assert.ok(option !== undefined, `${args[0] ?? ''} knows no ${name}`);
    if (option.parseArg !== undefined && !option.isBoolean()) option.parseArg(value, undefined);
  }
}

function commandOf([name = '', ...rest]: readonly string[]): { readonly command: Command; readonly rest: readonly string[] } {
  const root = COMMANDS[name]?.();
  assert.ok(root !== undefined, `no command ${name}`);
  const part = root.commands.find((each) => each.name() === rest[0]);
  const command = (part ?? root).exitOverride().configureOutput({ writeErr: () => undefined });
  return { command, rest: part === undefined ? rest : rest.slice(1) };
}
