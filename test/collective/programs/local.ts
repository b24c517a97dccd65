/**
 * @file The operations that need no other rank: every rank does other ones than its peers, and none waits.
 */
import type { Group } from '../../../dist/group/group.js';
import { REDUCIBLE_DTYPES } from '../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray } from '../../../dist/tensor/formats/array.js';
import { addRounded } from '../../../dist/tensor/reference/add.js';
import { quantizeRounded } from '../../../dist/tensor/reference/quantize.js';
import { Buffers } from '../support/buffers.ts';
import { SMALL_COUNTS } from '../support/cases.ts';
import { elements, FLAVOURS } from '../support/data.ts';
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
import {
  type Combination,
  combinations,
  edgesOfScales,
  makeNormProblem,
  randomShape,
} from '../support/norm-problems.ts';
import { type Report, Session } from '../support/session.ts';

export default function local(group: Group, _args: string[], data: ProgramData): Report {
  const session = Session.open(group, data, 14);
  for (const [i, combination] of combinations().entries()) {
    if (i % group.size !== group.rank) continue;
    norm(session, combination);
    quantizeOne(session, makeNormProblem(session.own, combination, 0));
  }
  for (const [i, problem] of edgesOfScales().entries()) {
    if (i % group.size === group.rank) quantizeOne(session, problem);
  }
  for (let i = group.rank; i < 60; i++) add(session, i);
  // Ranks compare what they meet in, and what they did before that is not part of it.
  session.comm.meet();
  session.comm.engine.synchronize();
  return session.report();
}

function norm(session: Session, combination: Combination): void {
  const { comm, own } = session;
  const problem = makeNormProblem(own, combination, 0);
  const buffers = new Buffers(comm, own);
  const everything = solve(problem, EVERYTHING, buffers, (operands) => comm.rmsNorm(operands));
  const label = `rms_norm ${problemLabel(problem)}`;
  session.check(
    `${label}: residualOut`,
    differs(problem.dtype, everything.residualOut!, withResidual(problem)),
  );
  session.check(label, judge(problem, everything));
  const shape = randomShape(own, combination.quantization);
  const some = solve(problem, shape, buffers, (operands) => comm.rmsNorm(operands));
  session.check(`${label} ${JSON.stringify(shape)}`, compare(problem, some, everything));
  session.check(label, buffers.free());
}

/** Rounding once more changes nothing but NaN, which becomes the canonical one. */
function withResidual({ dtype, input, residual }: NormProblem): Uint8Array {
  const x = decodeArray(dtype, input);
  return encodeArray(dtype, residual ? addRounded(x, decodeArray(dtype, residual), dtype) : x);
}

function quantizeOne(session: Session, problem: NormProblem): void {
  const { comm, own } = session;
  const { dtype, hidden, quantization, scale } = problem;
  if (quantization === 'none') return;
  const buffers = new Buffers(comm, own);
  // All that can be in a row, its NaN too, as it is: nothing normalizes it before.
  const result = solve(problem, EVERYTHING, buffers, ({ input, quantOut, scaleOut }) =>
    comm.quantize({ input, quantization, quantOut, scaleOut, scale }),
  );
  const expected = quantizeRounded(decodeArray(dtype, problem.input), hidden, quantization, scale);
  const label = `quantize ${problemLabel(problem)}`;
  session.check(label, differs(dtypesOf(problem).quantOut, result.quantOut!, expected.bytes));
  if (result.scaleOut) {
    session.check(`${label}: scales`, differs(expected.scaleDtype, result.scaleOut, expected.scaleBytes));
  }
  session.check(label, buffers.free());
}

function add(session: Session, i: number): void {
  const { comm, own } = session;
  const dtype = REDUCIBLE_DTYPES[i % REDUCIBLE_DTYPES.length]!;
  const count = own.pick([...SMALL_COUNTS, 5000]);
  const [a, b] = [own, own].map((random) => elements(dtype, count, random.pick(FLAVOURS), random.seed()));
  const buffers = new Buffers(comm, own);
  const [x, y] = [buffers.make(dtype, [count], a), buffers.make(dtype, [count], b)];
  const out = own.pick([x, y, buffers.make(dtype, [count])]);
  comm.add(x, y, out);
  const expected = encodeArray(dtype, addRounded(decodeArray(dtype, a!), decodeArray(dtype, b!), dtype));
  session.check(`add ${dtype} ${count}`, differs(dtype, out.readBytes(), expected));
  session.check(`add ${dtype} ${count}`, buffers.free());
}
