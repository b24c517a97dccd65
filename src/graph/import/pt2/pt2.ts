/**
 * @file Reads what torch.export writes: PT2 archives with their weights, and the bare model.json of one.
 */
import { basename } from 'node:path';
import { CrossoverError } from '../../../errors.ts';
import type { Graph } from '../../ir/graph.ts';
import { verify } from '../../ir/verify.ts';
import { NO_WEIGHTS, type WeightStore } from '../../ir/weight.ts';
import { readHead, readJsonFile, startsWith, ZIP_MAGIC } from '../files.ts';
import { Archive } from './archive.ts';
import { Json } from './json.ts';
import { readSource } from './source.ts';
import { translate } from './translate.ts';
import { readWeights } from './weights.ts';

/**
 * Reads an exported program: an archive (`.pt2`), or the `models/model.json` of one, which may be packed by gzip. Weights stay in the file, and are
 * read when they are asked for; a bare model.json has none.
 *
 * @example
 * const graph = await importPt2('llama.pt2');
 * console.log(printGraph(graph));
 *
 * @throws CrossoverError that names the file, the place in it, and what would be accepted
 */
export async function importPt2(path: string): Promise<Graph> {
  if (!startsWith(readHead(path), ZIP_MAGIC)) return importPt2Json(readJsonFile(path), path);
  const archive = await Archive.open(path);
  const model = modelName(archive);
  return importModel(archive.json(`models/${model}.json`), archive.root, readWeights(archive, model));
}

/** Reads what a model.json holds. @param path of the file, for messages and for the graph's name */
export function importPt2Json(model: unknown, path: string): Graph {
  const name = basename(path).replace(/(?:\.json)?(?:\.gz)?$/, '');
  return importModel(Json.of(model, path), name, NO_WEIGHTS);
}

/**
 * Reads the JSON of an exported program.
 * @param name of the graph, and of the file in messages
 * @param weights what the file holds; empty for the graph alone
 * @throws CrossoverError that names the place and what would be accepted
 */
export function importPt2Graph(model: unknown, name: string, weights: WeightStore): Graph {
  return importModel(Json.of(model, name), name, weights);
}

function importModel(model: Json, name: string, weights: WeightStore): Graph {
  const source = readSource(model);
  for (const { weight, reference } of source.inputs) {
    if (weight !== undefined && weights.size > 0 && !weights.has(weight))
      reference.json.fail(`is weight "${weight}", which the file does not hold`);
  }
  const graph = translate(source, name, weights);
  verify(graph);
  return graph;
}

/** An archive may have several models; the one that save() writes is "model". */
function modelName(archive: Archive): string {
  const names = archive
    .names('models/')
    .map((entry) => entry.slice('models/'.length))
    .filter((entry) => entry.endsWith('.json'))
    .map((entry) => entry.slice(0, -'.json'.length));
  const [first] = names;
  if (first === undefined) throw new CrossoverError(`${archive.path} has no models/model.json`);
  if (names.includes('model') || names.length === 1) return names.includes('model') ? 'model' : first;
  throw new CrossoverError(
    `${archive.path} has the models ${names.join(', ')}; use an archive with one of them, or with one named "model"`,
  );
}
