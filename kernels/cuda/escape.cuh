// Any bytes through a mailbox whose data is its own flag. Words of all ones mean "empty" there, and are data like any other here. So 31 lanes of a warp
// carry 16 bytes each, and the last one carries which of their words were all ones: a word of ballots for each of the four words of a
// pack. Its own bit of a ballot is never set, so a word of ballots is never all ones itself.
//
// That is 3 % more bytes than the data. Packets of half data, half flag (NCCL's LL) carry any bytes as well, in twice the bytes.
#pragma once
#include "mailbox.cuh"

constexpr u32 WHOLE_WARP = 0xffffffffu;
constexpr u32 PAYLOAD_SLOTS = UNIT_SLOTS - 1;
constexpr u32 PAYLOAD_BYTES = PAYLOAD_SLOTS * SLOT_BYTES;

// By whole warps: what to send for what the first 31 lanes hold.
DEVICE Pack escape(Pack p) {
  const bool payload = lane_id() < PAYLOAD_SLOTS;
  const u32 x = __ballot_sync(WHOLE_WARP, payload && p.x == EMPTY_WORD);
  const u32 y = __ballot_sync(WHOLE_WARP, payload && p.y == EMPTY_WORD);
  const u32 z = __ballot_sync(WHOLE_WARP, payload && p.z == EMPTY_WORD);
  const u32 w = __ballot_sync(WHOLE_WARP, payload && p.w == EMPTY_WORD);
  return payload ? sendable(p) : Pack{x, y, z, w};
}

DEVICE u32 restored(u32 word, u32 ballots) { return ballots >> lane_id() & 1 ? EMPTY_WORD : word; }

// By whole warps: the data of what was received.
DEVICE Pack unescape(Pack p) {
  if (!__any_sync(WHOLE_WARP, lane_id() == PAYLOAD_SLOTS && (p.x | p.y | p.z | p.w) != 0)) return p;
  return {restored(p.x, __shfl_sync(WHOLE_WARP, p.x, PAYLOAD_SLOTS)), restored(p.y, __shfl_sync(WHOLE_WARP, p.y, PAYLOAD_SLOTS)),
          restored(p.z, __shfl_sync(WHOLE_WARP, p.z, PAYLOAD_SLOTS)), restored(p.w, __shfl_sync(WHOLE_WARP, p.w, PAYLOAD_SLOTS))};
}

// Bytes of a lane's pack of a unit that are there, of a message of `bytes`; the last lane has none.
DEVICE u64 payload_of(u32 unit, u64 bytes) {
  const u64 first = u64(unit) * PAYLOAD_BYTES + lane_id() * SLOT_BYTES;
  return lane_id() == PAYLOAD_SLOTS || first >= bytes ? 0 : bytes - first < SLOT_BYTES ? bytes - first : SLOT_BYTES;
}
DEVICE u32 units_of(u64 bytes) { return u32((bytes + PAYLOAD_BYTES - 1) / PAYLOAD_BYTES); }
