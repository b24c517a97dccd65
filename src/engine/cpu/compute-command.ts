/**
 * @file Calls of model kernels as command records: the kernel's number and a word for each operand, in the order of COMPUTE. Ranks have nothing to agree on here, so
 * records carry no signature.
 */
import { CrossoverError } from '../../errors.ts';
import { COMPUTE, type ComputeName, type ComputeOperands } from '../compute.ts';
import { validateCompute } from '../validate-compute.ts';
import type { Kernels } from './kernels.ts';
import { MAX_COMPUTE_ROW } from './layout.ts';

/** Operands that say how long a row is that a kernel keeps in float32. */
const ROWS = ['head', 'rope', 'valueHead', 'latent', 'rotary'];

interface Form {
  readonly number: number;
  readonly whole: readonly string[];
  readonly floats: readonly string[];
  readonly rows: readonly string[];
}

export class ComputeCodec {
  readonly #forms: ReadonlyMap<string, Form>;

  constructor(kernels: Kernels) {
    this.#forms = new Map(
      Object.entries(COMPUTE).flatMap(([kernel, { addresses, integers, floats }]) => {
        const number = kernels.computeNumbers.get(kernel);
        if (number === undefined) return [];
        const rows = integers.filter(
          (name) => ROWS.includes(name) || (kernel === 'route' && name === 'count'),
        );
        return [[kernel, { number, whole: [...addresses, ...integers], floats, rows }]];
      }),
    );
  }

  has(kernel: string): boolean {
    return this.#forms.has(kernel);
  }

  /** @throws CrossoverError for operands that no engine takes, and for shapes that this one has no room for */
  validate<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>, what: 'all' | 'shape'): Form {
    validateCompute(kernel, operands, what);
    const form = this.#forms.get(kernel);
    if (!form) throw new CrossoverError(`the CPU engine has no kernel ${kernel}`);
    const values: Readonly<Record<string, number>> = operands;
    for (const name of form.rows) {
      if (values[name]! > MAX_COMPUTE_ROW) {
        throw new CrossoverError(
          `${kernel}: ${name} is ${values[name]}; the CPU engine takes up to ${MAX_COMPUTE_ROW}`,
        );
      }
    }
    return form;
  }

  encode<N extends ComputeName>(kernel: N, operands: ComputeOperands<N>): Uint32Array {
    const { number, whole, floats } = this.validate(kernel, operands, 'all');
    const values: Readonly<Record<string, number>> = operands;
    const words = new Uint32Array(1 + whole.length + floats.length);
    words[0] = number;
    let at = 1;
    for (const name of whole) words[at++] = values[name]!;
    const rest = new Float32Array(words.buffer, at * 4);
    for (const [i, name] of floats.entries()) rest[i] = values[name]!;
    return words;
  }
}
