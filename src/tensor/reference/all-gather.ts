/**
 * @file All-gather: every rank gets all ranks' parts, one after the other in rank order. Nothing is computed, so nothing
 * is rounded, and bits (NaN payloads too) arrive as they were sent.
 */
import { checkRanks } from './ranks.ts';

/**
 * @param inputs one array a rank, all of n elements
 * @returns ranks * n elements: rank r's part at r * n
 * @throws when there is no rank or lengths differ
 */
export function allGather(inputs: readonly Float64Array[]): Float64Array {
  const part = checkRanks(inputs);
  const result = new Float64Array(part * inputs.length);
  for (const [rank, input] of inputs.entries()) result.set(input, rank * part);
  return result;
}
