/**
 * @file Rotary embedding: the table of cosines and sines that kernels look up, and the factor that YaRN puts on attention's scale. Frequencies and angles are
 * float32, as in the models' own code, so that far places are turned by the same angles.
 */
import type { ModelConfig, Rope, YarnScaling } from './config.ts';

/** Elements of a head that are rotated. */
export function rotaryOf({ mla, head }: ModelConfig): number {
  return mla?.rope ?? head;
}

/** What a query times a key is multiplied by. */
export function attentionScale({ head, rope: { scaling } }: ModelConfig): number {
  const magnitude = scaling?.kind === 'yarn' ? yarnMagnitude(scaling.factor, scaling.magnitudeAll) : 1;
  return magnitude ** 2 / Math.sqrt(head);
}

/** [places, rotary / 2, 2]: cosine and sine of every place and frequency. */
export function rotaryTable(config: ModelConfig, places: number): Float32Array {
  const frequencies = inverseFrequencies(config.rope, rotaryOf(config));
  const { scaling } = config.rope;
  const magnitude =
    scaling?.kind === 'yarn'
      ? yarnMagnitude(scaling.factor, scaling.magnitude) / yarnMagnitude(scaling.factor, scaling.magnitudeAll)
      : 1;
  const table = new Float32Array(places * frequencies.length * 2);
  let at = 0;
  for (let place = 0; place < places; place++) {
    for (const frequency of frequencies) {
      const angle = Math.fround(place * frequency);
      table[at++] = Math.cos(angle) * magnitude;
      table[at++] = Math.sin(angle) * magnitude;
    }
  }
  return table;
}

/** Radians a place, of `rotary` / 2 pairs. */
export function inverseFrequencies({ theta, scaling }: Rope, rotary: number): Float32Array {
  const plain = Float32Array.from({ length: rotary / 2 }, (_, i) => theta ** ((-2 * i) / rotary));
  if (!scaling) return plain;
  if (scaling.kind === 'yarn') return yarnFrequencies(plain, scaling, theta);
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPlaces } = scaling;
  return plain.map((frequency) => {
    const waves = (originalPlaces * frequency) / (2 * Math.PI);
    if (waves > high) return frequency;
    if (waves < low) return frequency / factor;
    const kept = (waves - low) / (high - low);
    return (1 - kept) * (frequency / factor) + kept * frequency;
  });
}

/** Pairs that turn often within the original places are kept, those that turn less than once are stretched, with a ramp between. */
function yarnFrequencies(plain: Float32Array, scaling: YarnScaling, theta: number): Float32Array {
  const { factor, betaFast, betaSlow, originalPlaces } = scaling;
  const rotary = 2 * plain.length;
  const pairOf = (turns: number): number =>
    (rotary * Math.log(originalPlaces / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const first = Math.max(Math.floor(pairOf(betaFast)), 0);
  const last = Math.min(Math.ceil(pairOf(betaSlow)), rotary - 1);
  const width = last === first ? 0.001 : last - first;
  return plain.map((frequency, i) => {
    const stretched = Math.min(Math.max((i - first) / width, 0), 1);
    return (frequency / factor) * stretched + frequency * (1 - stretched);
  });
}

function yarnMagnitude(factor: number, magnitude: number): number {
  return factor <= 1 ? 1 : 0.1 * magnitude * Math.log(factor) + 1;
}
