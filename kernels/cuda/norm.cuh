// What rows go through once their sums are there: the warps of a row exchange sums of squares, normalize, exchange the largest magnitude
// where a scale a token asks for it, quantize, store. A lane keeps its packs in registers from the first load to the last store.
#pragma once
#include "quantize.cuh"
#include "row.cuh"

// Packs of a tensor that are on their way at a time, where there are many.
constexpr u32 BATCH = PACKS < 4 ? PACKS : 4;
// Few weights are in registers before the kernel before has ended; many are read when they are needed.
constexpr bool WEIGHTS_KEPT = PACKS == BATCH;

// Threads of a block of the local kernels at most.
constexpr u32 LOCAL_THREADS = PACKS <= 2 ? 1024 : PACKS <= 8 || DTYPE == 0 ? 512 : 256;

struct Exchange {
  // Two sets by turns: a warp may be a row ahead of another that still reads.
  alignas(16) float squares[2][PARTIALS];
  u32 largest[LANES];

  // Sums of units that no row has stay zero for good.
  __device__ __forceinline__ void clear() {
    for (u32 i = threadIdx.x; i < 2 * PARTIALS; i += blockDim.x) squares[i / PARTIALS][i % PARTIALS] = 0;
    __syncthreads();
  }
};

DEVICE Pack load_weight(const Launch& a, const Rows& rows, u32 k) {
  Pack v{};
  if (a.weight == nullptr || rows.unit(k) >= rows.units) return v;
  return rows.load(a, a.weight, 0u, rows.unit(k));
}

struct Norm {
  Pack weight[BATCH];
  float share;

  // May be called before wait_for_previous_kernel().
  __device__ __forceinline__ Norm(const Launch& a, const Rows& rows) {
    share = __frcp_rn(float(a.hidden));
    if (WEIGHTS_KEPT)
#pragma unroll
      for (u32 k = 0; k < BATCH; k++) weight[k] = load_weight(a, rows, k);
  }

  // Puts the sum of the squares of pack k into the exchange. All lanes of a warp call it together.
  __device__ __forceinline__ void add(Exchange& e, u32 set, const Rows& rows, u32 k, Pack p) const {
    const float squares = unit_squares(p);
    if (lane_id() == 0) e.squares[set][rows.partials() + rows.unit(k)] = squares;
  }

  // The rest of the way, for packs whose sums have been added. All threads of a block call it together; `there` says whether this warp has a row.
  template <class Offset>
  __device__ __forceinline__ void finish(const Launch& a, Exchange& e, u32 set, const Rows& rows, u32 row, Offset offset, bool there, Pack (&p)[PACKS]) const {
    __syncthreads();
    u32 most = 0;
    if (there) {
      const float rstd = root_mean_square(row_squares(e.squares[set] + rows.partials(), rows.units), share, a.epsilon);
#pragma unroll
      for (u32 from = 0; from < PACKS; from += BATCH) {
        Pack w[BATCH];
#pragma unroll
        for (u32 i = 0; i < BATCH; i++) {
          w[i] = WEIGHTS_KEPT ? weight[i] : load_weight(a, rows, from + i);
          // Else the compiler keeps sums of weight and bias, in twice the registers, from one row to the next.
          asm volatile("" : "+r"(w[i].x), "+r"(w[i].y), "+r"(w[i].z), "+r"(w[i].w));
        }
#pragma unroll
        for (u32 i = 0; i < BATCH; i++) {
          const u32 k = from + i, unit = rows.unit(k);
          if (unit >= rows.units) break;
          p[k] = normalized(p[k], rstd, w[i], a.weight != nullptr, a.weight_bias);
          if (a.output != nullptr) rows.store(a, a.output, offset, unit, p[k]);
          if (SCALE_PER_TOKEN) most = max(most, rows.slot(unit) < rows.slots ? largest(p[k]) : 0);
        }
      }
    }
    if (QUANTIZED) quantize(a, e, rows, row, there, p, most);
  }

  // `most` is this lane's largest magnitude.
  static __device__ __forceinline__ void quantize(const Launch& a, Exchange& e, const Rows& rows, u32 row, bool there, const Pack (&p)[PACKS], u32 most) {
    float scale = a.scale;
    if (SCALE_PER_TOKEN) {
      most = largest_of_warp(most);
      if (lane_id() == 0) e.largest[threadIdx.x / LANES] = most;
      __syncthreads();
      if (!there) return;
      scale = token_scale(largest_of_warp(lane_id() < rows.warps ? e.largest[rows.place * rows.warps + lane_id()] : 0));
      if (rows.warp == 0 && lane_id() == 0) reinterpret_cast<float*>(a.scale_out)[row] = scale;
    }
    if (!there) return;
    const Divisor by(scale);
#pragma unroll
    for (u32 k = 0; k < PACKS; k++) {
      if (rows.unit(k) >= rows.units) break;
      store_quantized(a, row, rows.slot(rows.unit(k)), rows.elements(a, rows.unit(k)), p[k], by, rows.aligned);
    }
  }
};
