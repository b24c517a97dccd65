/**
 * @file Models as their papers have them, in float64: one sequence at a time, all of it, every token against all before. Nothing is split, cached, fused or absorbed.
 */
import type { HfConfig, HfTensors } from './checkpoint.ts';

type Row = Float64Array;

/** Logits after every token. */
export function forward(config: HfConfig, tensors: HfTensors, ids: readonly number[]): Row[] {
  const n = (field: string, absent = 0): number => Number(config[field] ?? absent);
  const hidden = n('hidden_size');
  const matrix = (name: string): ((x: Row) => Row) => {
    const { shape, values } = tensors.get(name)!;
    const [rows, columns] = shape as [number, number];
    return (x) =>
      Float64Array.from({ length: rows }, (_, r) => {
        let sum = 0;
        for (let c = 0; c < columns; c++) sum += values[r * columns + c]! * x[c]!;
        return sum;
      });
  };
  const norm = (x: Row, name: string): Row => {
    const mean = x.reduce((sum, value) => sum + value * value, 0) / x.length;
    const { values } = tensors.get(name)!;
    return x.map((value, i) => (value / Math.sqrt(mean + n('rms_norm_eps'))) * values[i]!);
  };
  const mlp = (at: string, x: Row): Row => {
    const up = matrix(`${at}.up_proj.weight`)(x);
    const gate = matrix(`${at}.gate_proj.weight`)(x);
    return matrix(`${at}.down_proj.weight`)(
      up.map((value, i) => (value * gate[i]!) / (1 + Math.exp(-gate[i]!))),
    );
  };
  const moe = (at: string, x: Row): Row => {
    const chances = softmax([...matrix(`${at}.gate.weight`)(x)]);
    const chosen = [...chances.keys()]
      .sort((a, b) => chances[b]! - chances[a]!)
      .slice(0, n('num_experts_per_tok'));
    const total = config.norm_topk_prob === true ? chosen.reduce((sum, one) => sum + chances[one]!, 0) : 1;
    let out = n('n_shared_experts') > 0 ? mlp(`${at}.shared_experts`, x) : new Float64Array(hidden);
    for (const expert of chosen) {
      const made = mlp(`${at}.experts.${expert}`, x);
      const weight = (chances[expert]! / total) * n('routed_scaling_factor', 1);
      out = out.map((value, i) => value + weight * made[i]!);
    }
    return out;
  };

  const { values: table } = tensors.get('model.embed_tokens.weight')!;
  let stream: Row[] = ids.map((id) => table.slice(id * hidden, (id + 1) * hidden));
  for (let layer = 0; layer < n('num_hidden_layers'); layer++) {
    const at = `model.layers.${layer}`;
    const normed = stream.map((x) => norm(x, `${at}.input_layernorm.weight`));
    const attended = (config.model_type === 'deepseek_v2' ? latentAttention : groupedAttention)(
      `${at}.self_attn`,
      normed,
    );
    stream = stream.map((x, t) => x.map((value, i) => value + attended[t]![i]!));
    const isSparse = tensors.has(`${at}.mlp.gate.weight`);
    stream = stream.map((x) => {
      const y = norm(x, `${at}.post_attention_layernorm.weight`);
      const made = isSparse ? moe(`${at}.mlp`, y) : mlp(`${at}.mlp`, y);
      return x.map((value, i) => value + made[i]!);
    });
  }
  const head = matrix(config.tie_word_embeddings === true ? 'model.embed_tokens.weight' : 'lm_head.weight');
  return stream.map((x) => head(norm(x, 'model.norm.weight')));

  function groupedAttention(at: string, xs: readonly Row[]): Row[] {
    const [heads, kvHeads, size] = [n('num_attention_heads'), n('num_key_value_heads'), n('head_dim')];
    const rotated = (name: 'q' | 'k', count: number): Row[][] =>
      xs.map((x, t) =>
        heads_(matrix(`${at}.${name}_proj.weight`)(x), count).map((one) => {
          const y = tensors.has(`${at}.${name}_norm.weight`) ? norm(one, `${at}.${name}_norm.weight`) : one;
          return turned(y, t, 'halves');
        }),
      );
    const [queries, keys] = [rotated('q', heads), rotated('k', kvHeads)];
    const values = xs.map((x) => heads_(matrix(`${at}.v_proj.weight`)(x), kvHeads));
    const output = matrix(`${at}.o_proj.weight`);
    return xs.map((_, t) =>
      output(
        joined(
          Array.from({ length: heads }, (__, h) => {
            const kv = Math.floor((h * kvHeads) / heads);
            const past = keys.slice(0, t + 1);
            const scores = past.map((key) => dot(queries[t]![h]!, key[kv]!) / Math.sqrt(size));
            return mixed(
              scores,
              values.map((value) => value[kv]!),
            );
          }),
        ),
      ),
    );
  }

  function latentAttention(at: string, xs: readonly Row[]): Row[] {
    const [heads, nope, rope, latent] = [
      n('num_attention_heads'),
      n('qk_nope_head_dim'),
      n('qk_rope_head_dim'),
      n('kv_lora_rank'),
    ];
    const scaling = config.rope_scaling as { factor: number; mscale_all_dim: number };
    const magnitude = 0.1 * scaling.mscale_all_dim * Math.log(scaling.factor) + 1;
    const scale = magnitude ** 2 / Math.sqrt(nope + rope);
    const tokens = xs.map((x, t) => {
      const down = matrix(`${at}.kv_a_proj_with_mqa.weight`)(x);
      const up = matrix(`${at}.kv_b_proj.weight`)(norm(down.slice(0, latent), `${at}.kv_a_layernorm.weight`));
      return {
        queries: heads_(matrix(`${at}.q_proj.weight`)(x), heads),
        keysAndValues: heads_(up, heads),
        rope: turned(down.slice(latent), t, 'pairs'),
      };
    });
    const output = matrix(`${at}.o_proj.weight`);
    return tokens.map(({ queries }, t) =>
      output(
        joined(
          queries.map((query, h) => {
            const turnedQuery = turned(query.slice(nope), t, 'pairs');
            const past = tokens.slice(0, t + 1);
            const scores = past.map(
              (token) =>
                scale *
                (dot(query.slice(0, nope), token.keysAndValues[h]!.slice(0, nope)) +
                  dot(turnedQuery, token.rope)),
            );
            return mixed(
              scores,
              past.map((token) => token.keysAndValues[h]!.slice(nope)),
            );
          }),
        ),
      ),
    );
  }

  /** Rotary embedding: elements that are turned together lie next to each other, or half a head apart. */
  function turned(x: Row, place: number, which: 'halves' | 'pairs'): Row {
    const out = x.slice();
    const half = x.length / 2;
    for (let i = 0; i < half; i++) {
      const [a, b] = which === 'halves' ? [i, i + half] : [2 * i, 2 * i + 1];
      const angle = place * frequency(i, x.length);
      const grown = ropeMagnitude();
      out[a] = grown * (x[a]! * Math.cos(angle) - x[b]! * Math.sin(angle));
      out[b] = grown * (x[b]! * Math.cos(angle) + x[a]! * Math.sin(angle));
    }
    return out;
  }

  function ropeMagnitude(): number {
    const {
      type,
      factor = 1,
      mscale = 1,
      mscale_all_dim: all = 0,
    } = (config.rope_scaling ?? {}) as Record<string, never>;
    const of = (m: number): number => 0.1 * m * Math.log(factor) + 1;
    return type === 'yarn' ? of(mscale) / of(all) : 1;
  }

  function frequency(i: number, size: number): number {
    const parameters = (config.rope_parameters ?? {}) as { rope_theta?: number };
    const theta = parameters.rope_theta ?? n('rope_theta', 10_000);
    const plain = 1 / theta ** ((2 * i) / size);
    const scaling = (config.rope_scaling ?? {}) as Record<string, number>;
    const { factor = 1, original_max_position_embeddings: original = 1 } = scaling;
    if (String(scaling.rope_type) === 'llama3') {
      const wave = (2 * Math.PI) / plain;
      const { low_freq_factor: low = 1, high_freq_factor: high = 1 } = scaling;
      if (wave < original / high) return plain;
      if (wave > original / low) return plain / factor;
      const smooth = (original / wave - low) / (high - low);
      return ((1 - smooth) * plain) / factor + smooth * plain;
    }
    if (String(scaling.type) !== 'yarn') return plain;
    const dim = (turns: number): number =>
      (size * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
    const first = Math.max(Math.floor(dim(scaling.beta_fast!)), 0);
    const last = Math.min(Math.ceil(dim(scaling.beta_slow!)), size - 1);
    const ramp = Math.min(1, Math.max(0, (i - first) / (last - first)));
    return (plain / factor) * ramp + plain * (1 - ramp);
  }
}

function heads_(row: Row, count: number): Row[] {
  const size = row.length / count;
  return Array.from({ length: count }, (_, h) => row.slice(h * size, (h + 1) * size));
}

function joined(rows: readonly Row[]): Row {
  return Float64Array.from(rows.flatMap((row) => [...row]));
}

function dot(a: Row, b: Row): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** Rows by the softmax of their scores; there may be more rows than scores. */
function mixed(scores: readonly number[], rows: readonly Row[]): Row {
  const weights = softmax(scores);
  const out = new Float64Array(rows[0]!.length);
  for (const [t, weight] of weights.entries()) {
    for (const [i, value] of rows[t]!.entries()) out[i]! += weight * value;
  }
  return out;
}
