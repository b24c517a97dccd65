/**
 * @file Kernel arguments: one struct, whose fields follow each other as C lays them out.
 */

export type Field = { readonly u32: number } | { readonly u64: number };

export const u32 = (value: number): Field => ({ u32: value });
export const u64 = (value: number): Field => ({ u64: value });

/** Writes the fields, each at a multiple of its size, and returns how many bytes they take. */
export function writeStruct(view: DataView, fields: readonly Field[]): number {
  let at = 0;
  for (const field of fields) {
    if ('u32' in field) {
      view.setUint32(at, field.u32, true);
      at += 4;
    } else {
      at = Math.ceil(at / 8) * 8;
      view.setBigUint64(at, BigInt(field.u64), true);
      at += 8;
    }
  }
  return at;
}
