/**
 * @file A folder with a model as Hugging Face has it: config.json, and its tensors in one safetensors file or in several with an index.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { CrossoverError } from '../../errors.ts';
import type { ModelConfig } from '../models/config.ts';
import { readModelConfig } from '../models/hugging-face.ts';
import type { PlannedWeight } from './planned.ts';
import { SafetensorsFile, type StoredTensor } from './safetensors.ts';

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** Dtypes that are made bf16 of. */
const ACCEPTED = ['BF16', 'F16', 'F32'];

export class Checkpoint {
  readonly folder: string;
  readonly config: ModelConfig;
  readonly #files = new Map<string, SafetensorsFile>();
  readonly #tensors: ReadonlyMap<string, StoredTensor>;

  /** Reads headers only. @throws CrossoverError that names the file at fault */
  constructor(folder: string) {
    this.folder = folder;
    this.config = readModelConfig(folder);
    try {
      this.#tensors = this.#open();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @throws CrossoverError that names the tensor, when it is missing or not as the model's configuration has it */
  tensor(name: string, shape: readonly number[]): StoredTensor {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new CrossoverError(`${this.folder} has no tensor ${name}`);
    const { file, dtype } = tensor;
    if (tensor.shape.length !== shape.length || tensor.shape.some((dim, i) => dim !== shape[i]))
      throw new CrossoverError(
        `${file}: tensor ${name} is [${tensor.shape.join(', ')}], and by config.json [${shape.join(', ')}]`,
      );
    if (!ACCEPTED.includes(dtype))
      throw new CrossoverError(`${file}: tensor ${name} is ${dtype}; use one of ${ACCEPTED.join(', ')}`);
    return tensor;
  }

  /** That every tensor of a plan is there, before anything is allocated. @throws CrossoverError that names the first that is not */
  check(plan: readonly PlannedWeight[]): void {
    for (const weight of plan) {
      if (weight.kind !== 'tensors') continue;
      for (const { tensor, shape } of weight.parts) this.tensor(tensor, shape);
    }
  }

  /** Fills `into` with bytes of a tensor, from byte `from` of it on. */
  read(tensor: StoredTensor, from: number, into: Uint8Array): void {
    this.#files.get(tensor.file)!.read(into, tensor.begin + from);
  }

  /** Idempotent. */
  close(): void {
    for (const file of this.#files.values()) file.close();
  }

  #open(): ReadonlyMap<string, StoredTensor> {
    if (existsSync(path.join(this.folder, SINGLE))) return this.#file(SINGLE).tensors;
    const source = path.join(this.folder, INDEX);
    if (!existsSync(source))
      throw new CrossoverError(
        `${this.folder} has neither ${SINGLE} nor ${INDEX}; other formats are not read`,
      );
    let json: unknown;
    try {
      json = JSON.parse(readFileSync(source, 'utf8'));
    } catch (cause) {
      throw new CrossoverError(`${source} is no JSON: ${(cause as Error).message}`, { cause });
    }
    const index = indexSchema.safeParse(json);
    if (!index.success) throw new CrossoverError(`${source} has no weight_map from tensors to files`);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, file] of Object.entries(index.data.weight_map)) {
      if (path.basename(file) !== file)
        throw new CrossoverError(
          `${source}: tensor ${name} is in "${file}"; it must be a file of the folder`,
        );
      const tensor = this.#file(file).tensors.get(name);
      if (!tensor)
        throw new CrossoverError(`${source}: tensor ${name} is said to be in ${file}, which has it not`);
      tensors.set(name, tensor);
    }
    return tensors;
  }

  #file(name: string): SafetensorsFile {
    const full = path.join(this.folder, name);
    let file = this.#files.get(full);
    if (!file) {
      file = new SafetensorsFile(full);
      this.#files.set(full, file);
    }
    return file;
  }
}
