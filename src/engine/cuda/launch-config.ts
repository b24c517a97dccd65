/**
 * @file CUlaunchConfig, as cuLaunchKernelEx wants it, and the two attributes that launches here have. Offsets are those of CUDA 11.8 to 13.
 */

const SHARED = 24;
const STREAM = 32;
const ATTRIBUTES_POINTER = 40;
const COUNT = 48;
const ATTRIBUTES = 56;
const ATTRIBUTE_BYTES = 72;
export const CONFIG_BYTES: number = ATTRIBUTES + 2 * ATTRIBUTE_BYTES;

const CLUSTER_DIMENSION = 4;
const PROGRAMMATIC_STREAM_SERIALIZATION = 6;

/** A configuration in memory that C may read. `write` allocates nothing. */
export class LaunchConfig {
  readonly #words: Uint32Array;
  readonly #at: number;

  /** At byte `at` of memory that begins at an address, seen through `words`; all of it is zero. */
  constructor(words: Uint32Array, at: number, address: bigint, stream: bigint) {
    this.#words = words;
    this.#at = at >> 2;
    // Programmatic first, so that the cluster's, which only devices that have the other know, is switched on by the count.
    this.#set(ATTRIBUTES, PROGRAMMATIC_STREAM_SERIALIZATION);
    this.#set(ATTRIBUTES + ATTRIBUTE_BYTES, CLUSTER_DIMENSION);
    for (const offset of [8, 12, 16]) this.#set(ATTRIBUTES + ATTRIBUTE_BYTES + offset, 1);
    this.#address(ATTRIBUTES_POINTER, Number(address) + at + ATTRIBUTES);
    this.#address(STREAM, Number(stream));
    // Blocks have one dimension.
    for (const offset of [16, 20]) this.#set(offset, 1);
  }

  /** `programmatic` is 1 for a launch whose blocks may start while the one before ends, and 0 for one that starts after it. */
  write(
    x: number,
    y: number,
    z: number,
    block: number,
    sharedBytes: number,
    cluster: number,
    programmatic: number,
  ): void {
    this.#set(0, x);
    this.#set(4, y);
    this.#set(8, z);
    this.#set(12, block);
    this.#set(SHARED, sharedBytes);
    this.#set(ATTRIBUTES + ATTRIBUTE_BYTES + 8, cluster);
    this.#set(ATTRIBUTES + 8, programmatic);
    this.#set(COUNT, cluster > 1 ? 2 : programmatic);
  }

  #set(offset: number, value: number): void {
    this.#words[this.#at + (offset >> 2)] = value;
  }

  #address(offset: number, value: number): void {
    this.#set(offset, value);
    this.#set(offset + 4, value / 0x1_0000_0000);
  }
}
