// All-reduce + residual + RMSNorm (+ quantization), two-shot push: a row is dealt out to the ranks, the owner of a part sums it and sends the sum
// to every rank, and every rank finishes every row. 2(N-1)/N times the bytes leave each device. The unfused sequence is
// all_reduce_two_shot_push, then rms_norm; the bits are the same. Specialised by WORLD, DTYPE, QUANT; one kernel for each number of bytes a thread has.
//
// Rows travel through the mailboxes of all_reduce_two_shot_push, by the same protocol: a warp takes WORLD neighbouring spans of a row, of which rank
// j owns the j-th, through both hops. Every row begins a packet of its own. Spans behind the end of a row are sent, too, so that in every call
// every rank hears from every other one; why two halves suffice is said there.
//
// In the _cluster kernels the blocks of a cluster have a row together, so that a few rows keep many multiprocessors busy.
//
// A block waits for the blocks of the same rows on other ranks, and for nothing that a later block has to do first.
#include "cluster.cuh"
#include "norm.cuh"
#include "packets.cuh"

template <u32 N, bool WHOLE, class Exchange>
DEVICE void two_shot_push(const Launch& a, Exchange& exchange, const RowPlace& place) {
  constexpr u32 MINE = 4 * N;
  constexpr u32 THREADS = PACKET_BYTES / MINE;  // of a packet
  constexpr u32 SPAN = 32 * MINE;
  const u32 thread = blockIdx.x * blockDim.x + threadIdx.x;
  Norm<N, WORLD, WHOLE, Exchange> norm(a, exchange, place, place.warp * (SPAN * WORLD) + lane_id() * MINE, SPAN);
  const u32 at = thread / THREADS * (2 * HALF_BYTES) + thread % THREADS * MINE;
  u8* to[WORLD];
  EACH_PEER(i) {
    const u32 peer = peer_of(a.rank, i);
    to[i] = a.peers[peer] + (u32(PACKETS_SCATTER) + at + seat_of(a.rank, peer));
    settle(to[i]);
  }
  u8* box = a.peers[a.rank] + (u32(PACKETS_SCATTER) + at);
  u32* epoch = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_PACKETS_TWO_SHOT) + thread / THREADS;
  const u8* input = a.input + norm.offset();
  const u8* residual = a.residual + norm.offset();
  u8* residual_out = a.residual_out + norm.offset();
  settle(box), settle(epoch), settle(input), settle(residual), settle(residual_out);
  constexpr u32 NEXT = u32(PACKETS_GATHER - PACKETS_SCATTER);
  release_next_kernel();
  wait_for_previous_kernel();
  Words<N> v[WORLD] = {};
  if (norm.there) {
    const u32 half = (load_volatile(epoch) & 1) * HALF_BYTES;
    box += half;
    Words<N> slices[WORLD], others[WORLD], more[WORLD];
    EACH_PEER(i) {
      const u32 peer = peer_of(a.rank, i);
      slices[i] = load_row<N, WHOLE>(input + peer * SPAN, norm.left(peer));
    }
    const Words<N> mine = load_row<N, WHOLE>(input + a.rank * SPAN, norm.left(a.rank));
    EACH_PEER(i) store_shared(to[i] + half, sendable(slices[i]));
    __syncwarp();
    if (thread % THREADS == 0) *epoch = half == 0;
    // A wait that was in vain goes on with whatever is there: the others of the row wait at the exchange. Results are void then.
    receive(a, box, others);
    const Words<N> sum = reduce_ranks(others, mine, a.rank);
    // Sendable as it is: the NaN that arithmetic gives is not all ones.
    EACH_PEER(i) store_shared(to[i] + (NEXT + half), sum);
    rearm<N>(box);
    // Rows that are not aligned take registers enough without it.
    if (WHOLE && a.residual != nullptr) EACH_RANK(r) more[r] = load_row<N, WHOLE>(residual + r * SPAN, norm.left(r));
    receive(a, box + NEXT, others);
    EACH_RANK(r) {
      v[r] = choose(r == a.rank, sum, others[r]);
      if (!WHOLE && a.residual != nullptr) more[r] = load_row<N, WHOLE>(residual + r * SPAN, norm.left(r));
      if (a.residual != nullptr) v[r] = plus(v[r], more[r]);
    }
  }
  norm.add(v);
  if (norm.there) {
    // While others are on their way to the exchange.
    if (a.residual_out != nullptr) EACH_RANK(r) store_row<N, WHOLE>(residual_out + r * SPAN, v[r], norm.left(r));
    rearm<N>(box + NEXT);
  }
  norm.finish(v);
}

template <u32 N, bool WHOLE>
DEVICE void by_blocks(const Launch& a) {
  __shared__ BlockExchange<WORLD> exchange;
  const u32 spans = (a.hidden * ELEMENT_BYTES + 128 * N - 1) / (128 * N);
  two_shot_push<N, WHOLE>(a, exchange, RowPlace((spans + WORLD - 1) / WORLD, spans));
}
template <u32 N, bool WHOLE>
DEVICE void by_clusters(const Launch& a) {
  __shared__ ClusterExchange<WORLD> exchange;
  two_shot_push<N, WHOLE>(a, exchange, ClusterExchange<WORLD>::place());
}

// What a thread has grows with the ranks, and registers do not; mostRowBytes in src/engine/rows.ts knows.
constexpr u32 THREADS_4 = WORLD < 6 ? 1024 : 512;
constexpr u32 THREADS_8 = WORLD <= 4 ? 1024 : 512;
constexpr u32 THREADS_16 = WORLD <= 2 ? 1024 : WORLD < 6 ? 512 : 256;

#define KERNEL(name, words, whole, deal, threads) \
  extern "C" __global__ void __launch_bounds__(threads, 1) all_reduce_rms_norm_two_shot_push##name(const __grid_constant__ Launch a) { deal<words, whole>(a); }
KERNEL(_4, 1, true, by_blocks, THREADS_4)
KERNEL(_8, 2, true, by_blocks, THREADS_8)
KERNEL(_16, 4, true, by_blocks, THREADS_16)
KERNEL(_4_cluster, 1, true, by_clusters, THREADS_4)
KERNEL(_8_cluster, 2, true, by_clusters, THREADS_8)
KERNEL(_any, 4, false, by_blocks, THREADS_16)
