/**
 * @file Fused all-reduce + residual + RMSNorm + quantization. One algorithm's results are held against the reference, and those of all
 * others against it, whatever subset of outputs they are asked for: fused or not, the bits are the same.
 */
import type { Request } from '../../../dist/collective/algorithm.js';
import { algorithmNamed } from '../../../dist/collective/catalog.js';
import type { Group } from '../../../dist/group/group.js';
import { decodeArray, encodeArray } from '../../../dist/tensor/formats/array.js';
import { addRounded } from '../../../dist/tensor/reference/add.js';
import { allReduceRounded } from '../../../dist/tensor/reference/all-reduce.js';
import { Buffers } from '../support/buffers.ts';
import { choiceLabel, choices } from '../support/cases.ts';
import type { ProgramData } from '../support/engines.ts';
import { differs } from '../support/expect.ts';
import {
  compare,
  dtypesOf,
  EVERYTHING,
  judge,
  type NormProblem,
  problemLabel,
  solve,
} from '../support/norm.ts';
import { type Combination, combinations, makeNormProblem, randomShape } from '../support/norm-problems.ts';
import { type Report, Session } from '../support/session.ts';

export interface FusedOptions {
  /** Every so many-th of all combinations of dtype, hidden size and quantization is tried. */
  readonly every: number;
}

/** What runs without a plan is the unfused program: its parts are tested by themselves. */
const BASELINE = 'without a plan';

export default function fused(group: Group, _args: string[], data: ProgramData<FusedOptions>): Report {
  const session = Session.open(group, data, 13);
  const { every } = data.options;
  const offset = group.size % every;
  for (const [i, combination] of combinations().entries()) {
    if (i % every === offset) solveAll(session, combination);
  }
  // Some that fit neither a stage nor the room for the rows between two passes, which has 32 rows of the CPU engine's: one less than the first rank's part.
  const tokens = session.comm.engine.name === 'cpu' ? 32 * Math.min(group.size, 4) + 2 : 130;
  solveAll(session, { dtype: 'bf16', hidden: 4096, quantization: 'f8e4m3_token' }, tokens);
  for (let i = 0; i < (group.size > 2 ? 1 : 3); i++)
    solveAll(session, { dtype: 'f16', hidden: 4096, quantization: 'none' }, tokens);
  return session.report();
}

function solveAll(session: Session, combination: Combination, tokens?: number): void {
  const { comm, shared } = session;
  const problem = makeNormProblem(shared, combination, comm.rank, tokens);
  const { dtype, hidden, quantization } = combination;
  const request: Request = {
    operation: 'all_reduce_rms_norm',
    dtype,
    worldSize: comm.worldSize,
    bytes: problem.input.length,
    hidden,
    quantization,
  };
  const buffers = new Buffers(comm, shared);
  const name = `x${comm.worldSize} ${problemLabel(problem)}`;
  const baseline = solve(problem, EVERYTHING, buffers, (operands) => comm.allReduceRmsNorm(operands));
  // Collective, because the reference needs every rank's input.
  const inputs = comm.group.gather(problem.input);
  if (session.isFirst) {
    const expected = residualOut(problem, inputs);
    session.check(`${name} ${BASELINE}: residualOut`, differs(dtype, baseline.residualOut!, expected));
    session.check(`${name} ${BASELINE}`, judge(problem, baseline));
  }
  for (const choice of choices(comm, shared, request, 8)) {
    const algorithm =
      typeof choice === 'string' ? algorithmNamed(request.operation, choice) : choice.algorithm;
    const random = randomShape(shared, quantization);
    const loose = algorithm.bits === 'unspecified';
    const shape = loose ? EVERYTHING : random;
    session.skew();
    const result = solve(problem, shape, buffers, (operands) =>
      comm.allReduceRmsNorm(operands, { algorithm: choice }),
    );
    const label = `${name} ${choiceLabel(choice)} residualOut ${shape.residualOut} out ${shape.out}`;
    if (loose) {
      // Its sums are tested by themselves; what follows from this rank's own has to be right, and no rank need have another's bits.
      session.check(label, judge(problem, result));
      continue;
    }
    if (algorithm.bits === 'rank-order') session.check(label, compare(problem, result, baseline));
    const dtypes = dtypesOf(problem);
    for (const part of ['residualOut', 'out', 'quantOut', 'scaleOut'] as const) {
      const bytes = result[part];
      if (bytes) session.sameOnAllRanks(`${label}: ${part}`, dtypes[part], bytes);
    }
  }
  session.check(name, buffers.free());
}

/** What the residual has to be afterwards, bit for bit. */
function residualOut({ dtype, residual }: NormProblem, inputs: readonly Uint8Array[]): Uint8Array {
  const sum = allReduceRounded(
    inputs.map((input) => decodeArray(dtype, input)),
    'sum',
    dtype,
  );
  return encodeArray(dtype, residual ? addRounded(sum, decodeArray(dtype, residual), dtype) : sum);
}
