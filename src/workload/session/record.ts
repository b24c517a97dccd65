/**
 * @file Where, when and of which model something was timed: what results of models in files have in common.
 */
import type { Fingerprint } from '../../plan/plan.ts';

export interface ModelRecord<Name extends string> {
  /** The command that made it. */
  readonly benchmark: Name;
  readonly schema: 1;
  /** Version of crossover. */
  readonly crossover: string;
  /** ISO 8601. */
  readonly date: string;
  /** As it was typed. */
  readonly command: string;
  readonly engine: Fingerprint['engine'];
  readonly host: Fingerprint['host'];
  readonly device: Fingerprint['device'];
  readonly model: string;
  readonly layers: number;
  readonly worldSize: number;
  readonly attention: string;
  readonly experts: string;
  readonly precision: string;
}
