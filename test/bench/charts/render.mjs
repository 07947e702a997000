// Draws charts: a JSON array of {"spec": a Vega-Lite or Vega specification} on standard input, one of SVG texts on standard output.

import { text } from 'node:stream/consumers';
import { View, parse } from 'vega';
import { compile } from 'vega-lite';

const specs = JSON.parse(await text(process.stdin));
const drawn = [];
for (const spec of specs) {
  const vega = spec.$schema.includes('/vega-lite/') ? compile(spec).spec : spec;
  drawn.push(await new View(parse(vega), { renderer: 'none' }).toSVG());
}
process.stdout.write(JSON.stringify(drawn));
