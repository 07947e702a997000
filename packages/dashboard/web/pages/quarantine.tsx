// What was refused, and why.

import type { QuarantinedRecord } from '@fillstream/client';
import { useSignal } from '@preact/signals';
import { reasonWords } from '../../src/model/reasons.ts';
import { useFetched, valueOf } from '../fetched.ts';
import { AddressLink, Tag, When } from '../parts/basics.tsx';
import { counted } from '../parts/list-parts.tsx';
import { Failed, Loading, Notice } from '../parts/states.tsx';

const EVERY_MS = 5_000;
const GREATEST = 200;

export function QuarantinePage() {
  const fetched = useFetched('quarantine', (client, options) => client.quarantine({ limit: GREATEST }, options), EVERY_MS).value;
  const reason = useSignal<string | null>(null);
  const records = valueOf(fetched)?.records ?? null;
  return (
    <div class="page">
      <div class="page-head">
        <h1 tabIndex={-1}>Quarantine</h1>
        <p class="quiet">Records that couldn’t be used. Each is kept whole, with its reason; the stream goes on without it.</p>
      </div>
      {fetched.kind === 'failed' ? <Failed error={fetched.error} what="the quarantine" /> : null}
      {fetched.kind === 'loading' ? <Loading what="the quarantine" /> : null}
      {records === null ? null : records.length === 0 ? (
        <Notice icon="check" title="Nothing was refused">
          <p>Every record so far could be used.</p>
        </Notice>
      ) : (
        <Records
          records={records}
          reason={reason.value}
          onReason={(next) => {
            reason.value = next;
          }}
        />
      )}
    </div>
  );
}

function Records({
  records,
  reason,
  onReason,
}: {
  readonly records: readonly QuarantinedRecord[];
  readonly reason: string | null;
  readonly onReason: (reason: string | null) => void;
}) {
  const reasons = [...new Set(records.map((record) => record.reason))].sort();
  const shown = records.filter((record) => reason === null || record.reason === reason);
  return (
    <>
      <div class="toggles reasons" role="group" aria-label="Reason">
        <button type="button" aria-pressed={reason === null} onClick={() => onReason(null)}>
          all {counted(records.length)}
        </button>
        {reasons.map((name) => (
          <button
            type="button"
            key={name}
            aria-pressed={reason === name}
            title={reasonWords(name)}
            onClick={() => onReason(name)}
          >
            {name} {counted(records.filter((record) => record.reason === name).length)}
          </button>
        ))}
      </div>
      <ol class="records">
        {shown.map((record) => (
          <Record key={`${record.topic}/${String(record.partition)}/${String(record.offset)}`} record={record} />
        ))}
      </ol>
      {records.length < GREATEST ? null : <p class="quiet">These are the newest {counted(GREATEST)}.</p>}
    </>
  );
}

function Record({
  record: { topic, partition, offset, reason, detail, address, at, preview },
}: {
  readonly record: QuarantinedRecord;
}) {
  return (
    <li class="card record">
      <div class="record-head">
        <Tag tone="warn" title={reasonWords(reason)}>
          {reason}
        </Tag>
        <span class="record-detail">{detail === '' ? reasonWords(reason) : detail}</span>
        <span class="record-place quiet">
          {at === null ? 'no time' : <When at={at} />}
          {address === null ? null : <AddressLink address={address} />}
          <span class="mono">
            {topic}/{partition}/{offset}
          </span>
        </span>
      </div>
      <p class="quiet">{reasonWords(reason)}</p>
      <pre class="preview" tabIndex={0} aria-label={`The record at ${topic}/${String(partition)}/${String(offset)}`}>
        {preview}
      </pre>
    </li>
  );
}
