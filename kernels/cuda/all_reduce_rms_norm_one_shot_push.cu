// All-reduce + residual + RMSNorm (+ quantization), one-shot push: every rank sends its rows to every other, and does every row itself.
// The unfused sequence is all_reduce_one_shot_push, then rms_norm; the bits are the same. Specialised by WORLD, DTYPE, QUANT; one kernel for each
// number of bytes that a thread has.
//
// Rows travel through the mailboxes of all_reduce_one_shot_push, by the same protocol; every row begins a packet of its own. Once a thread has its
// sum, the warps of a row meet for the sum of squares, and once more where every token has a scale. In the _cluster kernels the blocks of a
// cluster have a row together, so that a few rows are sent by many multiprocessors.
#include "cluster.cuh"
#include "norm.cuh"
#include "packets.cuh"

template <u32 N, bool WHOLE, class Exchange>
DEVICE void one_shot_push(const Launch& a, Exchange& exchange, const RowPlace& place) {
  constexpr u32 MINE = 4 * N;
  const u32 first = (place.warp * 32 + lane_id()) * MINE;
  Norm<N, 1, WHOLE, Exchange> norm(a, exchange, place, first, 0);
  // Packets are numbered by rows alone, whatever threads there are.
  const u32 packet = place.row * ((norm.bytes + PACKET_BYTES - 1) / PACKET_BYTES) + first / PACKET_BYTES;
  const u32 at = u32(PACKETS_ONE_SHOT) + packet * (2 * HALF_BYTES) + first % PACKET_BYTES;
  u8* to[WORLD];
  EACH_PEER(i) {
    const u32 peer = peer_of(a.rank, i);
    to[i] = a.peers[peer] + (at + seat_of(a.rank, peer));
    settle(to[i]);
  }
  u8* box = a.peers[a.rank] + at;
  u32* epoch = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_PACKETS_ONE_SHOT) + packet;
  const u8* input = a.input + norm.offset();
  const u8* residual = a.residual + norm.offset();
  u8* residual_out = a.residual_out + norm.offset();
  settle(box), settle(epoch), settle(input), settle(residual), settle(residual_out);
  // Threads of a packet's tail take part, too: a packet is whole.
  const bool busy = norm.there && first / PACKET_BYTES * PACKET_BYTES < norm.bytes;
  release_next_kernel();
  wait_for_previous_kernel();
  const u32 half = load_volatile(epoch) & 1;
  box += half * HALF_BYTES;
  Words<N> mine, others[WORLD], more, v[1] = {};
  if (busy) {
    mine = load_row<N, WHOLE>(input, norm.left(0));
    const Words<N> sent = sendable(mine);
    EACH_PEER(i) store_shared(to[i] + half * HALF_BYTES, sent);
    if (a.residual != nullptr) more = load_row<N, WHOLE>(residual, norm.left(0));
  }
  __syncwarp();
  if (busy) {
    if (first % PACKET_BYTES == 0) *epoch = half ^ 1;
    // A wait that was in vain goes on with whatever is there: the others of the row wait at the exchange. Results are void then.
    receive(a, box, others);
    v[0] = reduce_ranks(others, mine, a.rank);
    if (a.residual != nullptr) v[0] = plus(v[0], more);
  }
  norm.add(v);
  if (busy) {
    // While others are on their way to the exchange.
    if (a.residual_out != nullptr) store_row<N, WHOLE>(residual_out, v[0], norm.left(0));
    rearm<N>(box);
  }
  norm.finish(v);
}

template <u32 N, bool WHOLE>
DEVICE void by_blocks(const Launch& a) {
  __shared__ BlockExchange<1> exchange;
  const u32 parts = (a.hidden * ELEMENT_BYTES + 128 * N - 1) / (128 * N);
  one_shot_push<N, WHOLE>(a, exchange, RowPlace(parts, parts));
}
template <u32 N, bool WHOLE>
DEVICE void by_clusters(const Launch& a) {
  __shared__ ClusterExchange<1> exchange;
  one_shot_push<N, WHOLE>(a, exchange, ClusterExchange<1>::place());
}

// 16 bytes from each of many ranks take more registers than 1024 threads have; mostRowBytes in src/engine/rows.ts knows.
constexpr u32 FEWER = WORLD > 4 ? 512 : 1024;

#define KERNEL(name, words, whole, deal, threads) \
  extern "C" __global__ void __launch_bounds__(threads, 1) all_reduce_rms_norm_one_shot_push##name(const __grid_constant__ Launch a) { deal<words, whole>(a); }
KERNEL(_8, 2, true, by_blocks, 1024)
KERNEL(_16, 4, true, by_blocks, FEWER)
KERNEL(_4_cluster, 1, true, by_clusters, 1024)
KERNEL(_8_cluster, 2, true, by_clusters, 1024)
KERNEL(_16_cluster, 4, true, by_clusters, FEWER)
KERNEL(_any, 4, false, by_clusters, FEWER)
