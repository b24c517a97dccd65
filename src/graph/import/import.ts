/**
 * @file Reads a graph from whatever file holds one, told by its content: names of files say nothing here.
 */

import { CrossoverError } from '../../errors.ts';
import type { Graph } from '../ir/graph.ts';
import { parseGraph } from '../ir/json.ts';
import { verify } from '../ir/verify.ts';
import { GZIP_MAGIC, readHead, readJsonFile, startsWith, ZIP_MAGIC } from './files.ts';
import { importOnnx } from './onnx/onnx.ts';
import { importPt2, importPt2Json } from './pt2/pt2.ts';

const ACCEPTED =
  'a PT2 archive or model.json of torch.export, an ONNX model, or a graph that "crossover fuse" wrote';

/**
 * Reads a graph: a PT2 archive of torch.export or the model.json of one, perhaps packed by gzip; an ONNX model; or the JSON of a graph of this package.
 *
 * @example
 * const graph = await importGraph('llama.pt2');
 *
 * @throws CrossoverError that names the file, what was found, and what is accepted
 */
export async function importGraph(path: string): Promise<Graph> {
  const head = readHead(path);
  if (startsWith(head, ZIP_MAGIC)) return importPt2(path);
  if (startsWith(head, GZIP_MAGIC) || looksLikeJson(head)) return importJson(path);
  if (mayBeOnnx(head)) return importOnnx(path);
  throw new CrossoverError(`${path} begins with ${shown(head)}; use ${ACCEPTED}`);
}

function importJson(path: string): Graph {
  const json = readJsonFile(path);
  if (hasField(json, 'graph_module')) return importPt2Json(json, path);
  if (hasField(json, 'crossover_graph')) {
    try {
      const graph = parseGraph(json);
      verify(graph);
      return graph;
    } catch (error) {
      if (error instanceof CrossoverError)
        throw new CrossoverError(`${path}: ${error.message}`, { cause: error });
      throw error;
    }
  }
  const found = Array.isArray(json)
    ? 'a list'
    : typeof json === 'object'
      ? `fields ${fields(json)}`
      : typeof json;
  throw new CrossoverError(`${path} is JSON with ${found}, and no graph; use ${ACCEPTED}`);
}

function hasField(json: unknown, name: string): boolean {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && Object.hasOwn(json, name);
}

function fields(json: object | null): string {
  const names = Object.keys(json ?? {});
  return names.length === 0
    ? 'none'
    : names
        .slice(0, 5)
        .map((name) => JSON.stringify(name))
        .join(', ');
}

function looksLikeJson(head: Uint8Array): boolean {
  return /^(?:\ufeff)?\s*[[{]/.test(Buffer.from(head).toString('utf8'));
}

/** Whether a message may begin so that has the fields of ModelProto: 1 and 5 are numbers, those others that it has up to 14 are no numbers. */
function mayBeOnnx(head: Uint8Array): boolean {
  const [tag] = head;
  if (tag === undefined || head.length < 3) return false;
  const field = tag >> 3;
  return field === 1 || field === 5
    ? (tag & 7) === 0
    : [2, 3, 4, 6, 7, 8, 14].includes(field) && (tag & 7) === 2;
}

function shown(head: Uint8Array): string {
  if (head.length === 0) return 'nothing: it is empty';
  const bytes = [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `bytes ${bytes}`;
}
