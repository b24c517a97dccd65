/**
 * @file Where everything lies in a rank's memory block: the numbers of kernels/cuda/layout.cuh, which a test compares.
 */
const KIB = 1024;
const MIB = 1024 * KIB;

export const MAX_WORLD = 8;

/** Epochs and signals; zero before the first launch. */
export const CONTROL_BYTES: number = 8 * MIB;
/** One word a unit; then one word a block, one row for each family of kernels. */
const MAX_UNITS = 64 * KIB;
const MAX_SIGNAL_BLOCKS = 512;
const SIGNAL_FAMILIES = 16;
const SIGNAL_STRIDE = 64;
export const EPOCHS_BLOCK: number = MAX_UNITS * 4;
export const SIGNALS: number = EPOCHS_BLOCK + SIGNAL_FAMILIES * MAX_SIGNAL_BLOCKS * 4;
/** Words of a line of 64 bytes a (family, block, source). */
export const SIGNALS_BYTES: number = SIGNAL_FAMILIES * MAX_SIGNAL_BLOCKS * MAX_WORLD * SIGNAL_STRIDE;

export const MAILBOX_BYTES: number = 64 * MIB;
/** Mailboxes of units of 512 bytes; all ones before the first launch, as is everything from here to the heap. */
export const UNITS: number = CONTROL_BYTES;
export const STAGE: number = UNITS + MAILBOX_BYTES;
export const STAGE_BYTES: number = 64 * MIB;
/** Mailboxes of packets of 128 bytes with a word of epoch each: one-shot, first hop, second hop. */
export const PACKET_BYTES = 128;
export const MAX_PACKETS: number = 128 * KIB;
export const PACKETS_ONE_SHOT: number = STAGE + STAGE_BYTES;
export const HEAP: number = PACKETS_ONE_SHOT + 3 * MAILBOX_BYTES;

export const DEFAULT_ARENA_BYTES: number = 128 * MIB;
/** A row is held in one block's registers and shared memory. */
export const MAX_HIDDEN: number = 32 * KIB;
