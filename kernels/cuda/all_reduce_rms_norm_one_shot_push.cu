// All-reduce + residual + RMSNorm (+ quantization), one-shot push: every rank sends its rows to every other, and does every row itself.
// The unfused sequence is all_reduce_one_shot_push, then rms_norm; the bits are the same. Specialised by WORLD, DTYPE, QUANT, TURNS.
//
// The mailboxes and their protocol are those of all_reduce_one_shot_push; unit u of row t is unit t x (units of a row) + u of the mailbox.
// Once the sum is there, the warps of a row meet once, for the sum of squares, and once more where a token gets a scale.
#include "mailbox.cuh"
#include "norm.cuh"

// Few packs stay in registers between sending and summing, with the residual; many are read again.
constexpr bool KEPT = TURNS <= 2;
constexpr u32 THREADS = TURNS == 1 && WORLD <= 4 ? 1024 : 512;

extern "C" __global__ void __launch_bounds__(THREADS, 1) all_reduce_rms_norm_one_shot_push(const __grid_constant__ Launch a) {
  __shared__ Exchange exchange;
  const Rows rows(a);
  const Norm norm(a, rows);
  u32* const epochs = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_ONE_SHOT);
  exchange.clear();
  wait_for_previous_kernel();
  u32 set = 0;
  bool alive = true;
#pragma unroll 1
  for (u32 first = blockIdx.x * rows.per_block; first < a.tokens; first += rows.step, set ^= 1) {
    const u32 row = first + rows.place;
    const bool there = rows.place < rows.per_block && row < a.tokens;
    const u32 offset = row_offset<u32>(a, row);
    const u32 box0 = row * rows.units;
    u32 halves = 0;  // bit k: of pack k
    Pack mine[KEPT ? PACKS : 1]{}, rest[KEPT ? PACKS : 1]{}, p[PACKS]{};
    if (there) {
#pragma unroll
      for (u32 k = 0; k < PACKS; k++) {
        if (rows.unit(k) >= rows.units) break;
        const u32 half = load_volatile(epochs + box0 + rows.unit(k)) & 1;
        halves |= half << k;
        Pack& x = mine[KEPT ? k : 0];
        x = rows.load(a, a.input, offset, rows.unit(k));
        const Pack sent = sendable(x);
#pragma unroll
        for (u32 i = 1; i < WORLD; i++) {
          const u32 peer = a.rank + i < WORLD ? a.rank + i : a.rank + i - WORLD;
          store_relaxed(a.peers[peer] + slot_offset(ONE_SHOT, box0 + rows.unit(k), half, a.rank), sent);
        }
      }
    }
    if (first + rows.step >= a.tokens) release_next_kernel();
    if (there) {
      if (KEPT && a.residual != nullptr)
#pragma unroll
        for (u32 k = 0; k < PACKS; k++)
          if (rows.unit(k) < rows.units) rest[k] = rows.load(a, a.residual, offset, rows.unit(k));
#pragma unroll
      for (u32 k = 0; k < PACKS; k++) {
        if (rows.unit(k) >= rows.units) break;
        const Pack own = KEPT ? mine[k] : rows.load(a, a.input, offset, rows.unit(k));
        Pack more = rest[KEPT ? k : 0];
        if (!KEPT && a.residual != nullptr) more = rows.load(a, a.residual, offset, rows.unit(k));
        Pack box[WORLD]{};
        alive = alive && receive(a, ONE_SHOT, box0 + rows.unit(k), halves >> k & 1, box);
        Values sum = widen(a.rank == 0 ? own : box[0]);
#pragma unroll
        for (u32 r = 1; r < WORLD; r++) accumulate(sum, r == a.rank ? own : box[r]);
        p[k] = narrow(sum);
        if (a.residual != nullptr) p[k] = plus(p[k], more);
        norm.add(exchange, set, rows, k, p[k]);
      }
      // While others are on their way to the exchange.
#pragma unroll
      for (u32 k = 0; k < PACKS; k++) {
        if (rows.unit(k) >= rows.units) break;
        const u32 half = halves >> k & 1;
        if (a.residual_out != nullptr) rows.store(a, a.residual_out, offset, rows.unit(k), p[k]);
        rearm(a, ONE_SHOT, box0 + rows.unit(k), half);
        if (lane_id() == 0) epochs[box0 + rows.unit(k)] = half ^ 1;
      }
    }
    norm.finish(a, exchange, set, rows, row, offset, there, p);
  }
}
