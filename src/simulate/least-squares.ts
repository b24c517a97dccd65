/**
 * @file Linear least squares for a handful of unknowns with lower bounds, by normal equations over scaled columns.
 */

/** rows [m][n], targets [m]; minimises the sum over rows of (row . x - target)^2. */
export interface LeastSquares {
  readonly rows: readonly (readonly number[])[];
  readonly targets: readonly number[];
  /** Lowest value allowed for each unknown. */
  readonly lower: readonly number[];
}

/** A pivot below this share of its scaled column means that columns depend on each other. */
const SINGULAR = 1e-9;

/**
 * The unknowns, or undefined when the rows do not determine them. An unknown that would fall below its bound is put on
 * it, lowest first, and the others are solved again.
 */
export function leastSquares({ rows, targets, lower }: LeastSquares): number[] | undefined {
  const n = lower.length;
  const held = new Set<number>();
  for (;;) {
    const free = lower.map((_, i) => i).filter((i) => !held.has(i));
    const rest = rows.map(
      (row, r) => targets[r]! - [...held].reduce((sum, i) => sum + row[i]! * lower[i]!, 0),
    );
    const solved = solve(
      rows.map((row) => free.map((i) => row[i]!)),
      rest,
    );
    if (solved === undefined) return undefined;
    const x = [...lower];
    for (const [k, i] of free.entries()) x[i] = solved[k]!;
    const below = free
      .filter((i) => x[i]! < lower[i]!)
      .sort((a, b) => x[a]! - lower[a]! - (x[b]! - lower[b]!));
    if (below.length === 0 || held.size === n) return x;
    held.add(below[0]!);
  }
}

function solve(rows: readonly (readonly number[])[], targets: readonly number[]): number[] | undefined {
  const n = rows[0]?.length ?? 0;
  const scale = Array.from({ length: n }, (_, i) => Math.hypot(...rows.map((row) => row[i]!)));
  if (scale.some((s) => s === 0)) return undefined;
  // [A^T A | A^T b] with unit columns.
  const matrix = scale.map((si, i) => [
    ...scale.map((sj, j) => rows.reduce((sum, row) => sum + (row[i]! / si) * (row[j]! / sj), 0)),
    rows.reduce((sum, row, r) => sum + (row[i]! / si) * targets[r]!, 0),
  ]);
  for (let i = 0; i < n; i++) {
    let pivot = i;
    for (let r = i + 1; r < n; r++) if (Math.abs(matrix[r]![i]!) > Math.abs(matrix[pivot]![i]!)) pivot = r;
    [matrix[i], matrix[pivot]] = [matrix[pivot]!, matrix[i]!];
    if (Math.abs(matrix[i]![i]!) < SINGULAR) return undefined;
    for (let r = 0; r < n; r++) {
      if (r === i) continue;
      const factor = matrix[r]![i]! / matrix[i]![i]!;
      for (let c = i; c <= n; c++) matrix[r]![c]! -= factor * matrix[i]![c]!;
    }
  }
  return matrix.map((row, i) => row[n]! / row[i]! / scale[i]!);
}
