// The parts of all-gather and reduce-scatter, equal or not. A rank's own part of an all-gather lies in the input or, in place (input equals
// output), in the output already; its own part of a reduce-scatter goes to the output or, in place, over its part of the input.
#pragma once
#include "bytes.cuh"

DEVICE u64 part_offset(const Launch& a, u32 rank) { return a.part[rank] * a.element_bytes; }
DEVICE u64 part_bytes(const Launch& a, u32 rank) { return (a.part[rank + 1] - a.part[rank]) * a.element_bytes; }
DEVICE u64 largest_part(const Launch& a) {
  u64 most = 0;
#pragma unroll
  for (u32 r = 0; r < WORLD; r++) {
    const u64 bytes = part_bytes(a, r);
    most = bytes > most ? bytes : most;
  }
  return most;
}
