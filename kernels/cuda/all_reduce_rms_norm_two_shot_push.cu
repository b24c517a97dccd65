// All-reduce + residual + RMSNorm (+ quantization), two-shot push: unit by unit a row is dealt out to the ranks; the owner of a unit sums it
// and sends the sum to every rank, and every rank finishes every row. 2(N-1)/N times the bytes leave each device. The unfused sequence is
// all_reduce_two_shot_push, then rms_norm; the bits are the same. Specialised by WORLD, DTYPE, QUANT, TURNS.
//
// The mailboxes and their epochs are those of all_reduce_two_shot_push: N neighbouring units of a row, one for each owner, are a *group*, and
// a warp takes a group through both hops. Group g of row t is unit t x (groups of a row) + g of either mailbox.
//
// Units behind the end of a row are sent by nobody and awaited by nobody, so an owner may get nothing for a group, and a rank learns of its
// peers through owners only. Two halves of a mailbox still suffice, because a call is a barrier: rank 0 owns the first unit of every row and
// sends its sum when all ranks have sent theirs, so no rank ends call c + 1 before all have begun it, and thus have ended call c and emptied
// its slots. A slot is filled again in call c + 2 at the earliest.
#ifndef WORLD
#define WORLD 4
#endif
#define SPAN WORLD
#include "mailbox.cuh"
#include "norm.cuh"

// Blocks wait for each other across ranks, so all of a grid must be resident: src/engine/cuda/catalog/rms-norm.ts counts on this many threads
// of a multiprocessor.
constexpr u32 THREADS = 512;
constexpr u32 RESIDENT = PACKS <= 2 ? 1024 : 512;

DEVICE u32 rotated(u32 rank, u32 i) { return rank + i < WORLD ? rank + i : rank + i - WORLD; }

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT / THREADS) all_reduce_rms_norm_two_shot_push(const __grid_constant__ Launch a) {
  __shared__ Exchange exchange;
  const Rows rows(a);
  const Norm norm(a, rows);
  u32* const epochs = reinterpret_cast<u32*>(a.peers[a.rank] + EPOCHS_SCATTER);
  exchange.clear();
  wait_for_previous_kernel();
  u32 set = 0;
  bool alive = true;
#pragma unroll 1
  for (u32 first = blockIdx.x * rows.per_block; first < a.tokens; first += rows.step, set ^= 1) {
    const u32 row = first + rows.place;
    const bool there = rows.place < rows.per_block && row < a.tokens;
    const u32 offset = row_offset<u32>(a, row);
    const u32 box0 = row * rows.groups;
    u32 halves = 0;  // bit t: of turn t
    Pack mine[TURNS]{}, p[PACKS]{};
    if (there) {
#pragma unroll
      for (u32 t = 0; t < TURNS; t++) {
        const u32 group = rows.group(t);
        if (group >= rows.groups) break;
        const u32 half = load_volatile(epochs + box0 + group) & 1;
        halves |= half << t;
#pragma unroll
        for (u32 i = 1; i < WORLD; i++) {
          const u32 owner = rotated(a.rank, i);
          if (group * WORLD + owner >= rows.units) continue;
          const Pack sent = sendable(rows.load(a, a.input, offset, group * WORLD + owner));
          store_relaxed(a.peers[owner] + slot_offset(SCATTER, box0 + group, half, a.rank), sent);
        }
        mine[t] = rows.load(a, a.input, offset, group * WORLD + a.rank);
      }
    }
    if (first + rows.step >= a.tokens) release_next_kernel();
    if (there) {
#pragma unroll
      for (u32 t = 0; t < TURNS; t++) {
        const u32 group = rows.group(t);
        if (group * WORLD + a.rank >= rows.units) break;
        const u32 half = halves >> t & 1;
        Pack box[WORLD]{};
        alive = alive && receive(a, SCATTER, box0 + group, half, box);
        Values sum = widen(a.rank == 0 ? mine[t] : box[0]);
#pragma unroll
        for (u32 r = 1; r < WORLD; r++) accumulate(sum, r == a.rank ? mine[t] : box[r]);
        // Sendable as it is: the NaN that arithmetic gives is not all ones.
        mine[t] = narrow(sum);
#pragma unroll
        for (u32 i = 1; i < WORLD; i++)
          store_relaxed(a.peers[rotated(a.rank, i)] + slot_offset(GATHER, box0 + group, half, a.rank), mine[t]);
        rearm(a, SCATTER, box0 + group, half);
      }
#pragma unroll
      for (u32 t = 0; t < TURNS; t++) {
        const u32 group = rows.group(t);
        if (group >= rows.groups) break;
        const u32 half = halves >> t & 1;
        Pack box[WORLD]{}, rest[WORLD]{};
        if (a.residual != nullptr)
#pragma unroll
          for (u32 r = 0; r < WORLD; r++)
            if (group * WORLD + r < rows.units) rest[r] = rows.load(a, a.residual, offset, group * WORLD + r);
        alive = alive && receive(a, GATHER, box0 + group, half, box, rows.units - group * WORLD);
#pragma unroll
        for (u32 r = 0; r < WORLD; r++) {
          const u32 k = t * WORLD + r;
          if (rows.unit(k) >= rows.units) break;
          p[k] = r == a.rank ? mine[t] : box[r];
          if (a.residual != nullptr) p[k] = plus(p[k], rest[r]);
          norm.add(exchange, set, rows, k, p[k]);
        }
      }
      // While others are on their way to the exchange.
#pragma unroll
      for (u32 t = 0; t < TURNS; t++) {
        const u32 group = rows.group(t);
        if (group >= rows.groups) break;
        const u32 half = halves >> t & 1;
#pragma unroll
        for (u32 k = t * WORLD; k < t * WORLD + WORLD; k++)
          if (a.residual_out != nullptr && rows.unit(k) < rows.units) rows.store(a, a.residual_out, offset, rows.unit(k), p[k]);
        rearm(a, GATHER, box0 + group, half);
        if (lane_id() == 0) epochs[box0 + group] = half ^ 1;
      }
    }
    norm.finish(a, exchange, set, rows, row, offset, there, p);
  }
}
