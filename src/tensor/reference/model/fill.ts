/**
 * @file Random weights by a hash of their place in the whole matrix, written with whole numbers of any size, so that nothing wraps by itself.
 */

const WORD = 2n ** 32n;

/** The finalizer of MurmurHash3. */
function mixed(x: bigint): bigint {
  let h = x % WORD;
  h = ((h ^ (h / 2n ** 16n)) * 0x85ebca6bn) % WORD;
  h = ((h ^ (h / 2n ** 13n)) * 0xc2b2ae35n) % WORD;
  return h ^ (h / 2n ** 16n);
}

/** Element `index` of the whole matrix: a multiple of scale / 2^23 from -scale to below scale, rounded to float32. */
export function fillElement(index: bigint, seed: number, scale: number): number {
  const bits = mixed(mixed(mixed(BigInt(seed)) ^ (index % WORD)) ^ ((index / WORD) % WORD));
  return Math.fround((Number(bits / 256n) / 2 ** 23 - 1) * Math.fround(scale));
}

/** The part [rows, columns] from row `row` and column `column` on, of a matrix with `wholeColumns` columns. */
export function fill(part: {
  readonly rows: number;
  readonly columns: number;
  readonly wholeColumns: number;
  readonly row: number;
  readonly column: number;
  readonly seed: number;
  readonly scale: number;
}): Float64Array {
  const { rows, columns, wholeColumns, row, column, seed, scale } = part;
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [r, c] = [Math.floor(i / columns), i % columns];
    return fillElement(BigInt(row + r) * BigInt(wholeColumns) + BigInt(column + c), seed, scale);
  });
}
