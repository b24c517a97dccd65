/**
 * @file [all-reduce +] [residual +] RMSNorm [+ quantization] over rows of [tokens, hidden]: alone, one-shot, and two-shot.
 * The passes over a row are in rows.ts and quantize.ts; here is who does which rows, or which columns, and when ranks meet.
 */
import { Command, F8_TOKEN, I8_TOKEN, NONE, NVFP4 } from './command';
import { shiftOf } from './convert';
import { amaxOf, quantizeRow, tokenScale } from './quantize';
import { SEGMENT, gatherRow, normRow, rstd } from './rows';
import { copy, ownStage, stagesAtRank0 } from './stage';
import { barrier, meet } from './sync';
import { arenaStride, atRank0, partialBytes, partialStride, partials, rank, rows, rowsBytes, stageBytes, stageStride, worldSize } from './world';

// @ts-ignore: decorator
@inline
function perToken(mode: u32): bool {
  return mode == F8_TOKEN || mode == I8_TOKEN;
}

// @ts-ignore: decorator
@inline
function row(base: usize, token: u32, bytes: u32): usize {
  return base ? base + token * bytes : 0;
}

/** Bytes of a row of the quantized output, and of its scales. */
// @ts-ignore: decorator
@inline
function quantBytes(c: Command): u32 {
  return c.quantization == NVFP4 ? c.hidden >> 1 : c.hidden;
}

// @ts-ignore: decorator
@inline
function scaleBytes(c: Command): u32 {
  return c.quantization == NVFP4 ? c.hidden >> 4 : perToken(c.quantization) ? 4 : 0;
}

/** Where outputs go: this rank's own addresses, or all ranks' (given as rank 0's, one arena apart). */
// @ts-ignore: decorator
@inline
function target(address: usize, everywhere: bool): usize {
  return address && everywhere ? atRank0(address) : address;
}

/** All passes over tokens `from` to `to` by this rank alone. `source` is the address of token `first` in the first source. */
function wholeRows(
  c: Command, source: usize, sourceStride: usize, sources: u32, first: u32, from: u32, to: u32, everywhere: bool,
): void {
  let bytes = c.hidden << shiftOf(c.dtype);
  let mode = c.quantization;
  let outputs = everywhere ? worldSize : 1;
  let sums = partials + rank * partialStride;
  let segments = (c.hidden + SEGMENT - 1) / SEGMENT;
  for (let t = from; t < to; t++) {
    gatherRow(
      c.dtype, source + (t - first) * bytes, sourceStride, sources, row(c.residual, t, bytes),
      row(target(c.residualOut, everywhere), t, bytes), arenaStride, outputs, rows, sums, 0, c.hidden,
    );
    let total: f64 = 0;
    for (let s: u32 = 0; s < segments; s++) total += f64(load<f32>(sums + (s << 2)));
    let output = row(target(c.output, everywhere), t, bytes);
    normRow(
      c.dtype, rows, rstd(total, c.hidden, c.epsilon), c.weight, c.weightBias, c.castBeforeWeight != 0,
      output, arenaStride, outputs, mode != NONE, 0, c.hidden,
    );
    if (mode != NONE) {
      quantizeRow(
        mode, rows, 0, perToken(mode) ? tokenScale(mode, amaxOf(rows, c.hidden)) : c.scale,
        row(target(c.quantOut, everywhere), t, quantBytes(c)), row(target(c.scaleOut, everywhere), t, scaleBytes(c)),
        arenaStride, outputs, c.hidden,
      );
    }
  }
}

/** Local: `input` [+ residual] -> RMSNorm [-> quantization]; no other rank is involved. */
export function rmsNorm(c: Command): bool {
  wholeRows(c, c.input, 0, 1, 0, 0, c.tokens, false);
  return true;
}

