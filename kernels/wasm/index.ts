/**
 * @file The module's entry: the table of kernels, and `run`, which walks a list of commands.
 *
 * An eager call is a list of one; a recording is a longer list, and replaying it costs one call into WebAssembly whatever its length.
 */
import { allReduceOneShot, allReduceRing, allReduceTwoShot, allReduceTwoShotPull } from './all-reduce';
import { COMMAND_BYTES, Command, partBegin } from './command';
import { allGatherDirect, allGatherStaged, broadcastDirect, broadcastStaged, reduceScatterDirect, reduceScatterStaged } from './move';
import { fusedOneShot, fusedTwoShot, fusedTwoShotColumns, rmsNorm } from './norm';
import { add, quantize, touch } from './elementwise';
import { compute } from './model/index';
import { arenaBase } from './world';

export { configure } from './world';
export { LINE_BYTES, startAt } from './sync';
export {
  COMMAND_BYTES, FIELD_kernel, FIELD_dtype, FIELD_reduceOp, FIELD_count, FIELD_input, FIELD_output, FIELD_root, FIELD_tokens, FIELD_hidden,
  FIELD_residual, FIELD_residualOut, FIELD_weight, FIELD_weightBias, FIELD_castBeforeWeight, FIELD_epsilon, FIELD_quantization,
  FIELD_quantOut, FIELD_scaleOut, FIELD_scale, FIELD_chunkBytes, FIELD_unequal, FIELD_begins, FIELD_signature,
} from './command';
export {
  COMPUTE_embedding, COMPUTE_linear, COMPUTE_scaled_linear, COMPUTE_head_linear, COMPUTE_group_experts, COMPUTE_expert_linear,
  COMPUTE_rotary_append, COMPUTE_latent_append, COMPUTE_attention, COMPUTE_prefill_attention, COMPUTE_silu_gate, COMPUTE_route,
  COMPUTE_combine, COMPUTE_top_k, COMPUTE_sample, COMPUTE_advance, COMPUTE_fill,
} from './model/index';

// A kernel's number, exported under the kernel's name: the host asks for kernels by name and learns here which exist.
export const KERNEL_all_reduce_one_shot: u32 = 0;
export const KERNEL_all_reduce_two_shot: u32 = 1;
export const KERNEL_all_reduce_ring: u32 = 2;
export const KERNEL_all_gather_staged: u32 = 3;
export const KERNEL_all_gather_direct: u32 = 4;
export const KERNEL_reduce_scatter_staged: u32 = 5;
export const KERNEL_reduce_scatter_direct: u32 = 6;
export const KERNEL_broadcast_staged: u32 = 7;
export const KERNEL_broadcast_direct: u32 = 8;
export const KERNEL_all_reduce_rms_norm_one_shot: u32 = 9;
export const KERNEL_all_reduce_rms_norm_two_shot: u32 = 10;
export const KERNEL_all_reduce_rms_norm_two_shot_columns: u32 = 11;
export const KERNEL_rms_norm: u32 = 12;
export const KERNEL_add: u32 = 13;
export const KERNEL_quantize: u32 = 14;
export const KERNEL_touch: u32 = 15;
export const KERNEL_all_reduce_two_shot_pull: u32 = 16;

function runOne(c: Command): bool {
  switch (c.kernel) {
    case KERNEL_all_reduce_one_shot: return allReduceOneShot(c);
    case KERNEL_all_reduce_two_shot: return allReduceTwoShot(c);
    case KERNEL_all_reduce_two_shot_pull: return allReduceTwoShotPull(c);
    case KERNEL_all_reduce_ring: return allReduceRing(c);
    case KERNEL_all_gather_staged: return allGatherStaged(c);
    case KERNEL_all_gather_direct: return allGatherDirect(c);
    case KERNEL_reduce_scatter_staged: return reduceScatterStaged(c);
    case KERNEL_reduce_scatter_direct: return reduceScatterDirect(c);
    case KERNEL_broadcast_staged: return broadcastStaged(c);
    case KERNEL_broadcast_direct: return broadcastDirect(c);
    case KERNEL_all_reduce_rms_norm_one_shot: return fusedOneShot(c);
    case KERNEL_all_reduce_rms_norm_two_shot: return fusedTwoShot(c);
    case KERNEL_all_reduce_rms_norm_two_shot_columns: return fusedTwoShotColumns(c);
    case KERNEL_rms_norm: return rmsNorm(c);
    case KERNEL_add: return add(c);
    case KERNEL_quantize: return quantize(c);
    case KERNEL_touch: return touch(c);
    default:
      compute(changetype<usize>(c));
      return true;
  }
}

/** Runs `count` commands from `first` on, `times` times over. Returns 0, or 1 + the index of the command on which ranks disagreed. */
export function run(first: usize, count: u32, times: u32): u32 {
  for (let k: u32 = 0; k < times; k++) {
    for (let i: u32 = 0; i < count; i++) {
      if (!runOne(changetype<Command>(first + i * COMMAND_BYTES))) return i + 1;
    }
  }
  return 0;
}

// @ts-ignore: decorator
@inline
function mix(hash: u32, word: u32): u32 {
  return rotl((hash ^ word) * 0x9e3779b1, 15) * 0x85ebca6b;
}

/** 0 for an absent buffer, and otherwise where it lies in the arena: equal on all ranks when they allocate alike. */
// @ts-ignore: decorator
@inline
function place(address: usize): u32 {
  return address ? u32(address - arenaBase) + 1 : 0;
}

/**
 * Fills in what a call must have in common on all ranks: everything but buffers that only their own rank reads (residual, weight,
 * and values of scales, whose presence counts). Offsets count, because peers read and write at them.
 */
export function sign(c: Command): void {
  let h = mix(c.kernel, c.dtype | (c.reduceOp << 8) | (c.quantization << 16) | (c.castBeforeWeight << 24));
  h = mix(h, c.count);
  h = mix(h, place(c.input));
  h = mix(h, place(c.output));
  h = mix(h, c.root);
  h = mix(h, c.tokens);
  h = mix(h, c.hidden);
  h = mix(h, place(c.residualOut));
  h = mix(h, place(c.quantOut));
  h = mix(h, place(c.scaleOut));
  h = mix(h, reinterpret<u32>(c.weightBias));
  h = mix(h, reinterpret<u32>(c.epsilon));
  h = mix(h, reinterpret<u32>(c.scale));
  h = mix(h, (c.residual ? 1 : 0) | (c.weight ? 2 : 0));
  for (let r: u32 = 1; r <= c.unequal; r++) h = mix(h, partBegin(c, r, 0));
  c.signature = mix(h, c.chunkBytes);
}
