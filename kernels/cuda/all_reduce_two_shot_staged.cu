// All-reduce, two-shot staged: for large messages. A block takes its part of the message through in chunks: it pushes slice j of a chunk to rank j's
// stage, sums its own slice of the chunk before, and pushes that into every rank's output in place. Only stores cross the links (they carry more than
// loads), the stage stays in the cache, and one meeting a chunk serves both hops. Specialised by WORLD, DTYPE, REDUCE.
//
//   step k:  wait until all peers have finished step k - 1
//            push chunk k      into half k & 1 of the stages
//            sum  chunk k - 1  from half (k - 1) & 1, write it into all outputs
//            tell peers that step k is finished
//
// Having told step k, a rank has read half (k - 1) & 1, which peers fill again at step k + 1; and all it pushed has arrived.
// In place it is safe: a slice of a peer's output is written after that peer has pushed the slice of its input that lies there.
#include "number.cuh"
#include "signals.cuh"

#ifndef WORLD
#define WORLD 4
#endif

constexpr u32 UNROLL = 4;

extern "C" __global__ void __launch_bounds__(512, 1) all_reduce_two_shot_staged(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_TWO_SHOT_STAGED);
  const u32 before = *count;
  const u64 slots = (a.count + ELEMENTS - 1) / ELEMENTS;
  // Slots of a slice of a chunk; a chunk is WORLD slices, and blocks take chunks in turn.
  const u32 slice = a.chunk_bytes / 16;
  const u64 chunks = (slots + u64(slice) * WORLD - 1) / (u64(slice) * WORLD);
  const u32 steps = u32((chunks + gridDim.x - 1 - blockIdx.x) / gridDim.x);
  const u64 output = a.output - a.peers[a.rank];
  // [block][half][source][slice]
  const u64 stage = STAGE + u64(blockIdx.x) * 2 * WORLD * a.chunk_bytes;
  for (u32 k = 0; k <= steps; k++) {
    if (k > 0 && !await_signals(a, FAMILY_TWO_SHOT_STAGED, WORLD, before + k)) return;
    if (k < steps) {
      const u64 chunk = (u64(k) * gridDim.x + blockIdx.x) * WORLD * slice;
      const u64 to = stage + (u64(k & 1) * WORLD + a.rank) * a.chunk_bytes;
#pragma unroll
      for (u32 i = 1; i < WORLD; i++) {
        const u32 peer = a.rank + i < WORLD ? a.rank + i : a.rank + i - WORLD;
        u8* const box = a.peers[peer] + to;
        for (u32 first = threadIdx.x; first < slice; first += UNROLL * blockDim.x) {
          Pack p[UNROLL];
#pragma unroll
          for (u32 u = 0; u < UNROLL; u++)
            if (first + u * blockDim.x < slice) p[u] = load_slot(a.input, chunk + u64(peer) * slice + first + u * blockDim.x, a.count, a.aligned);
#pragma unroll
          for (u32 u = 0; u < UNROLL; u++)
            if (first + u * blockDim.x < slice) store_relaxed(box + (first + u * blockDim.x) * 16, p[u]);
        }
      }
    }
    if (k > 0) {
      const u64 own = (u64(k - 1) * gridDim.x + blockIdx.x) * WORLD * slice + u64(a.rank) * slice;
      const u8* const from = a.peers[a.rank] + stage + u64((k - 1) & 1) * WORLD * a.chunk_bytes;
      for (u32 i = threadIdx.x; i < slice; i += blockDim.x) {
        if (own + i >= slots) break;
        Pack box[WORLD];
#pragma unroll
        for (u32 r = 0; r < WORLD; r++)
          box[r] = r == a.rank ? load_slot(a.input, own + i, a.count, a.aligned) : load_relaxed(from + u64(r) * a.chunk_bytes + i * 16);
        Values sum = widen(box[0]);
#pragma unroll
        for (u32 r = 1; r < WORLD; r++) accumulate(sum, box[r]);
        finish(sum, WORLD);
        const Pack result = narrow(sum);
#pragma unroll
        for (u32 j = 1; j <= WORLD; j++) {
          const u32 peer = a.rank + j < WORLD ? a.rank + j : a.rank + j - WORLD;
          store_slot(a.peers[peer] + output, own + i, a.count, a.aligned, result);
        }
      }
    }
    if (k == steps) release_next_kernel();
    signal_release(a, FAMILY_TWO_SHOT_STAGED, WORLD, before + k + 1);
  }
  if (!await_signals(a, FAMILY_TWO_SHOT_STAGED, WORLD, before + steps + 1)) return;
  if (threadIdx.x == 0) *count = before + steps + 1;
}
