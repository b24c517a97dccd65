/**
 * @file The numbers that torch.export's schema has for dtypes, layouts and memory formats.
 */
import type { GraphDType } from '../../ir/type.ts';

const DTYPES: ReadonlyMap<number, GraphDType> = new Map([
  [1, 'u8'],
  [2, 'i8'],
  [3, 'i16'],
  [4, 'i32'],
  [5, 'i64'],
  [6, 'f16'],
  [7, 'f32'],
  [8, 'f64'],
  [9, 'complex32'],
  [10, 'complex64'],
  [11, 'complex128'],
  [12, 'bool'],
  [13, 'bf16'],
  [28, 'u16'],
  [29, 'f8e4m3'],
  [30, 'f8e5m2'],
  [31, 'f8e4m3fnuz'],
  [32, 'f8e5m2fnuz'],
]);

const LAYOUTS = ['unknown', 'coo', 'csr', 'csc', 'bsr', 'bsc', 'mkldnn', 'strided'];
const MEMORY_FORMATS = ['unknown', 'contiguous', 'channels_last', 'channels_last_3d', 'preserve'];

/** Undefined for a number that the schema did not have when this was written. */
export function dtypeOf(code: number): GraphDType | undefined {
  return DTYPES.get(code);
}

export function dtypeText(code: number): string {
  return DTYPES.get(code) ?? `dtype ${code}`;
}

export function layoutText(code: number): string {
  return LAYOUTS[code] ?? `layout ${code}`;
}

export function memoryFormatText(code: number): string {
  return MEMORY_FORMATS[code] ?? `memory format ${code}`;
}
