/**
 * @file The kernels of models by number: what COMPUTE in src/engine/compute.ts lists. They involve no other rank.
 * A command is the number and then the operands, a word each: addresses, integers, floats, in the order of COMPUTE.
 */
import { LatentAppend, RotaryAppend, latentAppend, rotaryAppend } from './append';
import { Attention, attention } from './attention';
import { Embedding, Fill, SiluGate, embedding, fill, siluGate } from './elementwise';
import { Combine, GroupExperts, Route, combine, groupExperts, route } from './experts';
import { ExpertLinear, HeadLinear, Linear, ScaledLinear, expertLinear, headLinear, linear, scaledLinear } from './linear';
import { Advance, Sample, TopK, advance, sample, topK } from './sampling';

// Behind the numbers of kernels of launches; exported under the kernel's name, as those are.
export const COMPUTE_embedding: u32 = 64;
export const COMPUTE_linear: u32 = 65;
export const COMPUTE_scaled_linear: u32 = 66;
export const COMPUTE_head_linear: u32 = 67;
export const COMPUTE_group_experts: u32 = 68;
export const COMPUTE_expert_linear: u32 = 69;
export const COMPUTE_rotary_append: u32 = 70;
export const COMPUTE_latent_append: u32 = 71;
export const COMPUTE_attention: u32 = 72;
export const COMPUTE_prefill_attention: u32 = 73;
export const COMPUTE_silu_gate: u32 = 74;
export const COMPUTE_route: u32 = 75;
export const COMPUTE_combine: u32 = 76;
export const COMPUTE_top_k: u32 = 77;
export const COMPUTE_sample: u32 = 78;
export const COMPUTE_advance: u32 = 79;
export const COMPUTE_fill: u32 = 80;

export function compute(command: usize): void {
  switch (load<u32>(command)) {
    case COMPUTE_embedding: return embedding(changetype<Embedding>(command));
    case COMPUTE_linear: return linear(changetype<Linear>(command));
    case COMPUTE_scaled_linear: return scaledLinear(changetype<ScaledLinear>(command));
    case COMPUTE_head_linear: return headLinear(changetype<HeadLinear>(command));
    case COMPUTE_group_experts: return groupExperts(changetype<GroupExperts>(command));
    case COMPUTE_expert_linear: return expertLinear(changetype<ExpertLinear>(command));
    case COMPUTE_rotary_append: return rotaryAppend(changetype<RotaryAppend>(command));
    case COMPUTE_latent_append: return latentAppend(changetype<LatentAppend>(command));
    // A prompt is as good as any tokens here.
    case COMPUTE_attention:
    case COMPUTE_prefill_attention: return attention(changetype<Attention>(command));
    case COMPUTE_silu_gate: return siluGate(changetype<SiluGate>(command));
    case COMPUTE_route: return route(changetype<Route>(command));
    case COMPUTE_combine: return combine(changetype<Combine>(command));
    case COMPUTE_top_k: return topK(changetype<TopK>(command));
    case COMPUTE_sample: return sample(changetype<Sample>(command));
    case COMPUTE_advance: return advance(changetype<Advance>(command));
    default: return fill(changetype<Fill>(command));
  }
}
