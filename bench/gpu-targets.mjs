/**
 * @file What gpu.mjs has to find on 4x H200 to be content, and how far it is from it. All ratios are ours over the fastest peer of the
 * table, recorded ones included; times are us an operation.
 */
import { geometricMean } from '../dist/report/versus-tables.js';

const KIB = 1 << 10;
const MIB = 1 << 20;

/** Of the bound that the links set: 2(N-1)/N of the message leaves every GPU. */
const ALL_REDUCE = {
  2: { mean: 0.72, worst: 0.85, us: {} },
  4: { mean: 0.68, worst: 0.8, us: { [8 * KIB]: 2.0, [256 * KIB]: 4.0, [MIB]: 6.5, [4 * MIB]: 20 } },
};
const FUSED = { worst: 0.62, us: { 4: { [8 * KIB]: 2.9, [256 * KIB]: 5.2, [MIB]: 8.5 } } };
const MOVE = { worst: 0.7 };
const QUANTIZED_US = 0.2;

/** The target of one row, as `{ ratio?, us? }`. */
export function targetOf(world, { operation, hidden, bytes }, linkGBs) {
  const small = bytes >= 8 * KIB && bytes <= 4 * MIB;
  if (operation === 'all_reduce') {
    const { worst, us } = ALL_REDUCE[world] ?? { us: {} };
    if (small) return { ratio: worst, us: us[bytes] };
    if (bytes === 8 * MIB || bytes === 16 * MIB) return { ratio: 0.82 };
    if (bytes > 16 * MIB) return { ratio: 1, us: linkGBs && 1.04 * allReduceBound(world, bytes, linkGBs) };
    return {};
  }
  if (operation === 'all_reduce_rms_norm')
    return bytes <= 4 * MIB
      ? { ratio: FUSED.worst, us: hidden === 4096 ? FUSED.us[world]?.[bytes] : undefined }
      : {};
  return small ? { ratio: MOVE.worst } : bytes > 4 * MIB ? { ratio: 1 } : {};
}

/** us that the links need at least, when every GPU sends at `linkGBs`. */
export function allReduceBound(world, bytes, linkGBs) {
  return ((2 * (world - 1)) / world) * (bytes / linkGBs / 1e3);
}

/** Whether a row meets its target: undefined when there is none, or nothing to compare with. */
export function judge({ us, ratio, target }) {
  const checks = [];
  if (target.ratio !== undefined && ratio !== undefined) checks.push(ratio <= target.ratio);
  if (target.us !== undefined) checks.push(us <= target.us);
  return checks.length === 0 ? undefined : checks.every(Boolean);
}

/** Lines about all rows of a world together: `[what, value, target, met]`. */
export function summarize(world, rows, few, linkGBs, hostCosts) {
  const lines = [];
  const ratios = rows.filter(
    ({ operation, bytes, ratio }) =>
      operation === 'all_reduce' && bytes >= 8 * KIB && bytes <= 4 * MIB && ratio !== undefined,
  );
  const goal = ALL_REDUCE[world];
  if (ratios.length > 0 && goal) {
    const mean = geometricMean(ratios.map(({ ratio }) => ratio));
    lines.push(['all_reduce 8K..4M, geometric mean', mean, goal.mean, mean <= goal.mean]);
  }
  const fused = rows.filter(
    ({ operation, hidden }) => operation === 'all_reduce_rms_norm' && hidden === 4096,
  );
  const gaps = fused
    .filter(({ quantization }) => quantization !== 'none')
    .flatMap((row) => {
      const plain = fused.find(({ quantization, bytes }) => quantization === 'none' && bytes === row.bytes);
      return plain ? [row.us - plain.us] : [];
    });
  if (gaps.length > 0) {
    const most = Math.max(...gaps);
    lines.push(['FP8 output over plain, us at most', most, QUANTIZED_US, most <= QUANTIZED_US]);
  }
  for (const { operation, bytes, us } of few) {
    // A fraction of what the links carry, by few multiprocessors.
    const bound = ((world - 1) / world) * (bytes / linkGBs / 1e3) * (operation === 'all_reduce' ? 2 : 1);
    lines.push([`${operation} with at most 8 blocks, of the link`, bound / us, 0.95, bound / us >= 0.95]);
  }
  if (hostCosts) {
    lines.push(['host: enqueue an all-reduce, us', hostCosts.enqueueUs, 6, hostCosts.enqueueUs <= 6]);
    // The GPU's time is part of it, so this may exceed 4 us where the host's share does not.
    lines.push(['host: replay of one, with its wait, us', hostCosts.replayUs, 4, hostCosts.replayUs <= 4]);
  }
  return lines;
}
