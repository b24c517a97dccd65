/**
 * @file All cases, by the kernel that they are of.
 */
import type { ComputeName } from '../../../dist/engine/compute.js';
import type { Case, Making } from '../support/case.ts';
import { latentAppendCases, rotaryAppendCases } from './append.ts';
import { attentionCases, prefillCases } from './attention.ts';
import { combineCases, expertLinearCases, groupExpertsCases, routeCases } from './experts.ts';
import { headLinearCases, linearCases, linearSpecialCases, scaledLinearCases } from './products.ts';
import { embeddingCases, fillCases, siluGateCases } from './rows.ts';
import { advanceCases, sampleCases, topKCases } from './sampling.ts';

type Family = (making: Making) => Case[];

const BY_KERNEL: Readonly<Record<ComputeName, Family>> = {
  embedding: embeddingCases,
  linear: (making) => [...linearCases(making), ...linearSpecialCases(making)],
  scaled_linear: scaledLinearCases,
  head_linear: headLinearCases,
  group_experts: groupExpertsCases,
  expert_linear: expertLinearCases,
  rotary_append: rotaryAppendCases,
  latent_append: latentAppendCases,
  attention: attentionCases,
  prefill_attention: prefillCases,
  silu_gate: siluGateCases,
  route: routeCases,
  combine: combineCases,
  top_k: topKCases,
  sample: sampleCases,
  advance: advanceCases,
  fill: fillCases,
};

export const FAMILIES: Readonly<Record<string, Family>> = BY_KERNEL;
