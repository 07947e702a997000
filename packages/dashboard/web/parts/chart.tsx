// Lines over time, by uPlot, in the page's colours. A line differs from its neighbours by its dashes too.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { dayOf, timeOfDay } from '../../src/model/clock.ts';
import { isDark } from '../state.ts';

export type Line = {
  readonly name: string;
  /** A colour of the page: the name of a custom property, without its dashes. */
  readonly colour: 'accent' | 'good' | 'bad' | 'warn' | 'quiet';
  readonly dash?: readonly number[];
  readonly isStepped?: boolean;
  readonly isFilled?: boolean;
  readonly values: readonly (number | null)[];
};

export type ChartProps = {
  /** Says what it shows, to those who don't see it: with the newest figures in it. */
  readonly label: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly height: number;
  /** A figure at the axis and in the legend: drawn from rounded values, exact ones stand beside the chart. */
  readonly format: (value: number) => string;
  readonly startsAtZero?: boolean;
  /** Charts of one name move their cross-hair together. */
  readonly sync?: string;
};

export function Chart(props: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data: uPlot.AlignedData = [[...props.times], ...props.lines.map(({ values }) => [...values])];
  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(props, element), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: props.height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [isDark.value, props.height, props.lines.map(({ name }) => name).join()]);
  useEffect(() => {
    plot.current?.setData(data);
    if (plot.current !== null) showNewest(plot.current);
  }, [props.times, props.lines]);
  return <div class="chart" role="img" aria-label={props.label} ref={holder} />;
}

function optionsOf({ lines, height, format, startsAtZero = true, sync }: ChartProps, element: HTMLElement): uPlot.Options {
  const colours = coloursOf(element);
  const axis = {
    stroke: colours('ink-2'),
    font: `11px ${getComputedStyle(element).fontFamily}`,
    grid: { stroke: colours('line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(1, element.clientWidth),
    height,
    cursor: { ...(sync === undefined ? {} : { sync: { key: sync } }), points: { size: 7 }, drag: { x: false, y: false } },
    legend: { live: true },
    hooks: { setCursor: [showNewest], ready: [showNewest] },
    scales: { y: { range: (_, least, greatest) => rangeOf(least, greatest, startsAtZero) } },
    axes: [
      { ...axis, size: 30, space: 90, values: (_, splits) => splits.map(clockText) },
      { ...axis, size: 58, values: (_, splits) => splits.map(format) },
    ],
    series: [
      { label: 'Time', value: (_, seconds: number | null) => (seconds === null ? '–' : clockText(seconds)) },
      ...lines.map(({ name, colour, dash, isStepped = false, isFilled = false }): uPlot.Series => ({
        label: name,
        stroke: colours(colour),
        width: 1.6,
        points: { show: false },
        spanGaps: false,
        ...(dash === undefined ? {} : { dash: [...dash] }),
        ...(isFilled ? { fill: colours(`${colour}-wash`) } : {}),
        ...(isStepped && uPlot.paths.stepped !== undefined ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
        value: (_, value: number | null) => (value === null ? '–' : format(value)),
      })),
    ],
  };
}

/** While nothing is pointed at, the legend tells the newest figures. */
function showNewest(plot: uPlot): void {
  const last = plot.data[0].length - 1;
  if ((plot.cursor.idx ?? null) === null && last >= 0) plot.setLegend({ idx: last }, false);
}

function rangeOf(least: number | null, greatest: number | null, startsAtZero: boolean): [number, number] {
  const [low, high] = [startsAtZero ? 0 : Math.min(0, least ?? 0), Math.max(greatest ?? 0, 0)];
  const room = (high - low) * 0.08;
  return high === low ? [low, low + 5] : [low < 0 ? low - room : low, high + room];
}

function clockText(seconds: number): string {
  const date = new Date(seconds * 1_000);
  const isMidnight = date.getHours() + date.getMinutes() + date.getSeconds() === 0;
  return isMidnight ? dayOf(seconds * 1_000) : timeOfDay(seconds * 1_000).slice(0, 8);
}

/** What a custom property is as a colour here and now. */
function coloursOf(element: HTMLElement): (name: string) => string {
  const probe = element.appendChild(document.createElement('span'));
  const names = [
    'accent',
    'good',
    'bad',
    'warn',
    'quiet',
    'ink-2',
    'line',
    'accent-wash',
    'good-wash',
    'bad-wash',
    'warn-wash',
    'quiet-wash',
  ];
  const found = new Map(
    names.map((name) => {
      probe.style.color = `var(--${name})`;
      return [name, getComputedStyle(probe).color];
    }),
  );
  probe.remove();
  return (name) => found.get(name) ?? 'gray';
}
