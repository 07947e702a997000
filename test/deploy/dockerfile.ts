// What infra/images/Dockerfile says, by stage.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../end-to-end/command.ts';

export const DOCKERFILE = join(ROOT, 'infra/images/Dockerfile');

export type Instruction = { readonly name: string; readonly text: string };
export type Stage = { readonly name: string; readonly from: string; readonly instructions: readonly Instruction[] };

/** In order; each begins with what it is made from. */
export function stages(): readonly Stage[] {
  const lines = readFileSync(DOCKERFILE, 'utf8').replaceAll('\\\n', ' ').split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const found: { readonly name: string; readonly from: string; readonly instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    const [, from, as] = /^(\S+) AS (\S+)$/.exec(text) ?? [];
    if (name === 'FROM' && from !== undefined && as !== undefined) found.push({ name: as, from, instructions: [] });
    else found.at(-1)?.instructions.push({ name, text: text.replace(/\s+/g, ' ') });
  }
  return found;
}

/** The instructions of a stage behind those of the stages that it is made from. */
export function inherited(target: string): readonly Instruction[] {
  const stage = stages().find(({ name }) => name === target);
  return stage === undefined ? [] : [...inherited(stage.from), ...stage.instructions];
}

/** The last one of its kind, as it counts. */
export function lastOf(target: string, name: string): string | null {
  return inherited(target).findLast((each) => each.name === name)?.text ?? null;
}

/** ENV of a stage, all of it. */
export function environmentOf(target: string): Readonly<Record<string, string>> {
  return Object.fromEntries(inherited(target).filter(({ name }) => name === 'ENV').map(({ text }) => {
    const [name = '', ...value] = text.split('=');
    return [name, value.join('=')];
  }));
}

/** Of an exec form, such as CMD ["a", "b"]. */
export function wordsOf(text: string | null): readonly string[] {
  const words: unknown = JSON.parse(text ?? '[]');
  return Array.isArray(words) ? words.map(String) : [];
}
