// An order's life as a picture: what came, what was waited for, what was told. The table below it says the same in words.

import type { LifeEvent, OrderLife } from '@fillstream/client';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { spanOf, timeOfDay } from '../../src/model/clock.ts';
import { LANES, layoutOf, type Lane, type LifeLayout, type Mark, type Wait } from '../../src/model/life-layout.ts';
import { withoutOverlap } from '../../src/model/time-scale.ts';

const LEFT = 78;
const RIGHT = 64;
const LEAST_WIDTH = 640;
const LANE_PX = 52;
const TOP = 12;
const AXIS = TOP + LANES.length * LANE_PX + 8;
const HEIGHT = AXIS + 40;
/** From a mark to its name, and of a letter. */
const LABEL_PX = 12;
const LETTER_PX = 6.8;

const LANE_NAMES: Readonly<Record<Lane, string>> = { fill: 'Fills', status: 'Statuses', timer: 'Timers', signal: 'Signals' };

type DrawingProps = { readonly life: OrderLife; readonly onPick: (places: readonly number[]) => void };

export function LifeDrawing({ life, onPick }: DrawingProps) {
  const holder = useRef<HTMLDivElement>(null);
  const width = useSignal(900);
  useLayoutEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => {
      width.value = Math.max(LEAST_WIDTH, element.clientWidth);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const layout = useMemo(() => layoutOf(life, width.value - LEFT - RIGHT), [life, width.value]);
  return (
    <div class="life-holder scrolls" ref={holder} tabIndex={0} role="region" aria-label="Time line">
      <svg
        class="life"
        width={width.value}
        height={HEIGHT}
        viewBox={`0 0 ${String(width.value)} ${String(HEIGHT)}`}
        role="group"
        aria-label={`Time line of ${String(life.events.length)} events; the table below says the same`}
      >
        <Lanes width={width.value} />
        <g transform={`translate(${String(LEFT)} 0)`}>
          <Progress layout={layout} />
          <Axis layout={layout} width={width.value - LEFT - RIGHT} />
          {layout.nowX === null ? null : <Now x={layout.nowX} />}
          {layout.waits.map((wait, place) => (
            <WaitBar key={place} wait={wait} />
          ))}
          <Labels layout={layout} />
          {layout.marks.map((mark) => (
            <MarkShape key={`${mark.lane}${String(mark.places[0])}`} mark={mark} onPick={onPick} />
          ))}
        </g>
      </svg>
    </div>
  );
}

function yOf(lane: Lane): number {
  return TOP + LANES.indexOf(lane) * LANE_PX + LANE_PX / 2;
}

function Lanes({ width }: { readonly width: number }) {
  return (
    <>
      {LANES.map((lane, place) => (
        <g key={lane}>
          {place % 2 === 0 ? <rect class="lane" x="0" y={TOP + place * LANE_PX} width={width} height={LANE_PX} rx="6" /> : null}
          <text class="lane-name" x="10" y={yOf(lane) + 4}>
            {LANE_NAMES[lane]}
          </text>
        </g>
      ))}
    </>
  );
}

/** How much of the order is filled, behind its fills. */
function Progress({ layout: { steps } }: { readonly layout: LifeLayout }) {
  const [first] = steps;
  const last = steps.at(-1);
  if (first === undefined || last === undefined) return null;
  const [floor, room] = [TOP + LANE_PX - 4, LANE_PX - 10];
  const path = steps.map(({ x, share }) => `H${x.toFixed(1)}V${(floor - share * room).toFixed(1)}`).join('');
  return <path class="progress" d={`M${first.x.toFixed(1)} ${String(floor)}${path}h8V${String(floor)}Z`} />;
}

function Axis({ layout: { ticks, cuts }, width }: { readonly layout: LifeLayout; readonly width: number }) {
  const [first] = ticks;
  const shown = withoutOverlap(ticks, ({ x }) => ({ x, width: 74 }));
  const spans = withoutOverlap(cuts, ({ x0, x1 }) => ({ x: (x0 + x1) / 2, width: 64 }));
  return (
    <g>
      <line class="axis" x1="0" x2={width} y1={AXIS} y2={AXIS} />
      {ticks.map(({ at, x }) => (
        <line key={at} class="tick" x1={x} x2={x} y1={AXIS} y2={AXIS + 4} />
      ))}
      {shown.map(({ at, x }) => (
        <text key={at} class="tick-text" x={x} y={AXIS + 18} text-anchor="middle">
          {at === first?.at ? timeOfDay(at) : `+${spanOf(at - (first?.at ?? at))}`}
        </text>
      ))}
      {cuts.map(({ from, x0, x1 }) => (
        <Cut key={from} x={(x0 + x1) / 2} />
      ))}
      {spans.map(({ from, to, x0, x1 }) => (
        <text key={from} class="cut-text" x={(x0 + x1) / 2} y={AXIS + 33} text-anchor="middle">
          {spanOf(to - from)}
        </text>
      ))}
    </g>
  );
}

/** Two slanted strokes: here time is left out. */
function Cut({ x }: { readonly x: number }) {
  return (
    <g>
      <line class="cut-line" x1={x} x2={x} y1={TOP} y2={AXIS - 8} />
      <rect class="cut-gap" x={x - 5} y={AXIS - 5} width="10" height="10" />
      <path class="cut" d={`M${(x - 6).toFixed(1)} ${String(AXIS + 6)}l5 -12M${(x + 1).toFixed(1)} ${String(AXIS + 6)}l5 -12`} />
    </g>
  );
}

const END_WORDS: Readonly<Record<Wait['end'], string>> = {
  fired: 'it was due, and came, at',
  replaced: 'something came before it was due, at',
  coming: 'it is due at',
};

function WaitBar({ wait: { x0, x1, what, end, deadline } }: { readonly wait: Wait }) {
  const y = yOf('timer');
  return (
    <g class={`wait ${end}`}>
      <title>{`${what}: ${END_WORDS[end]} ${timeOfDay(deadline.at)}`}</title>
      <line x1={x0} x2={x1} y1={y} y2={y} />
      {end === 'replaced' ? <path d={`M${(x1 - 4).toFixed(1)} ${String(y - 4)}l8 8m0 -8l-8 8`} /> : null}
      {end === 'coming' ? <circle cx={x1} cy={y} r="6" /> : null}
      {x1 - x0 > 56 ? (
        <text x={(x0 + x1) / 2} y={y - 8} text-anchor="middle">
          {what}
        </text>
      ) : null}
    </g>
  );
}

function Now({ x }: { readonly x: number }) {
  return (
    <g class="life-now">
      <line x1={x} x2={x} y1={TOP - 6} y2={AXIS} />
      <text x={x + 5} y={TOP + 2}>
        now
      </text>
    </g>
  );
}

/** Statuses and signals are named beside their marks, where there is room. */
function Labels({ layout: { marks } }: { readonly layout: LifeLayout }) {
  const named = LANES.flatMap((lane) => {
    const ofLane = marks.filter((mark) => mark.lane === lane).map((mark) => ({ ...mark, text: nameOf(mark) }));
    return ofLane.filter(
      ({ x, text }, place) =>
        text !== '' && x + LABEL_PX + text.length * LETTER_PX < (ofLane[place + 1]?.x ?? Infinity) - LABEL_PX,
    );
  });
  return (
    <>
      {named.map(({ lane, x, text, places }) => (
        <text key={`${lane}${String(places[0])}`} class="mark-text" x={x + LABEL_PX} y={yOf(lane) + 4}>
          {text}
        </text>
      ))}
    </>
  );
}

function nameOf({ events, lane }: Mark): string {
  const [event] = events;
  const more = events.length > 1 ? ` +${String(events.length - 1)}` : '';
  if (event?.kind === 'status') return `${event.status}${more}`;
  if (event?.kind === 'signal')
    return `${event.signal.direction} ${event.signal.side}${event.signal.revision > 1 ? ` rev ${String(event.signal.revision)}` : ''}${more}`;
  return lane === 'status' && event?.kind === 'unreadable' ? 'unreadable' : '';
}

function MarkShape({ mark, onPick }: { readonly mark: Mark; readonly onPick: (places: readonly number[]) => void }) {
  const { lane, x, events, places } = mark;
  const words = describe(events);
  return (
    <g
      class={`mark-of ${lane}`}
      transform={`translate(${x.toFixed(1)} ${String(yOf(lane))})`}
      role="button"
      tabindex={0}
      aria-label={words}
      onClick={() => onPick(places)}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        onPick(places);
      }}
    >
      <title>{words}</title>
      <circle class="hit" r="14" />
      <Shape lane={lane} count={events.length} />
    </g>
  );
}

