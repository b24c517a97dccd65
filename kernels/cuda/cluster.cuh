// The exchange of a row whose warps are in the blocks of a cluster (sm_90 and up): every warp writes its sum into every block, and every block
// waits for as many bytes as are to come. Elsewhere a cluster is one block, which meets as blocks do.
//
// Waiting is by a barrier object in each block's memory, which counts bytes as they arrive: one way through the cluster, where a barrier of the
// cluster would take two. No block ends before it has everything that others write into it.
#pragma once
#include "exchange.cuh"

#if __CUDA_ARCH__ >= 900
DEVICE u32 shared_address(const void* p) { return u32(__cvta_generic_to_shared(p)); }
DEVICE u32 cluster_blocks() {
  u32 n;
  asm("mov.u32 %0, %cluster_nctaid.x;" : "=r"(n));
  return n;
}
DEVICE u32 cluster_block() {
  u32 n;
  asm("mov.u32 %0, %cluster_ctarank;" : "=r"(n));
  return n;
}

// K: sums a warp has of a row.
template <u32 K>
struct ClusterExchange {
  // Eight blocks of 32 sums.
  static constexpr u32 PARTS = 256;
  alignas(16) float sums[PARTS];
  u32 most[PARTS];
  alignas(8) u64 arrived[2];

  static __device__ __forceinline__ RowPlace place() {
    const u32 warps = blockDim.x / 32, blocks = cluster_blocks();
    RowPlace p(warps, warps * blocks * K);
    p.row = blockIdx.x / blocks;
    p.warp += cluster_block() * warps;
    return p;
  }
  __device__ __forceinline__ void begin() {
    for (u32 i = threadIdx.x; i < PARTS; i += blockDim.x) sums[i] = 0, most[i] = 0;
    if (threadIdx.x == 0) {
#pragma unroll
      for (u32 i = 0; i < 2; i++) {
        const u32 bytes = blockDim.x / 32 * cluster_blocks() * (i == 0 ? 4 * K : 4);
        asm volatile("mbarrier.init.shared.b64 [%0], 1;" ::"r"(shared_address(arrived + i)) : "memory");
        asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" ::"r"(shared_address(arrived + i)), "r"(bytes) : "memory");
      }
      asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    asm volatile("barrier.cluster.arrive.release;" ::: "memory");
  }
  // To one block.
  __device__ __forceinline__ void send(u32 block, u32* word, u64* barrier, u32 value) {
    u32 there, flag;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared_address(word)), "r"(block));
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(flag) : "r"(shared_address(barrier)), "r"(block));
    asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%0], %1, [%2];" ::"r"(there), "r"(value), "r"(flag) : "memory");
  }
  __device__ __forceinline__ void wait(u64* barrier) {
    asm volatile(
        "{ .reg .pred done;\n"
        "again: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], 0;\n"
        "@!done bra again; }" ::"r"(shared_address(barrier))
        : "memory");
  }
  // Every lane has a sum, those with the same number modulo `lanes` the same one: each sends it to another block.
  __device__ __forceinline__ void add_squares(const RowPlace& p, u32 part, float value, u32 lanes) {
    // Zeros and barriers of all blocks are there.
    asm volatile("barrier.cluster.wait.acquire;" ::: "memory");
    if (part >= p.parts) return;
    for (u32 block = lane_id() / lanes; block < cluster_blocks(); block += 32 / lanes)
      send(block, reinterpret_cast<u32*>(sums) + part, arrived, __float_as_uint(value));
  }
  __device__ __forceinline__ float squares(const RowPlace& p) {
    wait(arrived);
    return tree_squares(sums, p.parts, p.lanes);
  }
  __device__ __forceinline__ void add_largest(const RowPlace& p, u32 value) {
    if (lane_id() < cluster_blocks()) send(lane_id(), most + p.warp, arrived + 1, value);
  }
  __device__ __forceinline__ u32 largest(const RowPlace& p) {
    wait(arrived + 1);
    u32 all = 0;
    for (u32 i = lane_id(); i < p.parts / K; i += 32) all = max(all, most[i]);
    return largest_of_warp(all);
  }
};
#else
template <u32 K>
struct ClusterExchange : BlockExchange<K> {
  static __device__ __forceinline__ RowPlace place() { return RowPlace(blockDim.x / 32, blockDim.x / 32 * K); }
};
#endif
