/**
 * @file Parts of a GPU: contexts of the driver (green contexts, CUDA 12.4) that have some of its multiprocessors for themselves. All share the primary context's memory.
 */
import { CrossoverError } from '../../errors.ts';
import {
  type CUcontext,
  type CUdevice,
  type CUgreenContext,
  type CUresourceDesc,
  type CUresult,
  check,
  driver,
  driverHasParts,
  handleFrom,
} from '../../ffi/cuda.ts';
import type { Pointer } from '../../ffi/library.ts';
import { guarded } from './guarded.ts';

// CUdevResource: type 0; of multiprocessors, how many 96, the fewest that a part may have 100, and what their number is a multiple of 104.
const RESOURCE_BYTES = 144;
const COUNT = 96;
const FEWEST = 100;
const MULTIPLE = 104;
const MULTIPROCESSORS = 1;
const DEFAULT_STREAM = 1;

const NO_PARTS = 'this driver cannot divide a GPU between ranks: that came with CUDA 12.4';

/** A CUdevResource: some multiprocessors. It is bytes, which threads of a process may hand on. */
export type Part = Uint8Array<ArrayBuffer>;

/** Divides a GPU into equal parts. Those of two calls may overlap. @throws CrossoverError when it cannot have so many */
export function divide(device: CUdevice, parts: number): Part[] {
  const cuda = driver();
  if (!driverHasParts(cuda)) throw new CrossoverError(NO_PARTS);
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

export interface OpenedPart {
  readonly context: CUcontext;
  readonly multiprocessors: number;
  createStream(out: Pointer, flags: number): CUresult;
  /** When its stream is gone. */
  close(): void;
}

/** Makes a part of a GPU current to this thread. */
export function openPart(device: CUdevice, part: Part): OpenedPart {
  const cuda = driver();
  if (!driverHasParts(cuda)) throw new CrossoverError(NO_PARTS);
  const desc = handleFrom<CUresourceDesc>(
    (out) => cuda.describeResource(out, part, 1),
    'cuDevResourceGenerateDesc',
  );
  const green = handleFrom<CUgreenContext>(
    (out) => cuda.greenContextCreate(out, desc, device, DEFAULT_STREAM),
    'cuGreenCtxCreate',
  );
  const close = (): unknown => cuda.greenContextDestroy(green);
  return guarded({ close }, () => {
    const context = handleFrom<CUcontext>((out) => cuda.contextOfGreen(out, green), 'cuCtxFromGreenCtx');
    check(cuda.contextSetCurrent(context), 'cuCtxSetCurrent');
    return {
      context,
      multiprocessors: wordOf(part, COUNT),
      createStream: (out, flags) => cuda.greenContextStream(out, green, flags, 0),
      close,
    };
  });
}

function wordOf(resource: Part, at: number): number {
  return new DataView(resource.buffer, resource.byteOffset).getUint32(at, true);
}
