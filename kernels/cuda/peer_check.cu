// Do bytes that one device writes into another's memory arrive, and do bytes that it reads from there mean what they say? Drivers have
// answered yes where writes were dropped (PCIe access control, virtual machines), so `crossover doctor` tries every ordered pair.
//
// The pattern depends on a random seed and on the address, so that neither old contents nor a shifted or repeated page passes. The host
// has the same function (src/engine/cuda/inspect/pattern.ts) and compares.
#include "ptx.cuh"

struct PeerCheck {
  const u8* from;
  u8* to;
  u64 packs;
  u32 seed;
  u32 padding;
};

// A bijection of 32-bit words with every bit depending on every bit (constants of "lowbias32" by Chris Wellons).
DEVICE u32 mix(u32 x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

extern "C" __global__ void peer_check_write(const __grid_constant__ PeerCheck a) {
  for (u64 i = u64(blockIdx.x) * blockDim.x + threadIdx.x; i < a.packs; i += u64(gridDim.x) * blockDim.x) {
    const u32 word = u32(i) * 4 + a.seed;
    store_relaxed(a.to + i * 16, Pack{mix(word), mix(word + 1), mix(word + 2), mix(word + 3)});
  }
}

// Copies through registers: `from` is a peer's memory, or this device's own that a peer has written.
extern "C" __global__ void peer_check_read(const __grid_constant__ PeerCheck a) {
  for (u64 i = u64(blockIdx.x) * blockDim.x + threadIdx.x; i < a.packs; i += u64(gridDim.x) * blockDim.x)
    store_pack(a.to + i * 16, load_relaxed(a.from + i * 16));
}
