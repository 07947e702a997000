// The parts of docs/PERFORMANCE.md that are made from the history, each between its marks:
//
//   <!-- measured: NAME -->   …   <!-- /measured -->
//
// P1  A part whose bench was never recorded keeps what is there.
// P2  A part holds nothing but figures of the history, and charts that were drawn from it.

import { median, type Bench, type Entry, type Figure } from '../history/entry.ts';
import { latestOf } from '../history/history.ts';
import { keyOf, setupOf, type AXES } from './drawings.ts';

/** What a part is made of: `charts` are the names of those drawn. */
type Part = (history: readonly Entry[], charts: ReadonlySet<string>) => readonly string[] | null;

const MARKED = /(<!-- measured: ([\w-]+) -->\n)[^]*?(<!-- \/measured -->)/g;

const PARTS: Readonly<Record<string, Part>> = {
  history: (_, charts) => image(charts, 'history', 'Throughput of each recorded run over its baseline'),
  journals: tableOf('journals'),
  kafka: tableOf('kafka'),
  extremes: tableOf('extremes'),
  replay: tableOf('replay'),
  live: tableOf('live'),
  gateway: tableOf('gateway'),
  dashboard: tableOf('dashboard'),
  redis: tableOf('redis'),
  growth: growthPart,
  profile: profilePart,
  model: modelPart,
  sizes: sizesPart,
};

export function pageOf(page: string, history: readonly Entry[], charts: ReadonlySet<string>): string {
  return page.replaceAll(MARKED, (whole: string, begin: string, name: string, end: string) => {
    const part = PARTS[name];
    if (part === undefined)
      throw new RangeError(`docs/PERFORMANCE.md has marks of \`${name}\`, expected one of ${Object.keys(PARTS).join(', ')}`);
    const lines = part(history, charts);
    return lines === null ? whole : `${begin}${lines.join('\n')}\n${end}`;
  });
}

/** Names of the charts that a page shows. */
export function chartsIn(page: string): string[] {
  return Array.from(page.matchAll(/\]\(performance\/([\w-]+)\.svg\)/g), ([, name = '']) => name);
}

function image(charts: ReadonlySet<string>, name: string, text: string): string[] | null {
  return charts.has(name) ? [`![${text}](performance/${name}.svg)`] : null;
}

