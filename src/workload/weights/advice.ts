/**
 * @file What to say when a model does not fit: what it needs, what there is, and which cut of its layers or which number of ranks would fit.
 */
import { formatBytes } from '../../units.ts';
import { type ModelConfig, withLayers } from '../models/config.ts';
import { acceptedWorldSizes, type SplitOptions } from '../models/split.ts';

/** Bytes of one rank. */
export interface Needs {
  readonly weights: number;
  readonly caches: number;
  readonly working: number;
  readonly total: number;
}

export interface FitRequest extends SplitOptions {
  /** Bytes that one of so many ranks may use. */
  readonly available: (worldSize: number) => number;
  /** Ranks that could be used; `worldSize` by default. */
  readonly mostRanks?: number | undefined;
  /** What a model needs on one of so many ranks. */
  readonly needs: (config: ModelConfig, worldSize: number) => Needs;
}

/** One sentence, or undefined when the model fits. */
export function fitAdvice(config: ModelConfig, request: FitRequest): string | undefined {
  const { worldSize, needs } = request;
  const own = needs(config, worldSize);
  const available = request.available(worldSize);
  if (own.total <= available) return undefined;
  const parts = [
    `weights ${formatBytes(own.weights)}`,
    `caches ${formatBytes(own.caches)}`,
    `working memory ${formatBytes(own.working)}`,
  ];
  const need = `${config.name} needs ${formatBytes(own.total)} ${worldSize === 1 ? 'on 1 rank' : `on each of ${worldSize} ranks`} (${parts.join(', ')}), and there are ${formatBytes(available)}`;
  const ways = [ranksThatFit(config, request), layersThatFit(config, request)].filter(
    (way) => way !== undefined,
  );
  if (ways.length === 0) {
    const isHopeless = needs(withLayers(config, 1), worldSize).weights > available;
    return isHopeless
      ? `${need}; not even the weights of one layer fit`
      : `${need}; use fewer or shorter sequences, or fewer tokens a step: one layer does not fit either`;
  }
  return `${need}; use ${ways.join(', or ')}`;
}

/** The most layers, by halving: every layer needs more. */
function layersThatFit(config: ModelConfig, request: FitRequest): string | undefined {
  const { worldSize, needs } = request;
  const available = request.available(worldSize);
  let [fits, tooMany] = [0, config.layers];
  while (tooMany - fits > 1) {
    const layers = Math.floor((fits + tooMany) / 2);
    if (needs(withLayers(config, layers), worldSize).total <= available) fits = layers;
    else tooMany = layers;
  }
  return fits === 0 ? undefined : `--layers ${fits}`;
}

/** The fewest ranks. */
function ranksThatFit(config: ModelConfig, request: FitRequest): string | undefined {
  const { worldSize, available, needs, mostRanks = worldSize } = request;
  const found = acceptedWorldSizes(config, request).find(
    (ranks) => ranks > worldSize && ranks <= mostRanks && needs(config, ranks).total <= available(ranks),
  );
  return found === undefined ? undefined : `--ranks ${found}`;
}
