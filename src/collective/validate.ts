/**
 * @file Refuses bad calls before anything is enqueued. Every message names the operand, what it is, and what would be accepted.
 * These run on every call, so they compare numbers and build strings only when they fail.
 */
import type { Engine } from '../engine/engine.ts';
import { CrossoverError } from '../errors.ts';
import type { SymmetricHeap } from '../memory/heap.ts';
import { Tensor } from '../memory/tensor.ts';
import { REDUCE_OPS, type ReduceOp } from '../operations.ts';
import { type DType, dtypeBytes, REDUCIBLE_DTYPES } from '../tensor/dtype.ts';

/** The operand must be a live tensor of this heap: peers address it by its offset. */
export function checkTensor(name: string, x: Tensor, heap: SymmetricHeap): void {
  if (!(x instanceof Tensor) || x.heap !== heap) {
    throw new CrossoverError(
      `${name} is not in this communicator's symmetric heap; allocate it with comm.empty(dtype, shape) or comm.tensor(dtype, shape, values)`,
    );
  }
  if (x.freed) throw new CrossoverError(`${name} ${shapeOf(x)} was freed`);
}

/** Memory that something else allocated must be this device's, and not the heap's. */
export function checkOutside(address: number, bytes: number, dtype: DType, engine: Engine): void {
  const place = `address is 0x${address.toString(16)}`;
  if (!engine.problemWithMemory) {
    throw new CrossoverError(
      `memory outside the symmetric heap cannot be wrapped on the ${engine.name} engine, whose ranks have no other; allocate with comm.empty(dtype, shape)`,
    );
  }
  if (!Number.isSafeInteger(address) || address <= 0)
    throw new CrossoverError(`address is ${address}; use a device pointer, a whole number`);
  if (address % dtypeBytes(dtype) !== 0)
    throw new CrossoverError(`${place}; elements of ${dtype} begin at multiples of ${dtypeBytes(dtype)}`);
  const { base, bytes: arenaBytes } = engine.arena;
  if (address < base + arenaBytes && base < address + bytes)
    throw new CrossoverError(`${place}, which is in the symmetric heap; use a tensor of it, or a view`);
  const problem = engine.problemWithMemory(address, bytes);
  if (problem !== undefined) throw new CrossoverError(`${bytes} bytes cannot be wrapped: ${problem}`);
}

/** Codes 0 to 2 are the dtypes that can be reduced. */
export function checkReducible(name: string, x: Tensor): void {
  if (x.code >= REDUCIBLE_DTYPES.length) {
    throw new CrossoverError(
      `${name} has dtype ${x.dtype}, which is not reduced; use one of ${REDUCIBLE_DTYPES.join(', ')}`,
    );
  }
}

export function checkSameDType(name: string, x: Tensor, other: string, y: Tensor): void {
  if (x.code !== y.code)
    throw new CrossoverError(`${name} has dtype ${x.dtype}, ${other} has ${y.dtype}; they must be equal`);
}

export function checkCount(name: string, x: Tensor, count: number, why: string): void {
  if (x.count !== count) {
    throw new CrossoverError(`${name} ${shapeOf(x)} has ${x.count} elements, must have ${count} (${why})`);
  }
}

/** Two operands must be the same memory, or apart. Halfway would read what was overwritten already. */
export function checkOverlap(name: string, x: Tensor, other: string, y: Tensor): void {
  if (x.address !== y.address && overlaps(x, y)) {
    throw new CrossoverError(
      `${name} and ${other} overlap by part; use the same tensor, or two that are apart`,
    );
  }
}

/** Two operands must be apart. */
export function checkApart(name: string, x: Tensor, other: string, y: Tensor): void {
  if (overlaps(x, y)) throw new CrossoverError(`${name} and ${other} overlap; they must be apart`);
}

function overlaps(x: Tensor, y: Tensor): boolean {
  return x.address < y.address + y.bytes && y.address < x.address + x.bytes;
}

/** What every rank contributes to, or keeps of, a gathered tensor: a copy, after checks. */
export function checkParts(
  parts: readonly number[],
  worldSize: number,
  name: string,
  gathered: Tensor,
): readonly number[] {
  if (!Array.isArray(parts) || parts.length !== worldSize) {
    throw new CrossoverError(
      `parts is ${JSON.stringify(parts)}; give the elements of each of ${worldSize} ranks`,
    );
  }
  let sum = 0;
  for (const [rank, part] of parts.entries()) {
    if (!Number.isSafeInteger(part) || part < 0) {
      throw new CrossoverError(`parts[${rank}] is ${part}; use a whole number of elements from 0 up`);
    }
    sum += part;
  }
  if (sum !== gathered.count) {
    throw new CrossoverError(
      `parts add up to ${sum}; ${name} ${shapeOf(gathered)} has ${gathered.count} elements`,
    );
  }
  return [...parts];
}

/** Elements before a rank's part. */
export function partBegin(parts: readonly number[], rank: number): number {
  let begin = 0;
  for (let r = 0; r < rank; r++) begin += parts[r]!;
  return begin;
}

/** Index of a reduction in REDUCE_OPS. */
export function reduceOpCode(op: ReduceOp): number {
  const code = REDUCE_OPS.indexOf(op);
  if (code < 0) throw new CrossoverError(`op "${op}" is unknown; use one of ${REDUCE_OPS.join(', ')}`);
  return code;
}

export function checkRoot(root: number, worldSize: number): void {
  if (!Number.isInteger(root) || root < 0 || root >= worldSize) {
    throw new CrossoverError(`root is ${root}; use a rank from 0 to ${worldSize - 1}`);
  }
}

export function shapeOf(x: Tensor): string {
  return `[${x.shape.join(', ')}]`;
}
