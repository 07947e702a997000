// The arithmetic of the model: least squares whose coefficients are costs, and so never below nothing.

/** Rows of features, what was measured for each; names only count the features. */
export type Samples = { readonly features: readonly (readonly number[])[]; readonly measured: readonly number[] };

/**
 * The coefficients at or above 0 with the least sum of squared relative errors. There are few features, so each choice of those
 * that count is solved, and the best one without a negative coefficient is it. A sample of nothing tells nothing.
 */
export function fitCosts({ features, measured }: Samples): number[] {
  const width = features[0]?.length ?? 0;
  const rows = features
    .map((row, place) => row.map((value) => value / (measured[place] ?? 0)))
    .filter((_, place) => (measured[place] ?? 0) > 0);
  let best = { coefficients: new Array<number>(width).fill(0), error: Infinity };
  for (let chosen = 1; chosen < 2 ** width; chosen += 1) {
    const places = Array.from({ length: width }, (_, place) => place).filter((place) => (chosen & (1 << place)) !== 0);
    const solution = solve(places, rows);
    if (solution === null || solution.some((value) => value < 0)) continue;
    const coefficients = new Array<number>(width).fill(0);
    for (const [index, place] of places.entries()) coefficients[place] = solution[index] ?? 0;
    const error = rows.reduce((sum, row) => sum + (dot(row, coefficients) - 1) ** 2, 0);
    if (error < best.error) best = { coefficients, error };
  }
  return best.coefficients;
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, place) => sum + value * (b[place] ?? 0), 0);
}

/** Relative: 0.1 is a tenth too much. */
export function errorOf(predicted: number, measured: number): number {
  return predicted / measured - 1;
}

/** The normal equations of `rows · x = 1` over some features; null when they depend on each other. */
function solve(places: readonly number[], rows: readonly (readonly number[])[]): number[] | null {
  const at = (row: readonly number[], index: number): number => row[places[index] ?? 0] ?? 0;
  const matrix = places.map((_, i) => [
    ...places.map((__, j) => rows.reduce((sum, row) => sum + at(row, i) * at(row, j), 0)),
    rows.reduce((sum, row) => sum + at(row, i), 0),
  ]);
  for (let pivot = 0; pivot < matrix.length; pivot += 1) {
    const best = Array.from({ length: matrix.length - pivot }, (_, index) => pivot + index).reduce((a, b) =>
      Math.abs(matrix[b]?.[pivot] ?? 0) > Math.abs(matrix[a]?.[pivot] ?? 0) ? b : a,
    );
    const [row, other] = [matrix[best], matrix[pivot]];
    if (row === undefined || other === undefined || Math.abs(row[pivot] ?? 0) < Number.EPSILON * rows.length * scaleOf(row))
      return null;
    [matrix[pivot], matrix[best]] = [row, other];
    for (const [place, below] of matrix.entries()) {
      if (place === pivot) continue;
      const factor = (below[pivot] ?? 0) / (row[pivot] ?? 1);
      matrix[place] = below.map((value, column) => value - factor * (row[column] ?? 0));
    }
  }
  return matrix.map((row, place) => (row.at(-1) ?? 0) / (row[place] ?? 1));
}

function scaleOf(row: readonly number[]): number {
  return Math.max(...row.map(Math.abs), Number.MIN_VALUE);
}
