/**
 * @file Local kernels: add and quantization, pieces of the unfused sequence; and touch, which stands for a model in benchmarks.
 */
import { Command, F8_TOKEN, I8_TOKEN, NVFP4 } from './command';
import { F16, F32, load1, load4, shift, shiftOf, store1, store8 } from './convert';
import { amaxOf, quantizeRow, tokenScale } from './quantize';
import { rows } from './world';

function addAs<K>(x: usize, y: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  for (let whole = count & ~7; i < whole; i += 8) {
    let at = i << shift<K>();
    let lo = f32x4.add(load4<K>(x + at, 0), load4<K>(y + at, 0));
    store8<K>(to + at, 0, lo, f32x4.add(load4<K>(x + at, 4), load4<K>(y + at, 4)));
  }
  for (; i < count; i++) {
    let at = i << shift<K>();
    store1<K>(to + at, load1<K>(x + at) + load1<K>(y + at));
  }
}

/** output = input + residual, `count` elements, in float32, rounded once. */
export function add(c: Command): bool {
  if (c.dtype == F32) addAs<f32>(c.input, c.residual, c.output, c.count);
  else if (c.dtype == F16) addAs<i16>(c.input, c.residual, c.output, c.count);
  else addAs<u16>(c.input, c.residual, c.output, c.count);
  return true;
}

function widenAs<K>(from: usize, to: usize, count: u32): void {
  let i: u32 = 0;
  for (let whole = count & ~3; i < whole; i += 4) v128.store(to + (i << 2), load4<K>(from + (i << shift<K>()), 0));
  for (; i < count; i++) store<f32>(to + (i << 2), load1<K>(from + (i << shift<K>())));
}

/** input [tokens, hidden] -> quantOut and scaleOut, as the fused kernels write them. */
export function quantize(c: Command): bool {
  let mode = c.quantization;
  let token = mode == F8_TOKEN || mode == I8_TOKEN;
  let bytes = c.hidden << shiftOf(c.dtype);
  let quantBytes = mode == NVFP4 ? c.hidden >> 1 : c.hidden;
  let scaleBytes: u32 = mode == NVFP4 ? c.hidden >> 4 : 4;
  for (let t: u32 = 0; t < c.tokens; t++) {
    let from = c.input + t * bytes;
    if (c.dtype == F32) widenAs<f32>(from, rows, c.hidden);
    else if (c.dtype == F16) widenAs<i16>(from, rows, c.hidden);
    else widenAs<u16>(from, rows, c.hidden);
    quantizeRow(
      mode, rows, 0, token ? tokenScale(mode, amaxOf(rows, c.hidden)) : c.scale,
      c.quantOut + t * quantBytes, c.scaleOut ? c.scaleOut + t * scaleBytes : 0, 0, 1, c.hidden,
    );
  }
  return true;
}

/**
 * What a model does around a collective, without its arithmetic: rewrites every cache line of `input` (`count` bytes), as the layer before
 * does, and reads every line of `output` (`tokens` bytes) and `residualOut` (`hidden` bytes), as the layer after does.
 * Without it, repeated collectives on the same buffers leave every line where its next reader is, and times are of a world without neighbours.
 */
export function touch(c: Command): bool {
  for (let i: u32 = 0; i < c.count; i += 64) store<u8>(c.input + i, load<u8>(c.input + i));
  let sum: u32 = 0;
  for (let i: u32 = 0; i < c.tokens; i += 64) sum += load<u8>(c.output + i);
  for (let i: u32 = 0; i < c.hidden; i += 64) sum += load<u8>(c.residualOut + i);
  store<u32>(rows, sum);
  return true;
}
