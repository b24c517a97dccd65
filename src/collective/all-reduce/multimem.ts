/**
 * @file All-reduce in the NVLink switch (multicast, "multimem"), one- and two-shot. Written and compiled, and never run by this version:
 * multicast objects can outlive a process that dies, so they are for those who ask, and there is no way to ask yet. Tests run the kernels with
 * the switch emulated.
 */
import type { Algorithm } from '../algorithm.ts';
import { singleKernel } from '../define.ts';

const OFF = 'multicast is off: this version has the kernels, and makes no multicast mappings for them';

const COMMON = {
  operation: 'all_reduce',
  source: "PTX multimem instructions (NVLink SHARP); NCCL's NVLS and PyTorch's multimem_all_reduce_",
  // One load sums for all, in an order of the switch's own.
  bits: 'unspecified',
  refuses: () => OFF,
} as const;

export const allReduceMultimemOneShot: Algorithm = singleKernel({
  ...COMMON,
  name: 'multimem_one_shot',
  summary: 'every rank loads the sum of all inputs, which the switch makes: one instruction for all peers',
});

export const allReduceMultimemTwoShot: Algorithm = singleKernel({
  ...COMMON,
  name: 'multimem_two_shot',
  symmetric: 'both',
  summary: 'every rank loads the sum of one slice from the switch and stores it to all through the switch',
});
