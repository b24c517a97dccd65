/**
 * @file The operations that graphs of crossover understand: their operands, in order, and what they mean. Importers translate what they know into
 * these; everything else keeps its foreign name. Numbers are computed in float64 (executor) and rounded once to the dtype of the output.
 *
 * What a file does to views and to memory is gone by then: `reshape` and its like make new values, and so do copies that change nothing, which
 * importers leave out.
 */
import { MODEL_OPERATIONS } from './model-operations.ts';
import type { OperationInfo, Rule, Signature } from './operation-info.ts';

const one = (operands: Signature, rule: Rule): OperationInfo => ({ operands, outputs: [1, 1], rule });
/** Broadcasting, of two tensors or a tensor and a number; comparisons and logic give bool. */
const binary: OperationInfo = one({ a: 'operand', b: 'operand' }, 'broadcast');
const unary: OperationInfo = one({ x: 'tensor' }, 'same-shape');
const reduction: OperationInfo = one({ x: 'tensor', dims: 'ints', keepdim: 'bool' }, 'reduce');

const NORM: Signature = {
  /** [hidden], or absent for ones. */
  weight: 'tensor?',
  epsilon: 'number',
  /** Added to the weight: 1 for Gemma's form. */
  weight_bias: 'number',
  /** Whether x * rstd is rounded to the dtype of x before the weight is multiplied (Hugging Face's LlamaRMSNorm, vLLM), or only after. */
  cast_before_weight: 'bool',
};

