import { Option } from 'commander';
import { fromAssignment, fromEnvironment, fromFile, type Written } from './settings.ts';
import { OTHER_VARIABLES } from './stack/connections.ts';

/** The flags that every command with settings takes. */
export type SettingsFlags = { readonly set?: readonly string[]; readonly config?: string };

export function settingsOptions(): Option[] {
  return [
    new Option('--set <key=value...>', 'a setting, such as graceMs=10s (see `fillstream settings`)')
      .argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]),
    new Option('--config <file>', 'a JSON file of settings'),
  ];
}

/** Later ones go over earlier ones. Throws SettingsError. */
export function settingsSources(flags: SettingsFlags): Written[] {
  const file = flags.config === undefined ? [] : [fromFile(flags.config)];
  return [...file, ...fromEnvironment(withoutFlags(process.env)), ...(flags.set ?? []).map(fromAssignment)];
}

/** What stands for flags in the environment is no setting. */
function withoutFlags(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !OTHER_VARIABLES.has(name)));
}
