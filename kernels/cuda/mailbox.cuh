// Mailboxes whose data is its own flag: a slot is empty while any of its four words is all ones, and a sender never sends such a word.
//
// A word of all ones is two NaNs of a 16-bit type, or one f32 NaN; the sender makes it another NaN, which loses nothing. The reader empties
// the slot again right after reading. Two halves suffice: a peer fills half h again two calls later, which it starts only after it has
// received this rank's message of the call in between, and that was sent after this rank's kernel that emptied h had ended.
// (Lamport-style buffers of TensorRT-LLM and FlashInfer use three, a clearing pass and -0.0; see docs/kernels.md.)
#pragma once
#include "layout.cuh"
#include "wait.cuh"

#ifndef WORLD
#define WORLD 4
#endif

constexpr u32 EMPTY_WORD = 0xffffffffu;

DEVICE u32 sendable(u32 word) { return word == EMPTY_WORD ? 0x7fffffffu : word; }
DEVICE Pack sendable(Pack p) { return {sendable(p.x), sendable(p.y), sendable(p.z), sendable(p.w)}; }
DEVICE bool full(Pack p) { return p.x != EMPTY_WORD && p.y != EMPTY_WORD && p.z != EMPTY_WORD && p.w != EMPTY_WORD; }

// Offset in a memory block of one lane's slot of unit `unit`, for what rank `source` sends. In 32 bits, which compilers leave in one piece:
// of 64 bits they keep a part for each peer in registers.
DEVICE u32 slot_offset(u64 mailbox, u32 unit, u32 half, u32 source) {
  return u32(mailbox) + ((unit * 2 + half) * WORLD + source) * UNIT_BYTES + lane_id() * SLOT_BYTES;
}

// Waits for all peers' packs of a unit: box[r] for r != rank. False when it was given up.
DEVICE bool receive(const Launch& a, u64 mailbox, u32 unit, u32 half, Pack (&box)[WORLD]) {
  const u8* own = a.peers[a.rank];
  Deadline deadline;
  for (;;) {
    bool all = true;
#pragma unroll
    for (u32 r = 0; r < WORLD; r++)
      if (r != a.rank) box[r] = load_relaxed(own + slot_offset(mailbox, unit, half, r));
#pragma unroll
    for (u32 r = 0; r < WORLD; r++)
      if (r != a.rank) all = all && full(box[r]);
    if (all) break;
    if (deadline.passed(a, WORLD)) return false;
  }
  return true;
}

// Empties what `receive` has read.
DEVICE void rearm(const Launch& a, u64 mailbox, u32 unit, u32 half) {
  u8* own = a.peers[a.rank];
#pragma unroll
  for (u32 r = 0; r < WORLD; r++)
    if (r != a.rank) store_relaxed(own + slot_offset(mailbox, unit, half, r), Pack{EMPTY_WORD, EMPTY_WORD, EMPTY_WORD, EMPTY_WORD});
}
