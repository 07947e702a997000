// The page about one order: what it is now, then its life from top to bottom, times in UTC.

import { styleText } from 'node:util';
import type { Signal } from '@fillstream/core';
import type { Deadline, Event, Facts, OnTopic, Recorded } from './events.ts';
import type { OrderView, Verdict } from './address-fold.ts';
import { harmless, timeText } from './output.ts';
import type { Compared, Story } from './story.ts';
import { WAIT_OVER, comingText } from './why.ts';

const MARGIN = ' '.repeat(14);
/** Of fills that just add up, one after the other: more are left out between the first ones and the last. */
const GREATEST_RUN = 6;
const SHOWN_FIRST = 2;

/** `all`: also the fills in the middle of a long run of them. */
export function orderPage(story: Story, { all = false } = {}): string {
  const { address, oid, about, streamTime, now, coming, waiting, unexplained, store } = story;
  return [
    `${styleText('bold', `order ${address}/${String(oid)}`)}${coinText(story)}`,
    `log       ${about}${streamTime === null ? '' : `; stream time is ${timeText(streamTime)} (UTC, as all times here)`}`,
    `now       ${now}`,
    ...coming.map((each, place) => `${place === 0 ? 'then      if nothing more comes: ' : '                                '}${comingText(each)}`),
    ...(store === null ? [] : [`redis     ${storeText(store)}`]),
    ...timeline(story.events, all),
    ...(waiting.length === 0 ? [] : ['', styleText('yellow', 'not processed yet'), ...waiting.flatMap((each) => recordLines('', each, ''))]),
    ...unexplained.map(({ signal, place }) => styleText('red', `${place} has ${signal.id} revision ${String(signal.revision)}, which the log doesn't lead to: were other settings used?`)),
  ].join('\n');
}

function coinText({ state, events }: Story): string {
  const signal = events.find((event) => event.kind === 'signal')?.signal;
  const [coin, symbol] = [state?.ledger?.coin ?? signal?.coin, state?.ledger?.symbol ?? signal?.symbol];
  if (coin === undefined) return '';
  return harmless(symbol === undefined || symbol === coin ? `  ${coin}` : `  ${coin} (${symbol})`);
}

/** Grouped by day; the deadline that a step set comes after what it sent out, where it isn't the one before. */
function timeline(events: readonly Event[], all: boolean): string[] {
  const leftOut = all ? new Map<number, number>() : middlesOf(events);
  let [day, isPastEnd, known] = ['', false, ''];
  let step: Event | null = null;
  return events.flatMap((event, place) => {
    if (event.kind !== 'signal') step = event;
    const more = leftOut.get(place);
    if (more !== undefined) return more === 0 ? [] : [`${MARGIN}${styleText('dim', `… ${String(more)} more fills that add up (--all shows them)`)}`];
    const [date = ''] = timeText(event.at).split(' ');
    const isFirstPastEnd = event.kind === 'timer' && event.afterEnd && !isPastEnd;
    isPastEnd ||= isFirstPastEnd;
    const heading = date === day && !isFirstPastEnd ? [] : ['', styleText('bold', isPastEnd ? `${date}, after the last record, as time runs on to the end` : `${date}, stream time`)];
    day = date;
    const deadline = events[place + 1]?.kind === 'signal' || step === null ? [] : deadlineLines(deadlineAfter(step), day);
    const news = deadline.join() === known ? [] : deadline;
    if (deadline.length > 0) known = deadline.join();
    return [...heading, ...eventLines(event, date), ...news];
  });
}

/** The places that a page leaves out, the first of each run with how many they are, the others with 0. */
function middlesOf(events: readonly Event[]): ReadonlyMap<number, number> {
  const middles = new Map<number, number>();
  for (let first = 0; first < events.length; first += 1) {
    let end = first;
    while (end < events.length && addsUp(events[end])) end += 1;
    if (end - first > GREATEST_RUN) {
      const [from, to] = [first + SHOWN_FIRST, end - 1];
      for (let place = from; place < to; place += 1) middles.set(place, place === from ? to - from : 0);
    }
    first = Math.max(first, end - 1);
  }
  return middles;
}

function addsUp(event: Event | undefined): boolean {
  return event?.kind === 'record' && event.facts.kind === 'fill' && event.verdict.kind === 'counted' && !event.verdict.late;
}

function deadlineAfter(event: Event): Deadline | null {
  if (event.kind === 'timer') return event.next;
  return event.kind === 'record' && (event.verdict.kind === 'counted' || event.verdict.kind === 'won') ? event.deadline : null;
}

