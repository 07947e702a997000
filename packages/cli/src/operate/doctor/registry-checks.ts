// The schemas, compared with those of this program.

import type { RegistryFacts, SubjectFacts } from '@fillstream/kafka';
import { SUBSCRIBER_TOPICS } from '@fillstream/schemas';
import { broken, commandOf, ok, warning, type Finding } from './finding.ts';

const COMPATIBILITY = 'BACKWARD';

/** One line when all is well, else one for each subject that isn't. */
export function registryFindings({ subjectCount, subjects }: RegistryFacts, url: string, namespace: string): readonly Finding[] {
  const reached = ok('schema registry', `answers, ${String(subjectCount)} subjects`, 'an answer');
  const wrong = subjects.flatMap((subject) => subjectFinding(subject, url, namespace));
  if (wrong.length > 0) return [reached, ...wrong];
  return [reached, ok('schemas', `${String(subjects.length)} registered, ${COMPATIBILITY}`, `ours registered, ${COMPATIBILITY}`)];
}

function subjectFinding({ topic, subject, ownId, versions, compatibility }: SubjectFacts, url: string, namespace: string): readonly Finding[] {
  const check = `schema ${subject}`;
  const expected = 'the schema of this version of fillstream';
  const create = commandOf('topics create', namespace);
  if (versions === 0) {
    const isNeeded = !SUBSCRIBER_TOPICS.some((each) => each === topic);
    return [isNeeded ? broken(check, 'there is no such subject', expected, create) : warning(check, 'there is no such subject', `${expected}, for tokens and webhooks`, create)];
  }
  if (ownId === null) {
    const mend = `${create}: it is registered when it is compatible; if it isn't, the subject is another program's: choose another --namespace`;
    return [broken(check, `other schemas (${String(versions)}), not ours`, expected, mend)];
  }
  if (compatibility === null || compatibility.startsWith(COMPATIBILITY)) return [];
  const path = `${url.replace(/\/+$/, '')}/config/${encodeURIComponent(subject)}`;
  const mend = `curl -X PUT -H 'content-type: application/json' -d '{"compatibility":"${COMPATIBILITY}"}' ${path}`;
  return [warning(check, `compatibility ${compatibility}: a schema that can't read old records would be let in`, COMPATIBILITY, mend)];
}
