// All-reduce, two-shot push: every rank sends slice j of its message to rank j, which sums it and sends the sum to every rank. Two hops, no fence, no
// barrier; 2(N-1)/N times the bytes leave each device. Specialised by WORLD, DTYPE, REDUCE; one kernel for each number of bytes a thread has.
//
// The message is dealt out in spans: a warp takes WORLD neighbouring ones, of which rank j owns the j-th, through both hops by itself. First hops of
// all warps go out before any of them waits, so the links are busy while sums are made.
//
// Both hops of a call use the half that the epoch of the first one says. Why two halves suffice in the second hop, where a rank receives from an
// owner and answers nothing: an owner sends its sum of call c + 2 only after it has all slices of that call, and a rank sends its slice
// of call c + 2 only after its kernel of call c, in which it emptied the words, has ended.
#include "packets.cuh"

template <u32 N, bool WHOLE>
DEVICE Words<N> load_at(const u8* input, u32 at, u32 bytes) {
  if (!WHOLE) return load_some<N>(input + at, at < bytes ? bytes - at : 0);
  if (at < bytes) return load_words<N>(input + at);
  return {};
}
template <u32 N, bool WHOLE>
DEVICE void store_at(u8* output, u32 at, u32 bytes, const Words<N>& v) {
  if (!WHOLE) store_some<N>(output + at, v, at < bytes ? bytes - at : 0);
  else if (at < bytes) store_words<N>(output + at, v);
}

// WHOLE: buffers begin at multiples of 16 bytes and the message is a multiple of what a thread has.
template <u32 N, bool WHOLE>
DEVICE void two_shot_push(const Launch& a) {
  constexpr u32 MINE = 4 * N;
  constexpr u32 THREADS = PACKET_BYTES / MINE;  // of a packet
  constexpr u32 SPAN = 32 * MINE;
  const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  const u32 packet = thread / THREADS;  // within each slice
  const u32 bytes = u32(a.count) * ELEMENT_BYTES;
  const u32 first = thread / 32 * (SPAN * WORLD) + thread % 32 * MINE;
  const u32 at = packet * (2 * HALF_BYTES) + (thread % THREADS) * MINE;
  u8* to[WORLD];
  EACH_PEER(i) {
    const u32 peer = peer_of(a.rank, i);
    to[i] = a.peers[peer] + (u32(PACKETS_SCATTER) + at + seat_of(a.rank, peer));
    settle(to[i]);
  }
  u8* box = a.peers[a.rank] + (u32(PACKETS_SCATTER) + at);
  u32* epoch = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_PACKETS_TWO_SHOT) + packet;
  const u8* input = a.input;
  u8* output = a.output;
  settle(box), settle(epoch), settle(input), settle(output);
  const bool idle = thread / 32 * (SPAN * WORLD) >= bytes;
  release_next_kernel();
  wait_for_previous_kernel();
  if (idle) return;
  const u32 half = (load_volatile(epoch) & 1) * HALF_BYTES;
  Words<N> slices[WORLD];
  EACH_PEER(i) slices[i] = load_at<N, WHOLE>(input, first + peer_of(a.rank, i) * SPAN, bytes);
  const Words<N> mine = load_at<N, WHOLE>(input, first + a.rank * SPAN, bytes);
  EACH_PEER(i) store_shared(to[i] + half, sendable(slices[i]));
  __syncwarp();
  if (thread % THREADS == 0) *epoch = half == 0;
  Words<N> others[WORLD];
  if (!receive(a, box + half, others)) return;
  const Words<N> sum = reduce_ranks(others, mine, a.rank);
  // Sendable as it is: the NaN that arithmetic gives is not all ones.
  constexpr u32 NEXT = u32(PACKETS_GATHER - PACKETS_SCATTER);
  EACH_PEER(i) store_shared(to[i] + (NEXT + half), sum);
  rearm<N>(box + half);
  store_at<N, WHOLE>(output, first + a.rank * SPAN, bytes, sum);
  if (!receive(a, box + (NEXT + half), others)) return;
  rearm<N>(box + (NEXT + half));
  EACH_RANK(r) if (r != a.rank) store_at<N, WHOLE>(output, first + r * SPAN, bytes, others[r]);
}

#define KERNEL(name, words, whole) \
  extern "C" __global__ void __launch_bounds__(512) all_reduce_two_shot_push##name(const __grid_constant__ Launch a) { two_shot_push<words, whole>(a); }
KERNEL(_4, 1, true)
KERNEL(_8, 2, true)
KERNEL(_16, 4, true)
KERNEL(_any, 2, false)