function eventLines(event: Event, day: string): string[] {
  const time = styleText('dim', shortTime(event.at, day));
  switch (event.kind) {
    case 'record': return [...recordLines(shortTime(event.at, day), event, day), verdictLine(event.verdict.kind, event.why)];
    case 'timer': return [
      `${time}  ${styleText('cyan', 'timer ')} of ${shortTime(event.deadline, day)}${event.movedBy === null ? '' : styleText('dim', `, met by ${event.movedBy}`)}`,
      ...(event.why === WAIT_OVER ? [] : [`${MARGIN}${event.why}`]),
    ];
    case 'signal': {
      const { signal } = event;
      return [
        `${time}  ${styleText('green', 'SIGNAL')} ${signal.id.split('/').at(-1) ?? ''} revision ${String(signal.revision)}: ${signal.size} at ${signal.price} (${signal.trigger})`,
        `${MARGIN}${totalsText(signal)}`,
        `${MARGIN}${event.why}`,
        ...topicLines(event.onTopic),
      ];
    }
  }
}

function totalsText({ fillCount, notional, positionBefore, positionAfter, closedPnl, fees }: Signal): string {
  const paid = Object.entries(fees).map(([token, fee]) => `${fee} ${token}`).join(', ');
  return harmless(`${String(fillCount)} ${fillCount === 1 ? 'fill' : 'fills'} · notional ${notional} · position ${positionBefore} → ${positionAfter} · closed PnL ${closedPnl} · fees ${paid === '' ? 'none' : paid}`);
}

function verdictLine(kind: Verdict['kind'], why: string): string {
  const line = `${MARGIN}${why}`;
  if (kind === 'refused') return styleText('red', line);
  return kind === 'counted' || kind === 'won' ? line : styleText('dim', line);
}

function recordLines(time: string, { place, receivedAt, source, facts }: Recorded, day: string): string[] {
  const where = [place, receivedAt === null ? 'no time' : `received ${shortTime(receivedAt, day)}`, ...happenedAt(facts, day), ...(source === null ? [] : [source])];
  return [`${styleText('dim', time.padEnd(12))}  ${harmless(factsText(facts))}`, `${MARGIN}${styleText('dim', harmless(where.join(' · ')))}`];
}

function factsText(facts: Facts): string {
  switch (facts.kind) {
    case 'fill': return `fill   ${facts.side === 'B' ? 'buy' : facts.side === 'A' ? 'sell' : facts.side} ${facts.sz} at ${facts.px}, ${facts.dir}, from ${facts.startPosition}, tid ${facts.tid === null ? 'none' : String(facts.tid)}`;
    case 'status': return `status ${facts.status}: ${facts.sz} of ${facts.origSz} left`;
    case 'unreadable': return 'record that says nothing of an order';
  }
}

function happenedAt(facts: Facts, day: string): string[] {
  switch (facts.kind) {
    case 'fill': return facts.time === null ? [] : [`traded ${shortTime(facts.time, day)}`];
    case 'status': return facts.statusTimestamp === null ? [] : [`said ${shortTime(facts.statusTimestamp, day)}`];
    case 'unreadable': return [];
  }
}

function deadlineLines(deadline: Deadline | null, day: string): string[] {
  if (deadline === null) return [];
  return [`${MARGIN}${styleText('cyan', `deadline ${shortTime(deadline.at, day)}: ${purposeText(deadline)}`)}`];
}

/** Without the date where it is the day's. */
function shortTime(at: number, day: string): string {
  const text = timeText(at);
  return text.startsWith(`${day} `) ? text.slice(day.length + 1) : text;
}

function purposeText({ what, trigger }: Deadline): string {
  switch (what) {
    case 'signalled': return `then a signal goes out with what is here (${trigger ?? ''})`;
    case 'asked': return 'then its fills are asked for';
    case 'orphaned': case 'expired': return 'then the status is dropped';
    case 'finished': return 'then the order is finished';
  }
}

function topicLines(onTopic: OnTopic): string[] {
  switch (onTopic.kind) {
    case 'none': return [];
    case 'same': return [`${MARGIN}${styleText('dim', `${onTopic.place}${emittedText(onTopic.emittedAt)}${onTopic.times > 1 ? `, ${String(onTopic.times)} times` : ''}`)}`];
    case 'missing': return [styleText('yellow', `${MARGIN}not on the topic signals`)];
    case 'differs': return [styleText('red', `${MARGIN}${onTopic.place}${emittedText(onTopic.emittedAt)} has ANOTHER content: were other settings used? ${JSON.stringify(onTopic.signal)}`)];
  }
}

function emittedText(at: number | null): string {
  return at === null ? '' : `, emitted ${timeText(at)}`;
}

function storeText({ same, at, view, deadline, fold }: Compared): string {
  if (at === null) return 'nothing is kept of this partition yet';
  const where = `at the checkpoint of ${at.offsets.join(', ')}`;
  const held = view === null ? 'the order isn\'t on record' : `${viewText(view)}${deadline === view.deadline || deadline === null ? '' : `; its index says ${timeText(deadline)}`}`;
  switch (same) {
    case true: return `${held} (${where}): the same as the log`;
    case false: return styleText('red', `${held} (${where}): DIFFERS from the log, by which ${fold === null ? 'it isn\'t on record' : viewText(fold)}`);
    case null: return `${held} (${where}, which is no point of the log that was read)`;
  }
}

function viewText({ kind, deadline, changedAt }: OrderView): string {
  return `${kind}, changed at ${timeText(changedAt)}, deadline ${timeText(deadline)}`;
}
