// Reduce-scatter, push, for equal parts of whole words: the first hop of all_reduce_two_shot_push. Every rank sends part j to rank j through the mailboxes
// of packets.cuh and sums what it gets. One hop, no fence, no barrier. Specialised by WORLD, DTYPE, REDUCE; one kernel for each number of bytes a thread
// has. reduce_scatter_push serves all other parts.
#include "packets.cuh"

template <u32 N>
DEVICE void reduce_scatter(const Launch& a) {
  constexpr u32 MINE = 4 * N;
  constexpr u32 THREADS = PACKET_BYTES / MINE;  // of a packet
  const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  const u32 packet = thread / THREADS;
  const u32 at = thread * MINE;
  const u32 part = u32(a.count) / WORLD * ELEMENT_BYTES;
  const u32 spot = u32(PACKETS_ONE_SHOT) + packet * (2 * HALF_BYTES) + (thread % THREADS) * MINE;
  u8* to[WORLD];
  EACH_PEER(i) {
    const u32 peer = peer_of(a.rank, i);
    to[i] = a.peers[peer] + (spot + seat_of(a.rank, peer));
    settle(to[i]);
  }
  u8* box = a.peers[a.rank] + spot;
  u32* epoch = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_PACKETS_ONE_SHOT) + packet;
  const u8* input = a.input + at;
  u8* output = a.output + (a.input == a.output ? a.rank * part : 0) + at;
  settle(box), settle(epoch), settle(input), settle(output);
  const bool live = at < part;
  release_next_kernel();
  wait_for_previous_kernel();
  // Threads of a packet's tail take part, too: a packet is whole.
  if (packet * PACKET_BYTES >= part) return;
  const u32 half = load_volatile(epoch) & 1;
  Words<N> parts[WORLD]{};
  if (live) EACH_RANK(i) parts[i] = load_words<N>(input + peer_of(a.rank, i) * part);
  EACH_PEER(i) store_shared(to[i] + half * HALF_BYTES, sendable(parts[i]));
  __syncwarp();
  if (thread % THREADS == 0) *epoch = half ^ 1;
  Words<N> others[WORLD];
  if (!receive(a, box + half * HALF_BYTES, others)) return;
  rearm<N>(box + half * HALF_BYTES);
  const Words<N> result = reduce_ranks(others, parts[0], a.rank);
  if (live) store_words<N>(output, result);
}

#define KERNEL(name, words) \
  extern "C" __global__ void __launch_bounds__(512) reduce_scatter_packets##name(const __grid_constant__ Launch a) { reduce_scatter<words>(a); }
KERNEL(_4, 1)
KERNEL(_8, 2)
KERNEL(_16, 4)
