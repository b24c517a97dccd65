/**
 * @file Memory of one GPU that others map too, made as the engine makes its own: cuMemCreate, then cuMemSetAccess for every reader.
 */
import { type CUmemory, check, driver, handleFrom, numberFrom } from '../../../ffi/cuda.ts';
import type { Gpu } from './gpu.ts';

export interface SharedMemory {
  readonly address: number;
  readonly bytes: number;
  /** Why a GPU cannot reach it, by ordinal; the owner always can. */
  readonly refused: ReadonlyMap<number, string>;
}

const PINNED = 1;
const ON_DEVICE = 1;
const RECOMMENDED = 1;
const READ_WRITE = 3;

/** @throws CrossoverError when the owner itself cannot have it */
export function shareMemory(owner: Gpu, bytes: number, readers: readonly Gpu[]): SharedMemory {
  const cuda = driver();
  owner.use();
  // CUmemAllocationProp: type, handle types, location (type, id), a pointer, flags.
  const property = new Int32Array(8);
  property.set([PINNED, 0, ON_DEVICE, owner.ordinal]);
  const what = `${bytes} bytes on GPU ${owner.ordinal}`;
  const granularity = numberFrom(
    (out) => cuda.memAllocationGranularity(out, property, RECOMMENDED),
    'cuMemGetAllocationGranularity',
  );
  const size = Math.ceil(bytes / granularity) * granularity;
  const memory = handleFrom<CUmemory>((out) => cuda.memCreate(out, size, property, 0), what);
  const address = numberFrom((out) => cuda.memAddressReserve(out, size, 0, 0, 0), what);
  check(cuda.memMap(address, size, 0, memory, 0), what);
  check(cuda.memSetAccess(address, size, accessOf(owner), 1), what);
  const refused = new Map<number, string>();
  for (const reader of readers) {
    if (reader === owner) continue;
    const result = cuda.memSetAccess(address, size, accessOf(reader), 1);
    try {
      check(result, `mapping memory of GPU ${owner.ordinal} on GPU ${reader.ordinal}`);
    } catch (error) {
      refused.set(reader.ordinal, (error as Error).message);
    }
  }
  return { address, bytes: size, refused };
}

/** CUmemAccessDesc: location (type, id), flags. */
function accessOf(gpu: Gpu): Int32Array {
  return Int32Array.of(ON_DEVICE, gpu.ordinal, READ_WRITE);
}
