/**
 * @file Feed-forward parts of a layer on a rank: dense, or of routed experts, with shared ones beside them. What they give is a part of the sum over ranks.
 */
import { combineExperts, expertLinear, groupExperts, route, siluGate } from '../../graph/build/model.ts';
import type { Value } from '../../graph/ir/graph.ts';
import { hasExperts } from './config.ts';
import { Activation, type StepBuilder } from './step.ts';

export function feedForward(step: StepBuilder, layer: number, x: Activation): Value {
  const at = `model.layers.${layer}.mlp`;
  return hasExperts(step.config, layer) ? experts(step, at, x) : dense(step, at, x);
}

/** down(silu(gate(x)) * up(x)) */
function dense(step: StepBuilder, at: string, x: Activation): Value {
  const gated = siluGate(step.g, step.project(x, `${at}.gate_up_proj.weight`));
  return step.project(new Activation(step, gated), `${at}.down_proj.weight`);
}

/** The chosen experts of every token, as far as they are here, each by its weight; experts stay in bf16. */
function experts(step: StepBuilder, at: string, x: Activation): Value {
  const { g, config, split } = step;
  const { experts: all, choices, normalize, scale, sharedInner } = config.moe!;
  const here = { start: step.parts.expertStart, count: split.expertCount };
  const logits = g.linear(x.value, step.weight(`${at}.gate.weight`));
  const { weights, experts: chosen } = route(g, logits, { choices, normalize, scale });
  const grouped = groupExperts(g, chosen, here);
  const byExpert = (rows: Value, name: string): Value =>
    expertLinear(g, {
      x: rows,
      weight: step.weight(`${at}.experts.${name}`),
      ...grouped,
      choices,
      experts: all,
    });
  const made = byExpert(siluGate(g, byExpert(x.value, 'gate_up_proj')), 'down_proj');
  const routed = combineExperts(g, { x: made, weights, experts: chosen, ...here });
  return sharedInner === 0 ? routed : g.add(routed, dense(step, `${at}.shared_experts`, x));
}
