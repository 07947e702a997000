// What all charts have in common: a light ground of their own, so that they read on a dark page too.

/** A Vega-Lite specification, which the library checks. */
export type Spec = Readonly<Record<string, unknown>>;

/** `name` is that of its file. */
export type Chart = { readonly name: string; readonly spec: Spec };

const CONFIG = {
  background: '#ffffff',
  padding: 12,
  aria: false,
  font: 'sans-serif',
  title: { anchor: 'start', fontSize: 13, fontWeight: 600, color: '#222222' },
  axis: { labelColor: '#333333', titleColor: '#333333', gridColor: '#e6e6e6', titleFontWeight: 400 },
  legend: { labelColor: '#333333', titleColor: '#333333' },
  view: { stroke: null },
};

export const BLUE = '#2f6db5';
export const ORANGE = '#d9772b';
export const GREY = '#8a8a8a';

export function chart(name: string, spec: Spec): Chart {
  return { name, spec: { $schema: 'https://vega.github.io/schema/vega-lite/v6.json', config: CONFIG, ...spec } };
}

/** Of a quantity by another on a logarithmic axis: a line a subject, with the range of its runs. */
export function lines(title: string, x: string, y: string, values: readonly object[]): Spec {
  const across = {
    field: 'x',
    type: 'quantitative',
    scale: { type: 'log' },
    title: x,
    axis: { format: '~s', labelOverlap: true },
  };
  const color = {
    field: 'subject',
    type: 'nominal',
    title: null,
    scale: { range: [BLUE, ORANGE, GREY] },
    legend: { orient: 'top' },
  };
  return {
    title,
    width: 460,
    height: 220,
    data: { values },
    layer: [
      {
        mark: { type: 'rule', opacity: 0.5 },
        encoding: { x: across, y: { field: 'least', type: 'quantitative' }, y2: { field: 'greatest' }, color },
      },
      {
        mark: { type: 'line', point: true },
        encoding: { x: across, y: { field: 'y', type: 'quantitative', title: y, scale: { zero: true } }, color },
      },
    ],
  };
}

/** One bar a row, the longest text in front. */
export function bars(title: string, x: string, values: readonly object[], height = 28): Spec {
  return {
    title,
    width: 460,
    height: { step: height },
    data: { values },
    layer: [
      {
        mark: { type: 'bar', color: BLUE },
        encoding: {
          y: { field: 'subject', type: 'nominal', sort: null, title: null, axis: { labelLimit: 300 } },
          x: { field: 'y', type: 'quantitative', title: x },
        },
      },
      {
        mark: { type: 'text', align: 'left', dx: 4 },
        encoding: {
          y: { field: 'subject', type: 'nominal', sort: null },
          x: { field: 'y', type: 'quantitative' },
          text: { field: 'text' },
        },
      },
    ],
  };
}
