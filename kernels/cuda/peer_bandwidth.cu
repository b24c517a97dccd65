// How fast multiprocessors move bytes between devices: stores to peers (push), loads from peers (pull), and one word to a peer and back.
// Not collectives: `crossover doctor` prints the rates, and the bench takes the best of push and pull as the bound of the links.
#include "ptx.cuh"

struct PeerTraffic {
  // This device's memory: read by push, written by pull.
  u8* own;
  u8* peers[MAX_WORLD];
  // Of 16 bytes, to or from each peer; a multiple of UNROLL is not needed.
  u64 packs;
  u32 count;
  // How often the whole is repeated.
  u32 rounds;
};

// Packs a thread has in flight.
constexpr u32 UNROLL = 4;

// Peers take turns pack by pack, each device beginning with another one (the host orders `peers`), so that no receiver is flooded.
extern "C" __global__ void peer_push(const __grid_constant__ PeerTraffic a) {
  const u64 stride = u64(gridDim.x) * blockDim.x;
  for (u32 round = 0; round < a.rounds; round++) {
    for (u64 first = u64(blockIdx.x) * blockDim.x + threadIdx.x; first < a.packs; first += stride * UNROLL) {
      Pack packs[UNROLL];
#pragma unroll
      for (u32 k = 0; k < UNROLL; k++)
        if (first + k * stride < a.packs) packs[k] = load_pack(a.own + (first + k * stride) * 16);
      for (u32 p = 0; p < a.count; p++) {
#pragma unroll
        for (u32 k = 0; k < UNROLL; k++)
          if (first + k * stride < a.packs) store_relaxed(a.peers[p] + (first + k * stride) * 16, packs[k]);
      }
    }
  }
}

// The sum of what was read is written, or the loads would be dropped.
extern "C" __global__ void peer_pull(const __grid_constant__ PeerTraffic a) {
  const u64 stride = u64(gridDim.x) * blockDim.x;
  for (u32 round = 0; round < a.rounds; round++) {
    for (u64 first = u64(blockIdx.x) * blockDim.x + threadIdx.x; first < a.packs; first += stride * UNROLL) {
      Pack sum[UNROLL] = {};
      for (u32 p = 0; p < a.count; p++) {
        Pack packs[UNROLL];
#pragma unroll
        for (u32 k = 0; k < UNROLL; k++) {
          packs[k] = Pack{0, 0, 0, 0};
          if (first + k * stride < a.packs) packs[k] = load_relaxed(a.peers[p] + (first + k * stride) * 16);
        }
#pragma unroll
        for (u32 k = 0; k < UNROLL; k++)
          sum[k] = Pack{sum[k].x ^ packs[k].x, sum[k].y ^ packs[k].y, sum[k].z ^ packs[k].z, sum[k].w ^ packs[k].w};
      }
#pragma unroll
      for (u32 k = 0; k < UNROLL; k++)
        if (first + k * stride < a.packs) store_pack(a.own + (first + k * stride) * 16, sum[k]);
    }
  }
}

struct PingPong {
  // This device's flag, and the peer's.
  u32* own;
  u32* peer;
  // Own memory: nanoseconds of all rounds, and 1 when a wait was given up.
  u64* elapsed;
  u64 deadline;
  u32 rounds;
  // The device that begins has 1, the other 0.
  u32 begins;
};

DEVICE bool wait_for_word(const u32* flag, u32 value, u64 start, u64 deadline) {
  for (u32 polls = 0; load_relaxed(flag) != value; polls++)
    if (polls % 1024 == 1023 && nanoseconds() - start > deadline) return false;
  return true;
}

// One thread on each of two devices: round r stores r + 1 to the peer; the peer answers with the same word. A round trip is two one-way
// times of a store that a polling peer sees. The first round waits for the other kernel to start and is not timed.
extern "C" __global__ void peer_ping_pong(const __grid_constant__ PingPong a) {
  const u64 launched = nanoseconds();
  u64 start = 0;
  u32 failed = 0;
  for (u32 round = 1; round <= a.rounds + 1 && !failed; round++) {
    if (a.begins) store_relaxed(a.peer, round);
    if (!wait_for_word(a.own, round, launched, a.deadline)) failed = 1;
    if (!a.begins && !failed) store_relaxed(a.peer, round);
    if (round == 1) start = nanoseconds();
  }
  a.elapsed[0] = nanoseconds() - start;
  a.elapsed[1] = failed;
}

struct Hold {
  u64 nanoseconds;
};

// Keeps a stream busy while the host queues what is timed behind it, so that gaps between launches are not part of the time.
extern "C" __global__ void hold(const __grid_constant__ Hold a) {
  const u64 start = nanoseconds();
  while (nanoseconds() - start < a.nanoseconds) {
  }
}
