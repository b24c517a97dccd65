/**
 * @file Refuses bad operands of model kernels before anything is enqueued, alike on every engine. Engines refuse shapes that they have no kernel for
 * by themselves. These run on every call, so they compare numbers and build strings only when they fail.
 */
import { CrossoverError } from '../errors.ts';
import { COMPUTE, type ComputeName, type ComputeOperands } from './compute.ts';

type Operands = Readonly<Record<string, number>>;

/** What an operand must be besides a whole number in range. */
interface Rule {
  readonly name: string;
  readonly holds: (value: number, operands: Operands) => boolean;
  readonly accepted: string;
}

const MOST_INTEGER = 2 ** 31 - 1;
/** The most candidates a token of top_k and sample. */
export const MOST_CHOICES = 64;

// ---------- addresses ----------

/** Tensors of bf16 or codes are read 16 bytes at a time; these are i32 or f32, and read one by one or in pairs. */
const ALIGNMENTS: Readonly<Record<string, number>> = {
  ids: 4,
  positions: 4,
  rows: 4,
  tables: 4,
  order: 4,
  offsets: 4,
  experts: 4,
  weights: 4,
  xScale: 4,
  weightScale: 4,
  temperatures: 4,
  uniforms: 4,
  history: 4,
  steps: 4,
  sampled: 4,
  candidates: 8,
  'sample.out': 4,
  'top_k.out': 8,
};

/** Operands that may be absent. Whether scratch is wanted depends on the engine. */
const OPTIONAL: ReadonlySet<string> = new Set([
  'bias',
  'queryNorm',
  'keyNorm',
  'queryRope',
  'valueCache',
  'scratch',
]);
const NEVER_ABSENT: ReadonlySet<string> = new Set(['rotary_append.valueCache']);

// ---------- whole numbers ----------

const atLeast = (least: number, ...names: string[]): Rule[] =>
  names.map((name) => ({ name, holds: (value) => value >= least, accepted: `use ${least} or more` }));
const multipleOf = (factor: number, ...names: string[]): Rule[] =>
  names.map((name) => ({
    name,
    holds: (value) => value % factor === 0,
    accepted: `use a multiple of ${factor}`,
  }));
const from = (least: number, most: number, ...names: string[]): Rule[] =>
  names.map((name) => ({
    name,
    holds: (value) => value >= least && value <= most,
    accepted: `use ${least} to ${most}`,
  }));
const notMoreThan = (name: string, other: string): Rule => ({
  name,
  holds: (value, operands) => value <= operands[other]!,
  accepted: `it must not be more than ${other}`,
});

const PAGES = atLeast(1, 'pageSize', 'pagesPerSequence');
const ATTENTION: readonly Rule[] = [
  ...PAGES,
  ...atLeast(1, 'kvHeads', 'head', 'valueHead', 'places'),
  notMoreThan('kvHeads', 'heads'),
];

const RULES: { readonly [N in ComputeName]: readonly Rule[] } = {
  embedding: atLeast(1, 'hidden'),
  linear: atLeast(1, 'outer', 'inner'),
  scaled_linear: [
    ...atLeast(1, 'outer', 'inner'),
    ...multipleOf(16, 'outer', 'inner'),
    ...from(0, 1, 'scalePerToken'),
  ],
  head_linear: atLeast(1, 'heads', 'outer', 'inner'),
  group_experts: atLeast(1, 'choices', 'count'),
  expert_linear: [
    ...atLeast(1, 'choices', 'count', 'outer', 'inner'),
    ...from(0, 1, 'pairs'),
    notMoreThan('count', 'experts'),
  ],
  rotary_append: [
    ...PAGES,
    ...atLeast(1, 'heads', 'kvHeads', 'head'),
    ...multipleOf(2, 'rotary'),
    notMoreThan('rotary', 'head'),
  ],
  latent_append: [...PAGES, ...atLeast(1, 'heads', 'latent', 'rotary'), ...multipleOf(2, 'rotary')],
  attention: ATTENTION,
  prefill_attention: ATTENTION,
  silu_gate: atLeast(1, 'inner'),
  route: [...atLeast(1, 'choices'), notMoreThan('choices', 'count'), ...from(0, 1, 'normalize')],
  combine: atLeast(1, 'choices', 'hidden'),
  top_k: from(1, MOST_CHOICES, 'choices'),
  sample: [...atLeast(1, 'ranks'), ...from(1, MOST_CHOICES, 'choices')],
  advance: [],
  fill: [
    {
      name: 'columns',
      holds: (value, { column, wholeColumns }) => column! + value <= wholeColumns!,
      accepted: 'with column it must not be more than wholeColumns',
    },
  ],
};

