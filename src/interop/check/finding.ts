/** @file One thing that is wrong. */
import type { Instruction } from '../engines/types.ts';

export const FINDING_KINDS = [
  'fusion_cap_too_high',
  'fusion_cap_too_low',
  'fusion_off',
  'custom_bounded_too_high',
  'custom_bounded_too_low',
  'custom_off',
  'backend_unavailable',
  'slower_choice',
  'out_of_reach',
  'not_measured',
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];

export interface Finding {
  readonly kind: FindingKind;
  readonly text: string;
  /** Sizes, both included, bytes. */
  readonly from: number;
  readonly last: number;
  /** At the worst, of the faster time; absent where nothing is lost or nothing is known. */
  readonly percent?: number | undefined;
  /** What to set; empty where nothing helps. */
  readonly instructions: readonly Instruction[];
}