export const OPERATIONS: Readonly<Record<string, OperationInfo>> = {
  // ---------- element by element ----------
  add: binary,
  sub: binary,
  mul: binary,
  div: binary,
  pow: binary,
  minimum: binary,
  maximum: binary,
  eq: binary,
  ne: binary,
  lt: binary,
  le: binary,
  gt: binary,
  ge: binary,
  and: binary,
  or: binary,
  neg: unary,
  abs: unary,
  exp: unary,
  log: unary,
  sqrt: unary,
  rsqrt: unary,
  reciprocal: unary,
  sin: unary,
  cos: unary,
  tanh: unary,
  erf: unary,
  sigmoid: unary,
  silu: unary,
  relu: unary,
  /** `approximate`: none or tanh. */
  gelu: one({ x: 'tensor', approximate: 'text' }, 'same-shape'),
  not: unary,
  /** To nearest, ties to even. */
  round: unary,
  floor: unary,
  ceil: unary,
  /** To the dtype of the output. */
  cast: unary,
  clamp: one({ x: 'tensor', min: 'number?', max: 'number?' }, 'same-shape'),
  where: one({ condition: 'tensor', a: 'operand', b: 'operand' }, 'broadcast'),

  // ---------- shapes ----------
  /** One dim may be -1. */
  reshape: one({ x: 'tensor', shape: 'ints' }, 'reshape'),
  permute: one({ x: 'tensor', dims: 'ints' }, 'permute'),
  /** -1 keeps a dim. */
  expand: one({ x: 'tensor', shape: 'ints' }, 'free'),
  /** Negative positions count from the end; positions are clamped. */
  slice: one({ x: 'tensor', dim: 'int', start: 'int', end: 'int', step: 'int' }, 'free'),
  /** The dim goes. */
  select: one({ x: 'tensor', dim: 'int', index: 'int' }, 'free'),
  cat: one({ xs: 'tensors', dim: 'int' }, 'cat'),
  /** Advanced indexing: index tensors are broadcast; null takes a whole dim. */
  index: one({ x: 'tensor', indices: 'indices' }, 'free'),
  /** out[i][j] = x[index[i][j]][j] for dim 0, as torch.gather. */
  gather: one({ x: 'tensor', dim: 'int', index: 'tensor' }, 'free'),
  /** Rows of `weight` [rows, hidden] by number; with `start`, `weight` has the rows from there on of a longer table, and the others give zeros. */
  embedding: one({ weight: 'tensor', indices: 'tensor', start: 'int?' }, 'free'),
  /** start, start + step, ... as many as the output has. */
  arange: one({ start: 'number', step: 'number' }, 'free'),
  full: one({ shape: 'ints', value: 'number' }, 'free'),
  /** The size of a dim, an int. */
  size: one({ x: 'tensor', dim: 'int' }, 'free'),

  // ---------- along dims ----------
  cumsum: one({ x: 'tensor', dim: 'int' }, 'same-shape'),
  /** Differences of neighbours, of `prepend` and `x` one behind the other. */
  diff: one({ x: 'tensor', dim: 'int', prepend: 'tensor?' }, 'free'),
  /** An empty list of dims is all of them. */
  mean: reduction,
  sum: reduction,
  amax: reduction,
  argmax: one({ x: 'tensor', dim: 'int', keepdim: 'bool' }, 'free'),
  softmax: one({ x: 'tensor', dim: 'int' }, 'same-shape'),

  // ---------- products ----------
  /** As torch.matmul. */
  matmul: one({ a: 'tensor', b: 'tensor' }, 'matmul'),
  /** x @ weight^T + bias; weight is [out, in]. */
  linear: one({ x: 'tensor', weight: 'tensor', bias: 'tensor?' }, 'linear'),
  /** softmax(query @ key^T * scale + mask) @ value, over the last two dims; 1/sqrt(head) is the default scale. As torch's scaled_dot_product_attention. */
  attention: one(
    {
      query: 'tensor',
      key: 'tensor',
      value: 'tensor',
      mask: 'tensor?',
      causal: 'bool',
      scale: 'number?',
      /** Whether several heads of the query share one of key and value. */
      grouped: 'bool',
    },
    'free',
  ),

  // ---------- norms and quantization ----------
  /** x * rsqrt(mean(x^2) + epsilon) * (weight + weight_bias), over the last dim, in float32. */
  rms_norm: one({ x: 'tensor', ...NORM }, 'norm'),
  /** Of x + residual, rounded to their dtype. Outputs: the norm, the sum. */
  add_rms_norm: { operands: { x: 'tensor', residual: 'tensor', ...NORM }, outputs: [2, 2], rule: 'norm' },
  layer_norm: one({ x: 'tensor', weight: 'tensor?', bias: 'tensor?', epsilon: 'number' }, 'norm'),
  /** Codes of x * (1 / scale), saturating, to the dtype of the output: f8e4m3 or i8. `scale` is a number or a tensor of one element. */
  quantize_static: one({ x: 'tensor', scale: 'operand' }, 'same-shape'),
  /** The same with a scale a row: its largest magnitude over the largest code. Outputs: codes, scales [..., 1] in f32. */
  quantize_token: { operands: { x: 'tensor' }, outputs: [2, 2], rule: 'free' },
  /** Codes [..., hidden / 2] in e2m1x2, and a scale in f8e4m3 for 16 elements; `scale` is the global one, as tensor/reference/quantize.ts has it. */
  quantize_nvfp4: { operands: { x: 'tensor', scale: 'operand' }, outputs: [2, 2], rule: 'free' },

  ...MODEL_OPERATIONS,

  // ---------- ranks meet ----------
  /** `reduce`: sum, max, min or avg. `group`: the name of those who meet, as the file has it; "" for all ranks. */
  all_reduce: { ...one({ x: 'tensor', reduce: 'text', group: 'text' }, 'same-type'), collective: true },
  /** Of every rank's x, one behind the other along `dim`. */
  all_gather: { ...one({ x: 'tensor', dim: 'int', group: 'text' }, 'free'), collective: true },
  /** This rank's part along `dim` of what all_reduce gives. */
  reduce_scatter: {
    ...one({ x: 'tensor', dim: 'int', reduce: 'text', group: 'text' }, 'free'),
    collective: true,
  },
  broadcast: { ...one({ x: 'tensor', root: 'int', group: 'text' }, 'same-type'), collective: true },
  /**
   * The unfused sequence in one: sum = all_reduce(x), rounded, + residual, rounded; norm = rms_norm(sum); codes and scales = the quantization of norm.
   * Outputs: norm, sum, and with a quantization codes, and scales unless it is static. `quantization`: a name of QUANTIZATIONS in operations.ts of the package.
   */
  all_reduce_rms_norm: {
    operands: {
      x: 'tensor',
      residual: 'tensor?',
      ...NORM,
      quantization: 'text',
      scale: 'operand?',
      group: 'text',
    },
    outputs: [2, 4],
    rule: 'norm',
    collective: true,
  },
};

export function isCollective(op: string): boolean {
  return OPERATIONS[op]?.collective === true || FOREIGN_COLLECTIVE.test(op);
}

/** Collectives that are not understood: nothing may be moved past one, or ranks no longer meet in the same order. */
const FOREIGN_COLLECTIVE =
  /c10d|all_reduce|allreduce|all_gather|allgather|all_to_all|alltoall|reduce_scatter/i;
