/**
 * @file Parts of a GPU: contexts of the driver (green contexts, CUDA 12.4) that have some of its multiprocessors for themselves. All share the primary context's memory.
 */
import { CrossoverError } from '../../errors.ts';
import {
  type CUcontext,
  type CUdevice,
  type CUgreenContext,
  type CUresourceDesc,
  type CUstream,
  check,
  driver,
  driverHasParts,
  handleFrom,
} from '../../ffi/cuda.ts';

// CUdevResource: type 0; of multiprocessors, how many 96, the fewest that a part may have 100, and what their number is a multiple of 104.
const RESOURCE_BYTES = 144;
const COUNT = 96;
const FEWEST = 100;
const MULTIPLE = 104;
const MULTIPROCESSORS = 1;
const DEFAULT_STREAM = 1;

/** A CUdevResource: some multiprocessors. It is bytes, which threads of a process may hand on. */
export type Part = Uint8Array<ArrayBuffer>;

/** Divides a GPU into equal parts. Those of two calls may overlap. @throws CrossoverError when it cannot have so many */
export function divide(device: CUdevice, parts: number): Part[] {
  const cuda = driver();
  if (!driverHasParts(cuda))
    throw new CrossoverError('this driver cannot divide a GPU between ranks: that came with CUDA 12.4');
  const whole = new Uint8Array(RESOURCE_BYTES);
  check(cuda.deviceResource(device, whole, MULTIPROCESSORS), 'cuDeviceGetDevResource');
  const [all, fewest, multiple] = [COUNT, FEWEST, MULTIPLE].map((at) => wordOf(whole, at)) as [
    number,
    number,
    number,
  ];
  // Those that can be scheduled together come in groups of several sizes, so that equal parts may be smaller than the numbers say.
  for (
    let size = Math.floor(all / parts / multiple) * multiple;
    size >= Math.max(1, fewest);
    size -= multiple
  ) {
    const found = new Uint8Array(parts * RESOURCE_BYTES);
    const count = Uint32Array.of(parts);
    const rest = new Uint8Array(RESOURCE_BYTES);
    check(cuda.splitMultiprocessors(found, count, whole, rest, 0, size), 'cuDevSmResourceSplitByCount');
    if (count[0] === parts)
      return Array.from({ length: parts }, (_, i) =>
        found.slice(i * RESOURCE_BYTES, (i + 1) * RESOURCE_BYTES),
      );
  }
  throw new CrossoverError(
    `a GPU of ${all} multiprocessors cannot be divided between ${parts} ranks: a part has ${fewest} at least`,
  );
}

export interface PartOfGpu {
  readonly context: CUcontext;
  readonly stream: CUstream;
  readonly multiprocessors: number;
  /** When its stream is gone. */
  close(): void;
}

/** Makes a part of a GPU current to this thread. */
export function openPart(device: CUdevice, part: Part, streamFlags: number): PartOfGpu {
  const cuda = driver();
  if (!driverHasParts(cuda)) throw new CrossoverError('this driver has no green contexts');
  const desc = handleFrom<CUresourceDesc>(
    (out) => cuda.describeResource(out, part, 1),
    'cuDevResourceGenerateDesc',
  );
  const green = handleFrom<CUgreenContext>(
    (out) => cuda.greenContextCreate(out, desc, device, DEFAULT_STREAM),
    'cuGreenCtxCreate',
  );
  const context = handleFrom<CUcontext>((out) => cuda.contextOfGreen(out, green), 'cuCtxFromGreenCtx');
  check(cuda.contextSetCurrent(context), 'cuCtxSetCurrent');
  return {
    context,
    stream: handleFrom<CUstream>(
      (out) => cuda.greenContextStream(out, green, streamFlags, 0),
      'cuGreenCtxStreamCreate',
    ),
    multiprocessors: wordOf(part, COUNT),
    close: () => cuda.greenContextDestroy(green),
  };
}

function wordOf(resource: Part, at: number): number {
  return new DataView(resource.buffer, resource.byteOffset).getUint32(at, true);
}
