// All-reduce, one-shot push: every rank sends its whole message to every other, and sums what it gets. One hop, no fence, no barrier; (N-1) times the
// bytes leave each device. Specialised by WORLD, DTYPE, REDUCE; one kernel for each number of bytes a thread has.
//
// No thread depends on another one of its block: it reads its packet's epoch together with the input, sends, waits, empties its words, sums.
// Everything that does not depend on the kernel before is computed before the wait for it, and the next kernel may start at once.
#include "packets.cuh"

// WHOLE: buffers begin at multiples of 16 bytes and the message is a multiple of what a thread has.
template <u32 N, bool WHOLE>
DEVICE void one_shot_push(const Launch& a) {
  constexpr u32 MINE = 4 * N;
  constexpr u32 THREADS = PACKET_BYTES / MINE;  // of a packet
  const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  const u32 packet = thread / THREADS;
  const u32 first = thread * MINE;
  const u32 bytes = u32(a.count) * ELEMENT_BYTES;
  const u32 at = u32(PACKETS_ONE_SHOT) + packet * (2 * HALF_BYTES) + (thread % THREADS) * MINE;
  u8* to[WORLD];
  EACH_PEER(i) {
    const u32 peer = peer_of(a.rank, i);
    to[i] = a.peers[peer] + (at + seat_of(a.rank, peer));
    settle(to[i]);
  }
  u8* box = a.peers[a.rank] + at;
  u32* epoch = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_PACKETS_ONE_SHOT) + packet;
  const u8* input = a.input + first;
  u8* output = a.output + first;
  settle(box), settle(epoch), settle(input), settle(output);
  // Threads of a packet's tail take part, too: a packet is whole.
  const bool idle = packet * PACKET_BYTES >= bytes;
  release_next_kernel();
  wait_for_previous_kernel();
  if (idle) return;
  const u32 half = load_volatile(epoch) & 1;
  const u32 left = first < bytes ? bytes - first : 0;
  Words<N> mine;
  if (WHOLE) {
    if (first < bytes) mine = load_words<N>(input);
    else mine = {};
  } else {
    mine = load_some<N>(input, left);
  }
  const Words<N> sent = sendable(mine);
  EACH_PEER(i) store_shared(to[i] + half * HALF_BYTES, sent);
  __syncwarp();
  if (thread % THREADS == 0) *epoch = half ^ 1;
  Words<N> others[WORLD];
  if (!receive(a, box + half * HALF_BYTES, others)) return;
  rearm<N>(box + half * HALF_BYTES);
  const Words<N> result = reduce_ranks(others, mine, a.rank);
  if (!WHOLE) store_some<N>(output, result, left);
  else if (first < bytes) store_words<N>(output, result);
}

#define KERNEL(name, words, whole) \
  extern "C" __global__ void __launch_bounds__(512) all_reduce_one_shot_push##name(const __grid_constant__ Launch a) { one_shot_push<words, whole>(a); }
KERNEL(_4, 1, true)
KERNEL(_8, 2, true)
KERNEL(_16, 4, true)
KERNEL(_any, 2, false)
