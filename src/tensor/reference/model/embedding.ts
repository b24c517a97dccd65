/**
 * @file Rows of a table by number, of a table that is a part of a longer one: out[t] = table[ids[t] - start], zeros where that is none of its rows.
 */

/**
 * @param table [rows, hidden]
 * @param start number of the table's first row
 * @returns [tokens, hidden]
 */
export function embedding(
  table: Float64Array,
  ids: ArrayLike<number>,
  hidden: number,
  start: number,
): Float64Array {
  const rows = table.length / hidden;
  const out = new Float64Array(ids.length * hidden);
  for (let t = 0; t < ids.length; t++) {
    const row = ids[t]! - start;
    if (row >= 0 && row < rows) out.set(table.subarray(row * hidden, (row + 1) * hidden), t * hidden);
  }
  return out;
}
