// All-gather, push, for equal parts of whole words: every rank sends its part to every other, word by word through the mailboxes of packets.cuh. One hop,
// no fence, no barrier. Specialised by WORLD.
//
// Bytes of any kind may be all ones, which is what an empty word is. So a packet has 31 words of data and a last one that says which of them were
// all ones; that one never is, since its highest bit stands for itself. A warp has a packet. all_gather_push serves all other parts.
#include "packets.cuh"

extern "C" __global__ void __launch_bounds__(512) all_gather_packets(const __grid_constant__ Launch a) {
  constexpr u32 DATA = 31;
  const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  const u32 packet = thread / 32;
  const u32 lane = thread % 32;
  const u32 part = u32(a.count) * a.element_bytes;
  const u32 at = (packet * DATA + lane) * 4;
  const bool live = lane < DATA && at < part;
  const bool in_place = a.input == a.output;
  const u8* input = (in_place ? a.output + a.rank * part : a.input) + at;
  u8* output = a.output + at;
  const u32 spot = u32(PACKETS_ONE_SHOT) + packet * (2 * HALF_BYTES) + lane * 4;
  u8* to[WORLD];
  EACH_PEER(i) {
    const u32 peer = peer_of(a.rank, i);
    to[i] = a.peers[peer] + (spot + seat_of(a.rank, peer));
    settle(to[i]);
  }
  u8* box = a.peers[a.rank] + spot;
  u32* epoch = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_PACKETS_ONE_SHOT) + packet;
  settle(box), settle(epoch), settle(input), settle(output);
  release_next_kernel();
  wait_for_previous_kernel();
  if (packet * DATA * 4 >= part) return;
  const u32 half = load_volatile(epoch) & 1;
  Words<1> mine{};
  if (live) mine = load_words<1>(input);
  const u32 ones = __ballot_sync(0xffffffffu, live && mine.w[0] == EMPTY);
  Words<1> sent = sendable(mine);
  if (lane == DATA) sent.w[0] = ones;
  EACH_PEER(i) store_shared(to[i] + half * HALF_BYTES, sent);
  __syncwarp();
  if (lane == 0) *epoch = half ^ 1;
  if (live && !in_place) store_words<1>(output + a.rank * part, mine);
  Words<1> others[WORLD];
  if (!receive(a, box + half * HALF_BYTES, others)) return;
  rearm<1>(box + half * HALF_BYTES);
  EACH_RANK(r) {
    if (r == a.rank) continue;
    const u32 those = __shfl_sync(0xffffffffu, others[r].w[0], DATA);
    if (those >> lane & 1) others[r].w[0] = EMPTY;
    if (live) store_words<1>(output + r * part, others[r]);
  }
}
