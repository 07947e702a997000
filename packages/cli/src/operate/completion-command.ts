// `fillstream completion bash`: what a shell needs to complete commands, flags and their values, made of the commands' own
// definitions. A flag whose value isn't one of a few is completed by file names, as the shell does by itself.

import { Argument, Command, type Option } from 'commander';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** One command, by the words that lead to it, such as `topics create`; '' is the program itself. */
type Node = { readonly path: string; readonly commands: readonly Word[]; readonly flags: readonly Flag[] };
type Word = { readonly name: string; readonly about: string };
/** `choices` null: it takes no value; empty: any. */
type Flag = { readonly names: readonly string[]; readonly about: string; readonly choices: readonly string[] | null };

/** `program` gives the whole of it, all commands. */
export function completionCommand(program: () => Promise<Command>): Command {
  return new Command('completion')
    .description('Print a script that completes commands and flags; for instance `source <(fillstream completion bash)`.')
    .addArgument(new Argument('<shell>', 'which one').choices(SHELLS))
    .action(async (shell: Shell) => {
      process.stdout.write(scriptFor(shell, nodesOf(await program())));
    });
}

function nodesOf(command: Command, path: readonly string[] = []): readonly Node[] {
  const help = command.createHelp();
  const parts = help.visibleCommands(command);
  const commands = parts.map((part) => ({ name: part.name(), about: part.description() }));
  const values = command.registeredArguments.flatMap(({ argChoices = [] }) => argChoices.map((name) => ({ name, about: '' })));
  const node = { path: path.join(' '), commands: [...commands, ...values], flags: help.visibleOptions(command).map(flagOf) };
  return [node, ...parts.flatMap((part) => nodesOf(part, [...path, part.name()]))];
}

function flagOf({ long, short, description, required, optional, argChoices }: Option): Flag {
  const names = [long, short].flatMap((name) => name ?? []);
  return { names, about: description, choices: required || optional ? argChoices ?? [] : null };
}

function scriptFor(shell: Shell, nodes: readonly Node[]): string {
  switch (shell) {
    case 'bash': return bashScript(nodes);
    case 'zsh': return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(nodes)}`;
    case 'fish': return fishScript(nodes);
  }
}

/** Where nothing is found, bash completes file names (`-o default`). */
function bashScript(nodes: readonly Node[]): string {
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const values = nodes.flatMap(({ path, flags }) => flags.flatMap(({ names, choices }) => (
    choices === null ? [] : [{ at: names.map((name) => quoted(`${path} ${name}`)).join('|'), words: choices.join(' ') }]
  )));
  const chosen = values.filter((value) => value.words !== '').map((value) => `    ${value.at}) words=${quoted(value.words)} ;;`);
  const free = values.filter((value) => value.words === '').map((value) => value.at);
  const words = nodes.map(({ path, commands, flags }) => (
    `      ${quoted(path)}) words=${quoted([...commands.map(({ name }) => name), ...flags.flatMap(({ names }) => names)].join(' '))} ;;`
  ));
  return `_fillstream() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" at='' next words='' place
  for ((place = 1; place < COMP_CWORD; place++)); do
    next="\${at:+$at }\${COMP_WORDS[place]}"
    case "$next" in
      ${paths.join('|')}) at="$next" ;;
    esac
  done
  case "$at $before" in
${chosen.join('\n')}
    ${free.join('|')}) ;;
    *) case "$at" in
${words.join('\n')}
    esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current")) || :
}
complete -o default -F _fillstream fillstream
`;
}

function fishScript(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, commands, flags }) => {
    const where = `complete -c fillstream -n ${quoted(`__fillstream_at ${path}`.trim())}`;
    return [
      ...commands.map(({ name, about }) => `${where} -f -a ${quoted(name)} -d ${quoted(about)}`),
      ...flags.map(({ names, about, choices }) => `${where} ${names.map(fishName).join(' ')}${fishChoices(choices)} -d ${quoted(about)}`),
    ];
  });
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return `function __fillstream_at
  set -l at
  for word in (commandline -opc)[2..-1]
    contains -- (string join -- ' ' $at $word) ${paths.join(' ')}; and set -a at $word
  end
  test "$at" = "$argv"
end
${lines.join('\n')}
`;
}

function fishName(name: string): string {
  return name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`;
}

function fishChoices(choices: readonly string[] | null): string {
  if (choices === null) return '';
  return choices.length === 0 ? ' -r' : ` -x -a ${quoted(choices.join(' '))}`;
}

/** In single quotes: of the commands' texts nothing is carried out. */
function quoted(text: string): string {
  return `'${text.replaceAll('\'', '\'\\\'\'')}'`;
}
