/**
 * @file The weights of an archive: what its configurations say of each, and where its bytes are. Nothing is read before it is asked for.
 */
import { CrossoverError } from '../../../errors.ts';
import { elementBytes } from '../../ir/type.ts';
import type { Weight, WeightStore } from '../../ir/weight.ts';
import type { Archive } from './archive.ts';
import type { Json } from './json.ts';
import { storedType } from './types.ts';

/** Elements that a weight may have beyond those stored, when it repeats them by strides of 0: what nobody does with large ones. */
const MAX_REPEATED = 2 ** 24;

/**
 * Parameters, buffers and constants, by name.
 * @param model name of the model, by which the configurations go
 * @throws CrossoverError when a configuration is malformed, or names bytes that the archive does not have
 */
export function readWeights(archive: Archive, model: string): WeightStore {
  const weights = new Map<string, Weight>();
  for (const folder of ['weights', 'constants']) {
    const name = `data/${folder}/model_${folder}_config.json`;
    const own = `data/${folder}/${model}_${folder}_config.json`;
    const config = [own, name].find((one) => archive.has(one));
    if (config === undefined) continue;
    for (const [weight, json] of archive.json(config).field('config').fields()) {
      const read = readWeight(archive, `data/${folder}`, json, weight);
      if (read && !weights.has(weight)) weights.set(weight, read);
    }
  }
  return weights;
}

/** Undefined for what is no tensor. */
function readWeight(archive: Archive, folder: string, json: Json, name: string): Weight | undefined {
  const meta = json.maybe('tensor_meta');
  if (!meta) return undefined;
  const type = storedType(meta);
  const path = json.field('path_name');
  const entry = `${folder}/${path.text()}`;
  if (json.maybe('use_pickle')?.flag()) {
    const storage = (): never => {
      throw new CrossoverError(
        `${archive.path}: weight "${name}" is pickled, which only Python can read; save it as a plain tensor`,
      );
    };
    return { ...type, storage };
  }
  if (!archive.has(entry)) path.fail(`names the entry ${entry}, which the archive does not have`);
  const stored = Math.floor(archive.size(entry) / elementBytes(type.dtype));
  const { shape, strides, offset } = type;
  const count = shape.reduce((product, size) => product * size, 1);
  const last = count === 0 ? -1 : shape.reduce((at, size, i) => at + (size - 1) * strides[i]!, offset);
  if (last >= stored || count > Math.max(stored, MAX_REPEATED)) {
    meta.fail(
      `describes ${type.dtype}[${shape.join(', ')}] with strides [${strides.join(', ')}] from element ${offset} on, and ${entry} has ${stored} elements`,
    );
  }
  return { ...type, storage: () => archive.read(entry) };
}