/** Where, when and how it was measured. */
function circumstances({ date, version, revision, machine, settings, baseline }: Entry): string {
  const set = Object.entries(settings)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? value.toLocaleString('en') : String(value)}`)
    .join(', ');
  return (
    `${date.slice(0, 10)}, version ${version}${revision === null ? '' : ` (${revision})`}; ${machine.cpu}, ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB, Node ${machine.node}, Kafka ${machine.kafka}, `
    + `load ${String(machine.loadBefore)} before and ${String(machine.loadAfter)} after; ${set}.${baseline === '' ? '' : ` Baseline: ${baseline}.`}`
  );
}

function tableOf(bench: Bench): Part {
  return (history) => {
    const entry = latestOf(history, bench);
    if (entry === null) return null;
    const measures = [...new Set(entry.figures.map(headOf))];
    const rows = Map.groupBy(entry.figures, ({ subject, at }) => [subject, setupOf(at)].filter((text) => text !== '').join(', '));
    return [
      circumstances(entry),
      '',
      `| | ${measures.join(' | ')} | × baseline |`,
      `|${'---|'.repeat(measures.length + 2)}`,
      ...Array.from(rows, ([name, figures]) => {
        const cells = measures.map((measure) =>
          figures
            .filter((each) => headOf(each) === measure)
            .map(cell)
            .join(' '),
        );
        return `| ${[name, ...cells, figures.flatMap(({ ratio }) => (ratio === null ? [] : [ratio.toFixed(2)])).join(', ')].join(' | ')} |`;
      }),
    ];
  };
}

/** With its unit, where the measure doesn't name that. */
function headOf({ measure, unit }: Figure): string {
  return measure.split(' ').includes(unit) ? measure : `${measure}, ${unit}`;
}

/** The median, and between which values the runs lay. */
function cell({ runs }: Figure): string {
  const middle = number(median(runs));
  return runs.length === 1 ? middle : `${middle} (${number(Math.min(...runs))}–${number(Math.max(...runs))})`;
}

function number(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)).toString();
}

/** Why a cost grows, where it does. */
const BOUNDS: Readonly<Record<keyof typeof AXES, string>> = {
  addresses: 'a profile that was touched is written with the next checkpoint, and more of them are touched between two',
  partitions: 'each has batches, commits and checkpoints of its own, smaller for the same records',
  pending: 'an order under way is a slot, a timer and a body that outlive the young generation of the heap',
  fills: 'an order keeps the identity of each fill, and its body is written whole by each checkpoint',
  backlog: "a loop holds a batch at a time, so what waits is the log's",
};

function growthPart(history: readonly Entry[], charts: ReadonlySet<string>): readonly string[] | null {
  const entry = latestOf(history, 'growth');
  if (entry === null) return null;
  const axes = Object.entries(BOUNDS).flatMap(([axis, bound]) => {
    const told = ['memory', 'embedded'].flatMap((subject) =>
      grown(
        entry.figures.filter((each) => each.measure === axis && each.subject === subject),
        axis,
        subject,
      ),
    );
    return told.length === 0
      ? []
      : [
          '',
          ...(image(charts, `growth-${axis}`, `Cost of a record by ${axis}`) ?? []),
          '',
          `${told.join('. ')}. What can make it grow: ${bound}.`,
        ];
  });
  return [circumstances(entry), ...axes];
}

function grown(figures: readonly Figure[], axis: string, subject: string): string[] {
  const [first, last] = [figures[0], figures.at(-1)];
  if (first === undefined || last === undefined || first === last) return [];
  const times = (last.ratio ?? NaN) / (first.ratio ?? NaN);
  const verdict = times < 1.15 && times > 1 / 1.15 ? 'flat' : times > 1 ? 'grows' : 'falls';
  return [
    `${subject === 'memory' ? 'In memory' : 'On the embedded pair'} it ${verdict === 'flat' ? 'stays flat' : verdict} from ${number(Number(first.at[axis]))} to ${number(Number(last.at[axis]))}: `
      + `× ${times.toFixed(2)} (${number(median(first.runs))} and ${number(median(last.runs))} µs)`,
  ];
}

function profilePart(history: readonly Entry[], charts: ReadonlySet<string>): readonly string[] | null {
  const entry = latestOf(history, 'profile');
  if (entry === null) return null;
  const subjects = [...new Set(entry.figures.map(({ subject }) => subject))];
  const phases = [...new Set(entry.figures.flatMap(({ at }) => (at['phase'] === undefined ? [] : [String(at['phase'])])))];
  const of = (subject: string, phase: string): Figure | undefined =>
    entry.figures.find((each) => each.subject === subject && each.at['phase'] === phase);
  const cells = (phase: string): string =>
    subjects
      .map((subject) => `${number(of(subject, phase)?.runs[0] ?? 0)} (${(100 * (of(subject, phase)?.ratio ?? 0)).toFixed(0)} %)`)
      .join(' | ');
  return [
    circumstances(entry),
    '',
    ...(image(charts, 'phases', 'CPU time of a record by phase') ?? []),
    '',
    `| µs a record | ${subjects.join(' | ')} |`,
    `|${'---|'.repeat(subjects.length + 1)}`,
    ...phases.map((phase) => `| ${phase} | ${cells(phase)} |`),
    '',
    ...['kafka', 'embedded'].flatMap((name) => image(charts, `flame-${name}`, `Flame graph, ${name}`) ?? []),
  ];
}

function modelPart(history: readonly Entry[], charts: ReadonlySet<string>): readonly string[] | null {
  const entry = latestOf(history, 'model');
  if (entry === null) return null;
  const predictions = new Map(entry.figures.filter(({ subject }) => subject === 'predicted').map((each) => [keyOf(each), each]));
  const rows = entry.figures
    .filter(({ subject }) => subject === 'measured')
    .map((measured) => {
      const predicted = median(predictions.get(keyOf(measured))?.runs ?? []);
      return { measured, predicted, error: predicted / median(measured.runs) - 1 };
    });
  const errors = Map.groupBy(
    rows.filter(({ measured }) => measured.at['used'] === 'to check'),
    ({ measured }) => measured.measure,
  );
  return [
    circumstances(entry),
    '',
    ...(image(charts, 'model-throughput', 'Throughput, foretold and measured') ?? []),
    ...(image(charts, 'model-cpu', 'CPU, foretold and measured') ?? []),
    '',
    "| error of the points it wasn't fitted on | points | median | worst |",
    '|---|---|---|---|',
    ...Array.from(errors, ([measure, judged]) => {
      const sizes = judged.map(({ error }) => Math.abs(error));
      const worst = judged.reduce((a, b) => (Math.abs(b.error) > Math.abs(a.error) ? b : a));
      return `| ${measure} | ${String(judged.length)} | ${percent(median(sizes))} | ${percent(worst.error)} (${setupOf(worst.measured.at)}) |`;
    }),
    '',
    '| | at | used | measured | predicted | error |',
    '|---|---|---|---|---|---|',
    ...rows.map(
      ({ measured, predicted, error }) =>
        `| ${measured.measure}, ${measured.unit} | ${setupOf(measured.at)} | ${String(measured.at['used'])} | ${cell(measured)} | ${number(predicted)} | ${percent(error)} |`,
    ),
    '',
    '| what the model is made of | | |',
    '|---|---|---|',
    ...entry.figures
      .filter(({ subject, at }) => Object.keys(at).length === 0 && subject !== 'measured')
      .map((each) => `| ${each.subject} | ${each.measure} | ${cell(each)} ${each.unit} |`),
  ];
}

function percent(error: number): string {
  return `${String(Math.round(100 * error) || 0)} %`;
}

function sizesPart(history: readonly Entry[]): readonly string[] | null {
  const entry = latestOf(history, 'model');
  const needed = entry?.figures.filter(({ subject }) => subject === 'needed') ?? [];
  if (entry === null || needed.length === 0) return null;
  const loads = [...new Set(needed.map(({ at }) => String(at['load'])))];
  const measures = [...new Set(needed.map(headOf))];
  const latencies = entry.figures.filter(({ subject }) => subject === 'latency');
  const rate = (load: string): number =>
    Math.round(median(needed.find(({ measure, at }) => measure === 'load' && at['load'] === load)?.runs ?? []));
  const value = (measure: string, load: string): string =>
    needed
      .filter((each) => headOf(each) === measure && each.at['load'] === load)
      .map(cell)
      .join('');
  const near = (load: string, measure: string): string => {
    const found = latencies
      .filter((each) => each.measure === measure && Math.abs(Number(each.at['load']) / rate(load) - 1) < 0.05)
      .map(cell)
      .join('');
    return found === '' ? 'not measured' : found;
  };
  return [
    `| | ${loads.join(' | ')} |`,
    `|${'---|'.repeat(loads.length + 1)}`,
    ...measures.map((measure) => `| ${measure} | ${loads.map((load) => value(measure, load)).join(' | ')} |`),
    ...['p50', 'p99'].map(
      (measure) =>
        `| latency at this rate on this machine, measured, ${measure}, ms | ${loads.map((load) => near(load, measure)).join(' | ')} |`,
    ),
  ];
}
