// All-reduce, two-shot quantized: half the bytes of a 16-bit type on the links, and the error of two roundings to f8e4m3. Every rank sends slice j,
// encoded, to rank j, which sums it in float32 in rank order (its own contribution as it is), encodes the sum and sends that to all.
// Every rank, the owner among them, uses the encoded sum, so that all have the same bits. Specialised by WORLD, DTYPE, REDUCE.
//
// A block takes its part of the message through in chunks, as all_reduce_two_shot_staged does, and peers meet once a chunk:
//
//   step k:  wait until all peers have finished step k - 1
//            encode chunk k      and push its slices into half k & 1 of the owners' first stage
//            sum    chunk k - 1  from half (k - 1) & 1 of the first stage, push it into that half of all second stages
//            decode chunk k - 2  from half k & 1 of the second stage into the output
//            tell peers that step k is finished
//
// Peers touch the stages alone, so buffers may be anywhere, and in place is safe: an input is read at step k by the warp of a group, or, for
// this rank's own slice, by the warp that overwrites it.
#include "f8-groups.cuh"
#include "signals.cuh"

#ifndef WORLD
#define WORLD 4
#endif

constexpr Family FAMILY_QUANTIZED = Family(12);

extern "C" __global__ void __launch_bounds__(512) all_reduce_two_shot_quantized(const __grid_constant__ Launch a) {
  wait_for_previous_kernel();
  u32* const count = block_count(a, FAMILY_QUANTIZED);
  const u32 before = *count;
  const u32 warp = threadIdx.x / 32, warps = blockDim.x / 32;
  const u64 total = (a.count + GROUP_VALUES - 1) / GROUP_VALUES;
  // Groups of a slice of a chunk: chunk_bytes is what their codes take. A chunk is WORLD slices, and blocks take chunks in turn.
  const u32 slice = a.chunk_bytes / GROUP_VALUES;
  const u64 chunk = u64(slice) * WORLD;
  const u32 steps = u32(((total + chunk - 1) / chunk + gridDim.x - 1 - blockIdx.x) / gridDim.x);
  // [block][stage][half][source][slice]
  const u64 bytes = encoded_bytes(slice);
  const u64 stage = STAGE + u64(blockIdx.x) * 4 * WORLD * bytes;
  for (u32 k = 0; k < steps + 2; k++) {
    if (k > 0 && !await_signals(a, FAMILY_QUANTIZED, WORLD, before + k)) return;
    if (k < steps) {
      const u64 first = (u64(k) * gridDim.x + blockIdx.x) * chunk;
      const u64 box = stage + (u64(k & 1) * WORLD + a.rank) * bytes;
      for (u32 g = warp; g < slice; g += warps)
#pragma unroll
        for (u32 i = 1; i < WORLD; i++) {
          const u32 owner = a.rank + i < WORLD ? a.rank + i : a.rank + i - WORLD;
          const u64 group = first + u64(owner) * slice + g;
          if (group < total) store_encoded(a.peers[owner] + box, slice, g, encode(load_group(a.input, group, a.count, a.aligned)));
        }
    }
    if (k >= 1 && k <= steps) {
      const u64 first = (u64(k - 1) * gridDim.x + blockIdx.x) * chunk + u64(a.rank) * slice;
      const u64 from = stage + u64((k - 1) & 1) * WORLD * bytes;
      const u64 to = stage + (u64(2 + ((k - 1) & 1)) * WORLD + a.rank) * bytes;
      for (u32 g = warp; g < slice && first + g < total; g += warps) {
        GroupValues sum;
#pragma unroll
        for (u32 r = 0; r < WORLD; r++) {
          const GroupValues x = r == a.rank ? load_group(a.input, first + g, a.count, a.aligned)
                                            : decode(load_encoded(a.peers[a.rank] + from + r * bytes, slice, g));
#pragma unroll
          for (u32 p = 0; p < GROUP_PACKS; p++)
#pragma unroll
            for (u32 i = 0; i < ELEMENTS; i++) sum.part[p].v[i] = r == 0 ? x.part[p].v[i] : reduce(sum.part[p].v[i], x.part[p].v[i]);
        }
#pragma unroll
        for (u32 p = 0; p < GROUP_PACKS; p++) finish(sum.part[p], WORLD);
        const Encoded e = encode(sum);
#pragma unroll
        for (u32 i = 1; i < WORLD; i++) {
          const u32 peer = a.rank + i < WORLD ? a.rank + i : a.rank + i - WORLD;
          store_encoded(a.peers[peer] + to, slice, g, e);
        }
        store_group(a.output, first + g, a.count, a.aligned, decode(e));
      }
    }
    if (k >= 2) {
      const u64 first = (u64(k - 2) * gridDim.x + blockIdx.x) * chunk;
      const u64 from = stage + u64(2 + (k & 1)) * WORLD * bytes;
      for (u32 g = warp; g < slice; g += warps)
#pragma unroll
        for (u32 r = 0; r < WORLD; r++) {
          const u64 group = first + u64(r) * slice + g;
          if (r != a.rank && group < total)
            store_group(a.output, group, a.count, a.aligned, decode(load_encoded(a.peers[a.rank] + from + r * bytes, slice, g)));
        }
    }
    if (k == steps + 1) release_next_kernel();
    signal_release(a, FAMILY_QUANTIZED, WORLD, before + k + 1);
  }
  if (!await_signals(a, FAMILY_QUANTIZED, WORLD, before + steps + 2)) return;
  if (threadIdx.x == 0) *count = before + steps + 2;
}