// ---------- checks ----------

interface Checks {
  readonly addresses: readonly {
    readonly name: string;
    readonly alignment: number;
    readonly optional: boolean;
  }[];
  readonly integers: readonly string[];
  readonly floats: readonly string[];
  readonly rules: readonly Rule[];
  readonly count: number;
}

const CHECKS: ReadonlyMap<string, Checks> = new Map(
  Object.entries(COMPUTE).map(([kernel, { addresses, integers, floats }]) => [
    kernel,
    {
      addresses: addresses.map((name) => ({
        name,
        alignment: ALIGNMENTS[`${kernel}.${name}`] ?? ALIGNMENTS[name] ?? 16,
        optional: OPTIONAL.has(name) && !NEVER_ABSENT.has(`${kernel}.${name}`),
      })),
      integers,
      floats,
      rules: RULES[kernel as ComputeName],
      count: addresses.length + integers.length + floats.length,
    },
  ]),
);

/**
 * `what` is 'shape' where addresses do not count, as when scratch is sized. Where there are no tokens, addresses may be 0: nothing is read.
 * @throws CrossoverError that names the operand, its value and what is accepted
 */
export function validateCompute<N extends ComputeName>(
  kernel: N,
  given: ComputeOperands<N>,
  what: 'all' | 'shape' = 'all',
): void {
  const checks = CHECKS.get(kernel);
  if (!checks) throw new CrossoverError(`there is no kernel ${kernel}`);
  const operands: Operands = given;
  for (const name of checks.integers) {
    const value = operands[name]!;
    if (!(Number.isInteger(value) && value >= 0 && value <= MOST_INTEGER))
      refuse(kernel, name, value, 'use a whole number from 0 to 2^31 - 1');
  }
  for (const name of checks.floats) {
    if (typeof operands[name] !== 'number') refuse(kernel, name, operands[name], 'use a number');
  }
  for (const { name, holds, accepted } of checks.rules) {
    if (!holds(operands[name]!, operands)) refuse(kernel, name, operands[name], accepted);
  }
  const empty = operands.tokens === 0;
  for (const { name, alignment, optional } of what === 'all' ? checks.addresses : []) {
    const value = operands[name]!;
    if (!Number.isSafeInteger(value) || value < 0) refuse(kernel, name, value, 'use an address, or 0');
    if (value === 0 && !optional && !empty) refuse(kernel, name, value, 'it must not be absent');
    if (value % alignment !== 0)
      refuse(kernel, name, value, `it must begin at a multiple of ${alignment} bytes`);
  }
  let count = 0;
  for (const _ in operands) count++;
  if (count === checks.count || what === 'shape') return;
  const known = [...checks.addresses.map(({ name }) => name), ...checks.integers, ...checks.floats];
  const [unknown] = Object.keys(operands).filter((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new CrossoverError(`${kernel} has no operand ${unknown}; it has ${known.join(', ')}`);
}

function refuse(kernel: string, name: string, value: number | undefined, accepted: string): never {
  throw new CrossoverError(`${kernel}: ${name} is ${value}; ${accepted}`);
}