function Shape({ lane, count }: { readonly lane: Lane; readonly count: number }) {
  switch (lane) {
    case 'fill': {
      const radius = count === 1 ? 4.5 : Math.min(15, 7 + Math.sqrt(count));
      return (
        <>
          <circle class="shape" r={radius} />
          {count > 1 ? (
            <text class="count" y="3.5" text-anchor="middle">
              {count}
            </text>
          ) : null}
        </>
      );
    }
    case 'status':
      return <path class="shape" d="M0 -7 7 0 0 7 -7 0Z" />;
    case 'timer':
      return (
        <>
          <circle class="shape" r="7" />
          <path class="hand" d="M0 -4V0H3" />
        </>
      );
    case 'signal':
      return <rect class="shape" x="-7" y="-7" width="14" height="14" rx="3" />;
  }
}

function describe(events: readonly LifeEvent[]): string {
  const [event] = events;
  if (event === undefined) return '';
  const from = timeOfDay(event.at);
  if (events.length === 1) return `${from}: ${titleOf(event)}`;
  const last = events.at(-1)?.at ?? event.at;
  return `${from}, within ${spanOf(last - event.at)}: ${String(events.length)} of ${LANE_NAMES[event.kind === 'unreadable' ? 'status' : event.kind].toLowerCase()}`;
}

export function titleOf(event: LifeEvent): string {
  switch (event.kind) {
    case 'fill':
      return `fill, ${event.dir} ${event.sz} at ${event.px}`;
    case 'status':
      return `status ${event.status}, ${event.sz} of ${event.origSz} left`;
    case 'unreadable':
      return 'a record that can’t be read';
    case 'timer':
      return `timer: ${event.what}`;
    case 'signal':
      return `signal ${event.signal.direction} ${event.signal.side}, revision ${String(event.signal.revision)}`;
  }
}
