// What a launch hands to a kernel: one struct by value for all kernels, the counterpart of `Launch` in src/engine/engine.ts.
// src/engine/cuda/launch-record.ts writes it; a test compares the offsets.
#pragma once

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;

constexpr u32 MAX_WORLD = 8;

struct Launch {
  // Address of every rank's memory block as mapped on this device, own included: layout.cuh says what lies where in it.
  u8* peers[MAX_WORLD];
  const u8* input;
  u8* output;
  const u8* residual;
  u8* residual_out;
  const u8* weight;
  u8* quant_out;
  u8* scale_out;
  // Host memory: word 0 is set by the host to end all waiting, words 1.. are set by a kernel whose wait was in vain.
  u32* status;
  // Elements: of the message for all-reduce and broadcast, of the largest part for all-gather, of the whole input for reduce-scatter.
  u64 count;
  // Where a rank's part begins, in elements, for all-gather and reduce-scatter; [world] is the end of the last.
  u64 part[MAX_WORLD + 1];
  // A wait that lasts longer is given up, in nanoseconds.
  u64 deadline;
  // Multicast address of the memory blocks, or null.
  u8* multicast;
  u32 rank;
  u32 root;
  u32 tokens;
  u32 hidden;
  float weight_bias;
  float epsilon;
  float scale;
  u32 chunk_bytes;
  // 1 when every tensor of the launch begins at a multiple of 16 bytes, on this rank.
  u32 aligned;
  // Bytes of an element, for kernels that only move and are the same for all dtypes.
  u32 element_bytes;
  // 1: RMSNorm rounds x * rstd before it multiplies by the weight.
  u32 cast_before_weight;
};
