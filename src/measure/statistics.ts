/**
 * @file Statistics of repeated timings on machines that are shared: medians and their confidence, never means.
 */

export interface Estimate {
  /** Median of the samples. */
  readonly median: number;
  /** Half the width of the 95 % confidence interval of the median. */
  readonly spread: number;
  /** The interval's ends. */
  readonly low: number;
  readonly high: number;
  readonly samples: number;
}

/**
 * Median with a distribution-free confidence interval: the order statistics about 0.98 sqrt(n) away from the middle bound the median
 * with 95 % confidence (binomial, normal approximation), whatever the shape of the noise.
 */
export function estimate(samples: readonly number[]): Estimate {
  const sorted = [...samples].sort((a, b) => a - b);
  const n = sorted.length;
  if (n === 0)
    return { median: Number.NaN, spread: Number.NaN, low: Number.NaN, high: Number.NaN, samples: 0 };
  const middle = (sorted[(n - 1) >> 1]! + sorted[n >> 1]!) / 2;
  const from = Math.max(0, Math.floor(n / 2 - 0.98 * Math.sqrt(n)));
  const low = sorted[from]!;
  const high = sorted[n - 1 - from]!;
  return { median: middle, spread: (high - low) / 2, low, high, samples: n };
}

/** Median of a list, NaN when it is empty. */
export function median(values: readonly number[]): number {
  return estimate(values).median;
}
