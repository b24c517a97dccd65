/**
 * @file The parameters of a model's kernel, and its launch's configuration, in one block of memory whose addresses never change. A parameter has 8 bytes
 * whatever its type, so the list of their addresses, which cuLaunchKernelEx reads as far as the kernel has parameters, never changes either.
 */
import { CrossoverError } from '../../../errors.ts';
import { allocate, type NativeBlock } from '../../../ffi/memory.ts';
import { CONFIG_BYTES, LaunchConfig } from '../launch-config.ts';
import type { ModelLaunch } from './target.ts';

const MOST_PARAMETERS = 64;
const LIST = MOST_PARAMETERS * 8;
const CONFIG = 2 * LIST;
const BYTES = CONFIG + CONFIG_BYTES;

export class ComputeRecord {
  /** Of the CUlaunchConfig and of the list of parameters, for cuLaunchKernelEx. */
  readonly config: bigint;
  readonly params: bigint;
  readonly #block: NativeBlock;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #configuration: LaunchConfig;

  constructor(stream: bigint) {
    this.#block = allocate(BYTES);
    const { address, bytes } = this.#block;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, BYTES / 4);
    this.#floats = new Float32Array(bytes.buffer, bytes.byteOffset, BYTES / 4);
    this.config = address + BigInt(CONFIG);
    this.params = address + BigInt(LIST);
    for (let i = 0; i < MOST_PARAMETERS; i++) this.#address((LIST >> 2) + 2 * i, Number(address) + 8 * i);
    this.#configuration = new LaunchConfig(this.#words, CONFIG, address, stream);
  }

  write(launch: ModelLaunch, programmatic: number): void {
    const { addresses, integers = [], floats = [] } = launch.params;
    if (addresses.length + integers.length + floats.length > MOST_PARAMETERS) {
      throw new CrossoverError(`${launch.kernel} has more than ${MOST_PARAMETERS} parameters`);
    }
    let at = 0;
    for (const address of addresses) {
      this.#address(at, address);
      at += 2;
    }
    for (const integer of integers) {
      this.#words[at] = integer;
      at += 2;
    }
    for (const float of floats) {
      this.#floats[at] = float;
      at += 2;
    }
    const [x, y = 1, z = 1] = launch.grid;
    const { block, sharedBytes = 0, cluster = 1 } = launch;
    this.#configuration.write(x, y, z, block, sharedBytes, cluster, programmatic);
  }

  release(): void {
    this.#block.release();
  }

  /** A number below 2^53 as the 64 bits from word `at` on. */
  #address(at: number, value: number): void {
    this.#words[at] = value;
    this.#words[at + 1] = value / 0x1_0000_0000;
  }
}
