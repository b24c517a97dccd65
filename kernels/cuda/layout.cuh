// What lies where in a rank's memory block, which is mapped on every device of the group at `Launch::peers[rank]`.
// src/engine/cuda/layout.ts has the same numbers; a test compares them.
//
//   epochs       words that say how often a unit, or a block, has been used: which half of its slots is next
//   signals      flags that peers set, a line of 64 bytes a (block, peer)
//   units        mailboxes of parts of any length   [unit][half][source][32 slots of 16 bytes]; mailbox.cuh has the protocol
//   stage        what kernels without mailboxes copy through
//   packets      mailboxes of one-shot kernels, of the first and of the second hop of two-shot kernels
//                                                   [packet][half][sender][128 bytes]; packets.cuh has the protocol
//   heap         the symmetric heap
//
// A *unit* is 512 bytes of a message: 32 slots of 16 bytes, one a lane of a warp. Unit u of a rank exchanges only with unit u of its
// peers, and keeps its own epoch. Hence any grid, block size, message size and kernel may follow any other on the same mailboxes.
#pragma once
#include "launch.cuh"

constexpr u64 KIB = 1024;
constexpr u64 MIB = 1024 * KIB;

constexpr u32 SLOT_BYTES = 16;
constexpr u32 UNIT_SLOTS = 32;
constexpr u32 UNIT_BYTES = SLOT_BYTES * UNIT_SLOTS;

// Units at most; a word of epoch each.
constexpr u32 MAX_UNITS = 64 * KIB;
constexpr u64 MAILBOX_BYTES = 64 * MIB;
// Blocks of kernels that meet at signals.
constexpr u32 MAX_SIGNAL_BLOCKS = 512;
constexpr u32 SIGNAL_STRIDE = 64;

constexpr u64 EPOCHS_UNITS = 0;
// A word a block, one family of kernels a kilobyte-aligned row: kernels of different families never share a counter.
constexpr u64 EPOCHS_BLOCK = EPOCHS_UNITS + MAX_UNITS * 4;
constexpr u32 SIGNAL_FAMILIES = 16;
// [family][block][source] lines.
constexpr u64 SIGNALS = EPOCHS_BLOCK + SIGNAL_FAMILIES * MAX_SIGNAL_BLOCKS * 4;
// Epochs of the packet mailboxes below: a word a packet of 128 bytes.
constexpr u32 PACKET_BYTES = 128;
constexpr u32 MAX_PACKETS = 128 * KIB;
constexpr u64 EPOCHS_PACKETS_ONE_SHOT = SIGNALS + u64(SIGNAL_FAMILIES) * MAX_SIGNAL_BLOCKS * MAX_WORLD * SIGNAL_STRIDE;
constexpr u64 EPOCHS_PACKETS_TWO_SHOT = EPOCHS_PACKETS_ONE_SHOT + MAX_PACKETS * 4;
constexpr u64 CONTROL_BYTES = 8 * MIB;
static_assert(EPOCHS_PACKETS_TWO_SHOT + MAX_PACKETS * 4 <= CONTROL_BYTES, "control block");

constexpr u64 UNITS = CONTROL_BYTES;
constexpr u64 STAGE = UNITS + MAILBOX_BYTES;
constexpr u64 STAGE_BYTES = 64 * MIB;
constexpr u64 PACKETS_ONE_SHOT = STAGE + STAGE_BYTES;
constexpr u64 PACKETS_SCATTER = PACKETS_ONE_SHOT + MAILBOX_BYTES;
constexpr u64 PACKETS_GATHER = PACKETS_SCATTER + MAILBOX_BYTES;
constexpr u64 HEAP = PACKETS_GATHER + MAILBOX_BYTES;
static_assert(HEAP <= 0xffffffffu, "offsets of slots have 32 bits");
