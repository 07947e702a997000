// Bugs for what is around the processors: ingestors, gateways and clients.

import type { Planted } from './planted.ts';

const LIVE = 'packages/hyperliquid/src/live/';
const INGESTOR = 'services/ingestor/src/live/';
const FEED = 'services/gateway/src/feed/';
const CLIENT = 'packages/client/src/';

/** Between the exchange and the topics: fills that never get there. */
export const INGESTOR_BUGS: readonly Planted[] = [
  {
    name: 'progress runs ahead of what is durable', file: `${LIVE}outbox.ts`, only: 'live',
    was: `        await this.#call('append', () => this.#options.sink.append(batch.records));
        this.#advance(batch.records);
`,
    becomes: `        this.#advance(batch.records);
        await this.#save();
        await this.#call('append', () => this.#options.sink.append(batch.records));
`,
  },
  {
    name: 'a failed append is given up, as when it is stopped', file: `${LIVE}outbox.ts`, only: 'live',
    was: '        if (attempt >= attempts) throw error;',
    becomes: "        if (attempt >= attempts || call === 'append') return;",
  },
  {
    name: 'progress is a high-water mark: what is older is durable', file: `${LIVE}intake.ts`, only: 'live',
    was: 'time === progress.lastFillAt && isId(tid) && tid !== 0 && progress.tids.includes(tid);',
    becomes: 'isId(tid) && Number(time) <= progress.lastFillAt;',
  },
  {
    // A connection that is replaced in its time has the same found, so both are left out.
    name: 'nobody looks for frames that vanished', file: `${LIVE}settings.ts`, only: 'live',
    was: '  auditMs: 600_000,', becomes: '  auditMs: 1_000_000_000,',
    more: [{ was: '  rotateMs: 1_200_000,', becomes: '  rotateMs: 0,' }],
  },
  {
    name: 'what the log does not take in time is dropped', file: `${INGESTOR}spilling-sink.ts`, only: 'live',
    was: '        if (failure === null) return;\n', becomes: "        if (failure === null || 'append' in entry) return;\n",
  },
  {
    name: 'what leaves the spill file is gone before the log has it', file: `${INGESTOR}spilling-sink.ts`, only: 'live',
    was: '        if (await this.#allGiven(entries)) leave();\n        else await sleep(retryMs);\n',
    becomes: '        leave();\n        if (!await this.#allGiven(entries)) await sleep(retryMs);\n',
  },
  {
    name: 'a spill file that was left is forgotten', file: `${INGESTOR}spilling-sink.ts`, only: 'live',
    was: "if (options.file.bytes > 0) this.#drainLater('left by an earlier run');", becomes: '',
  },
];

/** Between the topic `signals` and the subscriber: what is missed or comes twice. */
export const SUBSCRIBER_BUGS: readonly Planted[] = [
  {
    name: 'a client that comes again begins at the present', file: `${CLIENT}subscribe.ts`, only: 'live',
    was: 'filter: this.#filter, from: this.#from });',
    becomes: "filter: this.#filter, from: this.#made > 1 ? 'latest' : this.#from });",
  },
  {
    name: 'a cursor speaks of what was received, not of what was handed out', file: `${CLIENT}handout.ts`, only: 'live',
    was: 'if (taker === undefined) this.#entries.push({ delivery, resume: delivery.cursor });',
    becomes: 'if (taker === undefined) this.#entries.push({ delivery, resume: (this.#cursor = delivery.cursor) });',
  },
  {
    name: 'a full client drops what comes', file: `${CLIENT}subscribe.ts`, only: 'live',
    was: '    this.#from = this.#behind(cursor);\n    this.#handout.push({',
    becomes: '    this.#from = this.#behind(cursor);\n    if (this.#handout.size * 2 < this.#maxBuffered) this.#handout.push({',
  },
  {
    name: 'what was seen is known by its id alone', file: `${CLIENT}seen.ts`, only: 'live',
    was: 'return known !== undefined && !isNewer(known, { revision, lastFillAt });', becomes: 'return known !== undefined;',
  },
  {
    name: 'a cursor stands before its own signal', file: `${FEED}feed.ts`, only: 'live',
    was: 'head[row.partition] = row.offset + 1;', becomes: 'head[row.partition] = row.offset;',
  },
  {
    name: 'a cursor has other partitions as they are now', file: `${FEED}feed.ts`, only: 'live',
    was: 'const head = [...before];', becomes: 'const head = [...this.#model.next];',
  },
  {
    name: 'a scan begins behind the first row', file: `${FEED}scan.ts`, only: 'live',
    was: 'Math.min(...firsts) - 1);', becomes: 'Math.min(...firsts));',
  },
  {
    name: 'what was stored while a subscription went live is passed over', file: `${FEED}subscription.ts`, only: 'live',
    was: '    scan.settleForwards();\n    this.#feed.askTurn(this);', becomes: '    this.#goLive(scan);',
  },
  {
    name: 'a client that takes no more loses the rest of the share', file: `${FEED}subscription.ts`, only: 'live',
    was: '      scan.rewind(); // S1\n', becomes: '',
  },
  {
    name: 'a slow client goes on from the present', file: `${FEED}subscription.ts`, only: 'live',
    was: 'this.#scan = new Scan(this.#feed.model, this.#head, { filter: this.filter });',
    becomes: 'this.#scan = new Scan(this.#feed.model, this.#feed.model.next, { filter: this.filter });',
  },
  {
    name: 'an older revision replaces a newer one', file: `${FEED}read-model.ts`, only: 'live',
    was: 'return lastFillAt > heldAt || (lastFillAt === heldAt && revision > heldRevision);',
    becomes: 'return lastFillAt > heldAt;',
  },
];
