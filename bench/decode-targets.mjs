/**
 * @file What decode.mjs has to find to be content: the plan is the best variant or next to it, faster than NCCL where steps are short, steps come close to reading
 * their weights, and a cap, or NCCL, costs what was predicted.
 */
import { isUnfused } from '../dist/collective/all-reduce-rms-norm/unfused.js';
import { bytesRead } from '../dist/workload/weights/bytes-read.js';

/** Time of the plan over that of the best variant, at every batch. */
const NEAR_BEST = 1.01;
/** Throughput over NCCL's, at batches up to so many. */
const OVER_NCCL = 1.05;
const SHORT_BATCH = 32;
/** Time of a step at batch 1 over that of reading its weights once. */
const OVER_READING = 1.5;
/** Between what a variant costs and what was predicted, relative to the prediction. */
const PREDICTION = 1 / 3;
const PREDICTED = [
  ['fused-cap', 'the cap'],
  ['nccl', 'NCCL'],
];

/** Rows `[what, value, target, met]` for a result of `crossover decode`. `config` is the model's. */
export function judgeDecode(result, config) {
  const { rows, worldSize, bytesPerSecond } = result;
  const lines = [];
  for (const batch of new Set(rows.map((row) => row.batch))) {
    const of = (variant) => rows.find((row) => row.batch === batch && row.variant === variant);
    const plan = of('plan');
    const best = Math.min(...rows.filter((row) => row.batch === batch).map(({ us }) => us.median));
    const ratio = plan.us.median / best;
    lines.push([`batch ${batch}: plan over the best variant`, ratio, `<= ${NEAR_BEST}`, ratio <= NEAR_BEST]);
    const nccl = of('nccl');
    if (nccl && batch <= SHORT_BATCH) {
      const gain = nccl.us.median / plan.us.median;
      lines.push([`batch ${batch}: throughput over NCCL's`, gain, `>= ${OVER_NCCL}`, gain >= OVER_NCCL]);
    }
    if (batch === 1 && bytesPerSecond !== undefined) {
      const readUs = (1e6 * bytesRead(config, result, 1)) / bytesPerSecond;
      const over = plan.us.median / readUs;
      // With experts, a step at batch 1 reads so little that its kernels' latencies count.
      const target = config.moe ? undefined : OVER_READING;
      const met = target === undefined || over <= target;
      lines.push([
        'batch 1: step over reading its weights',
        over,
        target === undefined ? 'none' : `<= ${target}`,
        met,
      ]);
    }
    for (const [variant, name] of PREDICTED) {
      const row = of(variant);
      const loss = row?.predicted?.change;
      // What is within the noise of both says nothing.
      if (loss === undefined || -loss <= row.spread + plan.spread) continue;
      const part = row.change / loss;
      const met = Math.abs(part - 1) <= PREDICTION;
      lines.push([`batch ${batch}: what ${name} costs, over the prediction`, part, '0.67 to 1.33', met]);
    }
  }
  const hashes = new Map();
  for (const { batch, layout, rankOrder, tokensHash } of rows) {
    const name = `${batch} ${layout}`;
    if (rankOrder) hashes.set(name, (hashes.get(name) ?? new Set()).add(tokensHash));
  }
  const equal = [...hashes.values()].every((set) => set.size === 1);
  return [...lines, [`tokens on ${worldSize} ranks are equal`, equal ? 1 : 0, '1', equal]];
}

/** Bytes from which on unfused wins for a while, by a plan's ranges of the fused operation; undefined where fused wins to the end. */
export function crossoverOf(plan, hidden) {
  const entry = plan.entries.find(
    ({ key }) => key.operation === 'all_reduce_rms_norm' && key.hidden === hidden && key.mode === 'replay',
  );
  const ranges = entry?.ranges ?? [];
  const at = ranges.findIndex(
    ({ algorithm }, i) => i > 0 && isUnfused(algorithm) && !isUnfused(ranges[i - 1].algorithm),
  );
  return at < 0 ? undefined : ranges[at].from;
}
