/**
 * @file Feed-forward parts of a layer on a rank: dense, or of routed experts, with shared ones beside them. What they give is a part of the sum over ranks.
 */
import type { Value } from '../../graph/ir/graph.ts';
import { type Dim, tensorType } from '../../graph/ir/type.ts';
import { hasExperts } from './config.ts';
import { Activation, type StepBuilder } from './step.ts';

export function feedForward(step: StepBuilder, layer: number, x: Activation): Value {
  const at = `model.layers.${layer}.mlp`;
  return hasExperts(step.config, layer) ? experts(step, at, x) : dense(step, at, x, step.split.inner);
}

/** down(silu(gate(x)) * up(x)) */
function dense(step: StepBuilder, at: string, x: Activation, inner: number): Value {
  const gateUp = step.project(x, `${at}.gate_up_proj.weight`);
  const gated = step.one('silu_gate', { x: gateUp }, 'bf16', [step.parts.allTokens, inner]);
  return step.project(new Activation(step, gated), `${at}.down_proj.weight`);
}

/** The chosen experts of every token, as far as they are here, each by its weight; experts stay in bf16. */
function experts(step: StepBuilder, at: string, x: Activation): Value {
  const { config, split, parts } = step;
  const { choices, normalize, scale, sharedInner } = config.moe!;
  const { allTokens: tokens, expertStart: start } = parts;
  const { expertCount: count, expertInner: inner } = split;
  const pairs: Dim = typeof tokens === 'number' ? tokens * choices : `${choices}*${tokens}`;
  const [weights, chosen] = step.many(
    'route',
    { logits: step.g.linear(x.value, step.weight(`${at}.gate.weight`)), choices, normalize, scale },
    [tensorType('f32', [tokens, choices]), tensorType('i32', [tokens, choices])],
  ) as [Value, Value];
  const [order, offsets] = step.many('group_experts', { experts: chosen, count, start }, [
    tensorType('i32', [pairs]),
    tensorType('i32', [count + 1]),
  ]) as [Value, Value];
  const byExpert = (rows: Value, name: string, outer: number): Value =>
    step.one(
      'expert_linear',
      { x: rows, weight: step.weight(`${at}.experts.${name}`), order, offsets, choices },
      'bf16',
      [tokens, choices, outer],
    );
  const gateUp = byExpert(x.value, 'gate_up_proj', 2 * inner);
  const gated = step.one('silu_gate', { x: gateUp }, 'bf16', [tokens, choices, inner]);
  const made = byExpert(gated, 'down_proj', config.hidden);
  const routed = step.one('combine_experts', { x: made, weights, experts: chosen, start, count }, 'bf16', [
    tokens,
    config.hidden,
  ]);
  if (sharedInner === 0) return routed;
  return step.g.add(routed, dense(step, `${at}.shared_experts`, x, split.sharedInner));
}
