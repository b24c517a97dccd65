/**
 * @file What the operations on rows refuse, fused or local.
 */
import type { NormOperands } from '../../../dist/collective/fused.js';
import type { Group } from '../../../dist/group/group.js';
import type { Quantization } from '../../../dist/operations.js';
import type { ProgramData } from '../support/engines.ts';
import { type Refusal, refuseAll } from '../support/refusals.ts';
import { type Report, Session } from '../support/session.ts';

const NAN = Number.NaN;
const INFINITY = Number.POSITIVE_INFINITY;

export default function refusals(group: Group, _args: string[], data: ProgramData): Report {
  const session = Session.open(group, data);
  const { comm } = session;
  const maxHidden = comm.engine.maxHidden;

  const input = comm.empty('f32', [4, 16]);
  const out = comm.empty('f32', [4, 16]);
  const residual = comm.empty('f32', [4, 16]);
  const weight = comm.empty('f32', [16]);
  const half = comm.empty('f16', [4, 16]);
  // Two neighbours in one, to make overlaps of.
  const double = comm.empty('f32', [8, 16]);
  const first = double.view(0, [4, 16]);
  const shifted = double.view(16, [4, 16]);
  const f8 = comm.empty('f8e4m3', [4, 16]);
  const i8 = comm.empty('i8', [4, 16]);
  const f4 = comm.empty('e2m1x2', [4, 8]);
  const scales = comm.empty('f32', [4]);
  const blockScales = comm.empty('f8e4m3', [4]);
  const wide = comm.empty('f16', [1, maxHidden + 1]);
  const freed = comm.empty('f32', [4, 16]);
  freed.free();

  const norm = (changes: Partial<NormOperands>): (() => void) => {
    const operands = { input, out, epsilon: 1e-6, ...changes };
    // Both check alike; the one that involves other ranks must refuse as early as the one that does not.
    return () => {
      if (session.shared.chance(0.5)) comm.rmsNorm(operands);
      else comm.allReduceRmsNorm(operands);
    };
  };
  const token = { quantization: 'f8e4m3_token', quantOut: f8, scaleOut: scales } as const;
  const fixed = { quantization: 'f8e4m3_static', quantOut: f8, scale: 1 } as const;
  const fp4 = { quantization: 'nvfp4', quantOut: f4, scaleOut: blockScales, scale: 1 } as const;

  const operands: Refusal[] = [
    ['input has dtype i8, which is not reduced', norm({ input: i8 })],
    ['input [4, 16] was freed', norm({ input: freed })],
    [`input [4, 0] has hidden size 0; use 1 to ${maxHidden}`, norm({ input: comm.empty('f32', [4, 0]) })],
    ['input [] has hidden size 0', norm({ input: comm.empty('f32', []) })],
    [
      `input [1, ${maxHidden + 1}] has hidden size ${maxHidden + 1}; use 1 to`,
      norm({ input: wide, out: wide }),
    ],
    ['epsilon is -1; use a number from 0 up that float32 can hold', norm({ epsilon: -1 })],
    ['epsilon is NaN', norm({ epsilon: NAN })],
    ['epsilon is Infinity', norm({ epsilon: INFINITY })],
    ['epsilon is 1e+39', norm({ epsilon: 1e39 })],
    ['weightBias is NaN; use 0, or 1 for (1 + weight)', norm({ weightBias: NAN })],
    ['weightBias is 1e+39', norm({ weightBias: 1e39 })],
    ['castBeforeWeight is "yes"; use true or false', norm({ castBeforeWeight: 'yes' as unknown as boolean })],
    ['castBeforeWeight is 1; use true or false', norm({ castBeforeWeight: 1 as unknown as boolean })],
    ['residual has dtype f16, input has f32', norm({ residual: half })],
    ['residual [16] has 16 elements, must have 64 (as input [4, 16])', norm({ residual: weight })],
    ['residualOut has dtype f16, input has f32', norm({ residualOut: half })],
    ['residualOut [16] has 16 elements', norm({ residual, residualOut: weight })],
    ['residualOut and residual overlap by part', norm({ residual: first, residualOut: shifted })],
    ['residualOut and input overlap', norm({ residual, residualOut: input })],
    ['residualOut and input overlap', norm({ residual: input })],
    ['residual and input overlap', norm({ residual: input, residualOut: residual })],
    ['weight has dtype f16, input has f32', norm({ weight: half.view(0, [16]) })],
    ['weight [4, 16] has 64 elements, must have 16 (the hidden size)', norm({ weight: residual })],
    ['weight and residualOut overlap', norm({ residual: first, weight: double.view(16, [16]) })],
    ['weight and input overlap', norm({ weight: input.view(0, [16]) })],
    ['out has dtype f16, input has f32', norm({ out: half })],
    ['out [16] has 16 elements, must have 64 (as input [4, 16])', norm({ out: weight })],
    ['out and input overlap by part', norm({ input: first, out: shifted })],
    ['out and residual overlap', norm({ out: residual, residual, residualOut: first })],
    ['out and residualOut overlap', norm({ out: shifted, residual, residualOut: first })],
    ['out and weight overlap', norm({ out: first, weight: double.view(8, [16]) })],
    [
      'out is missing; it may be left out only when a quantized output is asked for',
      norm({ out: undefined }),
    ],
  ];
  const quantization: Refusal[] = [
    ['quantOut is given but quantization is none', norm({ quantOut: f8 })],
    ['scaleOut is given but quantization is none', norm({ scaleOut: scales })],
    [
      'quantization "int4" is unknown; use one of none, f8e4m3_static, f8e4m3_token, i8_token, nvfp4',
      norm({ quantization: 'int4' as Quantization, quantOut: f8 }),
    ],
    ['quantOut is missing; quantization f8e4m3_token writes to it', norm({ ...token, quantOut: undefined })],
    ['quantOut has dtype i8; f8e4m3_token writes f8e4m3', norm({ ...token, quantOut: i8 })],
    ['quantOut has dtype f8e4m3; i8_token writes i8', norm({ ...token, quantization: 'i8_token' })],
    ['quantOut has dtype f8e4m3; nvfp4 writes e2m1x2', norm({ ...fp4, quantOut: f8 })],
    [
      'hidden size is 8; nvfp4 needs a multiple of 16',
      norm({ ...fp4, input: input.view(0, [8, 8]), out: out.view(0, [8, 8]) }),
    ],
    [
      'quantOut [4] has 4 elements, must have 64 (tokens x hidden)',
      norm({ ...token, quantOut: f8.view(0, [4]) }),
    ],
    ['quantOut [4] has 4 elements, must have 32 (', norm({ ...fp4, quantOut: f4.view(0, [4]) })],
    ['scaleOut is given but f8e4m3_static writes no scales', norm({ ...fixed, scaleOut: scales })],
    [
      'scaleOut is missing; quantization f8e4m3_token writes its scales to it',
      norm({ ...token, scaleOut: undefined }),
    ],
    ['scaleOut has dtype f8e4m3; f8e4m3_token writes f32', norm({ ...token, scaleOut: blockScales })],
    ['scaleOut has dtype f32; nvfp4 writes f8e4m3', norm({ ...fp4, scaleOut: scales })],
    ['scaleOut [3] has 3 elements, must have 4 (', norm({ ...token, scaleOut: scales.view(0, [3]) })],
    ['scaleOut [3] has 3 elements, must have 4 (', norm({ ...fp4, scaleOut: blockScales.view(0, [3]) })],
    [
      'scale is undefined; f8e4m3_static needs a finite positive number that float32',
      norm({ ...fixed, scale: undefined }),
    ],
    ...[0, -1, NAN, INFINITY, 1e-60, 1e60].map(
      (scale): Refusal => [`scale is ${scale}; nvfp4 needs`, norm({ ...fp4, scale })],
    ),
    [
      `scale is ${2 ** -127}; f8e4m3_static needs 2^-126 or more, so that float32 can hold its reciprocal`,
      norm({ ...fixed, scale: 2 ** -127 }),
    ],
    ['scale is given but f8e4m3_token computes a scale for each token', norm({ ...token, scale: 1 })],
    // Views share memory with others of their dtype only, so scales of tokens are what can overlap.
    ['scaleOut and input overlap; they must be apart', norm({ ...token, scaleOut: input.view(60, [4]) })],
    [
      'scaleOut and residual overlap',
      norm({ ...token, residual, residualOut: first, scaleOut: residual.view(0, [4]) }),
    ],
    [
      'scaleOut and residualOut overlap',
      norm({ ...token, residual, residualOut: first, scaleOut: first.view(9, [4]) }),
    ],
    ['scaleOut and weight overlap', norm({ ...token, weight, scaleOut: weight.view(3, [4]) })],
    ['scaleOut and out overlap', norm({ ...token, scaleOut: out.view(0, [4]) })],
    ['quantization is none; there is nothing to write', () => comm.quantize({ input })],
    ['quantOut is missing', () => comm.quantize({ input, quantization: 'f8e4m3_static', scale: 1 })],
    ['input has dtype i8, which is not reduced', () => comm.quantize({ ...fixed, input: i8 })],
  ];
  return refuseAll(session, [...operands, ...quantization]);
}
