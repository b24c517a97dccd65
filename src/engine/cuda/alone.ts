/**
 * @file A group of one rank: collectives are copies, and what is fused is done by the local kernel.
 */
import { check } from '../../ffi/cuda.ts';
import { DTYPES, dtypeBytes } from '../../tensor/dtype.ts';
import type { Launch } from '../engine.ts';
import type { Device } from './device.ts';

const MOVES = /^(nccl_(symmetric_)?)?(all_reduce|all_gather|reduce_scatter|broadcast)/;
const FUSED = /^all_reduce_rms_norm/;

/** What to do with a launch in a group of one: it was copied, nothing has to be done, or a local kernel does it. */
export function aloneKernel(kernel: string): 'copy' | 'nothing' | string {
  if (FUSED.test(kernel)) return 'rms_norm';
  if (MOVES.test(kernel)) return 'copy';
  return kernel === 'barrier' ? 'nothing' : kernel;
}

/** From `input` to `output`. True when something was enqueued. */
export function copy(device: Device, launch: Launch): boolean {
  const { input, output, count, dtype } = launch;
  const bytes = count * dtypeBytes(DTYPES[dtype]!);
  if (bytes === 0 || input === output) return false;
  check(device.cuda.memcpyDtoDAsync(output, input, bytes, device.stream), 'cuMemcpyDtoDAsync');
  return true;
}
