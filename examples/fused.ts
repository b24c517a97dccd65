/**
 * @file What stands between two layers of a tensor-parallel model, in one call: all-reduce of the partial sums, residual add and RMSNorm.
 * Calls it once, then records four of it and replays the recording as a server would; both are checked against float64.
 *
 *   $ crossover run examples/fused.ts --ranks 2
 */
import { createCommunicator, type Group } from 'crossover';

const TOKENS = 8;
const HIDDEN = 4096;
const EPSILON = 1e-6;

export default function main(group: Group): void {
  const comm = createCommunicator(group);
  const shape = [TOKENS, HIDDEN];
  // Each rank has partial sums of its own; the residual stream and the weights are the same everywhere.
  const input = comm.tensor('bf16', shape, wave(group.rank, TOKENS * HIDDEN));
  const residual = comm.tensor('bf16', shape, wave(100, TOKENS * HIDDEN));
  const weight = comm.tensor('bf16', [HIDDEN], new Float64Array(HIDDEN).fill(1.5));
  const out = comm.empty('bf16', shape);

  // One call: adds the sum over the ranks to the residual, in place, and writes the normalized rows to `out`.
  let expected = reference([...group.gather(input.read()), residual.read()], weight.read());
  comm.allReduceRmsNorm({ input, residual, weight, epsilon: EPSILON, out });
  const once = worstDifference(out.read(), expected);

  // A recording is cheaper than calls. With zeros as input, the residual stays what it is however often it is replayed.
  input.write(new Float64Array(input.count));
  expected = reference([residual.read()], weight.read());
  const step = comm.capture(() => {
    for (let layer = 0; layer < 4; layer++) {
      comm.allReduceRmsNorm({ input, residual, weight, epsilon: EPSILON, out });
    }
  });
  step.replay(10);
  const replayed = worstDifference(out.read(), expected);

  if (group.rank === 0) {
    console.log(`[${shape}] on ${group.size} ranks: called once, within ${once.toFixed(4)} of float64`);
    console.log(`${step.launches} launches replayed 10 times: within ${replayed.toFixed(4)}`);
  }
  // Outputs are of magnitude 1, and bf16 keeps 8 bits of the sum, of the residual and of the output.
  if (!(once < 0.06 && replayed < 0.06)) throw new Error(`rank ${group.rank}: wrong by ${once}, ${replayed}`);
  step.close();
  comm.close();
}

function wave(phase: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.sin(i * 0.37 + phase));
}

/** RMSNorm of the sum of all terms, without any rounding on the way. */
function reference(terms: readonly Float64Array[], weight: Float64Array): Float64Array {
  const result = new Float64Array(TOKENS * HIDDEN);
  for (let start = 0; start < result.length; start += HIDDEN) {
    const row = weight.map((_, i) => terms.reduce((sum, term) => sum + term[start + i]!, 0));
    const rms = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / HIDDEN + EPSILON);
    result.set(
      row.map((value, i) => (value / rms) * weight[i]!),
      start,
    );
  }
  return result;
}

function worstDifference(actual: Float64Array, expected: Float64Array): number {
  return actual.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i]!)), 0);
}