/** One-shot: input staged, one barrier for a chunk of tokens, then every rank does every row by itself. */
export function fusedOneShot(c: Command): bool {
  let bytes = c.hidden << shiftOf(c.dtype);
  let chunk = max<u32>(1, min(c.chunkBytes, stageBytes) / bytes);
  let done: u32 = 0;
  do {
    let n = min(chunk, c.tokens - done);
    copy(ownStage(), c.input + done * bytes, n * bytes);
    if (!meet(c.signature)) return false;
    wholeRows(c, stagesAtRank0(), stageStride, worldSize, done, done, done + n, false);
    done += n;
  } while (done < c.tokens);
  return true;
}

/** Two-shot by rows: a rank reduces, normalizes and quantizes its share of the tokens and writes the results to all ranks. */
export function fusedTwoShot(c: Command): bool {
  if (!meet(c.signature)) return false;
  let share = (c.tokens + worldSize - 1) / worldSize;
  let from = min(rank * share, c.tokens);
  wholeRows(c, atRank0(c.input), arenaStride, worldSize, 0, from, min(from + share, c.tokens), true);
  barrier();
  return true;
}

/**
 * Two-shot by columns, for fewer tokens than would keep all ranks busy: a rank has a share of the columns of every token. Ranks exchange
 * their sums of squares (and largest magnitudes, for scales per token) between the passes.
 */
export function fusedTwoShotColumns(c: Command): bool {
  if (!meet(c.signature)) return false;
  let bytes = c.hidden << shiftOf(c.dtype);
  let mode = c.quantization;
  let segments = (c.hidden + SEGMENT - 1) / SEGMENT;
  let share = (segments + worldSize - 1) / worldSize;
  let from = min(rank * share * SEGMENT, c.hidden);
  let to = min(from + share * SEGMENT, c.hidden);
  let kept = share * SEGMENT << 2;
  let chunk = max<u32>(1, min(rowsBytes / kept, partialBytes / ((segments + 1) << 2)));
  let sums = partials + rank * partialStride;
  let maxima = chunk * segments << 2;
  for (let done: u32 = 0; done < c.tokens; done += chunk) {
    let n = min(chunk, c.tokens - done);
    for (let t: u32 = 0; t < n; t++) {
      gatherRow(
        c.dtype, atRank0(c.input) + (done + t) * bytes, arenaStride, worldSize, row(c.residual, done + t, bytes),
        row(target(c.residualOut, true), done + t, bytes), arenaStride, worldSize, rows + t * kept, sums + (t * segments << 2), from, to,
      );
    }
    barrier();
    for (let t: u32 = 0; t < n; t++) {
      let total: f64 = 0;
      for (let s: u32 = 0; s < segments; s++) total += f64(load<f32>(partials + (s / share) * partialStride + ((t * segments + s) << 2)));
      let output = row(target(c.output, true), done + t, bytes);
      let keep = rows + t * kept;
      normRow(
        c.dtype, keep, rstd(total, c.hidden, c.epsilon), c.weight, c.weightBias, c.castBeforeWeight != 0,
        output, arenaStride, worldSize, mode != NONE, from, to,
      );
      if (perToken(mode)) store<f32>(sums + maxima + (t << 2), amaxOf(keep, to - from));
    }
    if (perToken(mode)) barrier();
    if (mode != NONE) {
      for (let t: u32 = 0; t < n; t++) {
        let scale = c.scale;
        if (perToken(mode)) {
          let amax: f32 = 0;
          for (let r: u32 = 0; r < worldSize; r++) amax = max(amax, load<f32>(partials + r * partialStride + maxima + (t << 2)));
          scale = tokenScale(mode, amax);
        }
        quantizeRow(
          mode, rows + t * kept, from, scale, row(target(c.quantOut, true), done + t, quantBytes(c)),
          row(target(c.scaleOut, true), done + t, scaleBytes(c)), arenaStride, worldSize, to - from,
        );
      }
    }
    barrier();
  }
  return true;
}
