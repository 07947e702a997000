import { Command } from 'commander';
import { describeSettings } from './settings.ts';

/** `fillstream settings`: what can be set. */
export function settingsCommand(): Command {
  return new Command('settings')
    .description('List the settings with their defaults.')
    .action(() => {
      for (const { name, initial, about } of describeSettings()) process.stdout.write(`${name.padEnd(16)} ${initial.padEnd(12)} ${about}\n`);
    });
}
