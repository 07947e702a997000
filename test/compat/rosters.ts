// Rosters of several versions in one group, each a process of its own.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { KafkaOptions } from '@fillstream/kafka';
import type { Version } from './other-version.ts';

/** What a member was given last. */
export type RosterMember = { readonly addresses: readonly string[]; readonly ticks: readonly number[] };

export type Rosters = {
  readonly join: (version: Version, capacity: number) => RosterMember;
  /** All of them, each in its turn. */
  readonly leave: () => Promise<void>;
};

const MEMBER = '../../../../services/ingestor/src/test-roster-member.ts';

export function rosterOf(t: TestContext, kafka: KafkaOptions, partitions: number): Rosters {
  const children: ReturnType<typeof fork>[] = [];
  t.after(() => {
    for (const child of children) child.kill('SIGKILL');
  });
  return {
    join: ({ main }, capacity) => {
      const member: { addresses: readonly string[]; ticks: readonly number[] } = { addresses: [], ticks: [] };
      const execArgv = ['--disable-warning=ExperimentalWarning'];
      const child = fork(join(main, MEMBER), [JSON.stringify({ kafka, capacity, partitions })], { execArgv });
      child.on('message', (message) => {
        if (typeof message === 'object' && 'assignment' in message) Object.assign(member, message.assignment);
      });
      children.push(child);
      return member;
    },
    leave: async () => {
      for (const child of children.splice(0)) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
    },
  };
}
