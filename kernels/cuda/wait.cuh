// Waiting for peers, with an end: a kernel that waits in vain says so and leaves, so that a dead peer never takes the device with it.
#pragma once
#include "ptx.cuh"

// Polls between two looks at the clock and at the host.
constexpr u32 POLLS = 1 << 12;

// Words of `Launch::status`.
constexpr u32 STATUS_END = 0;     // wait no longer, says the host, or a kernel that has given up
constexpr u32 STATUS_FAILED = 1;  // a wait was given up
constexpr u32 STATUS_PEER = 2;    // for this rank

struct Deadline {
  u32 polls = 0;
  u64 start = 0;

  // Call it after each poll that found nothing. True when it is time to give up; the launch is void then.
  __device__ __forceinline__ bool passed(const Launch& a, u32 peer) {
    if (++polls % POLLS != 0) return false;
    u64 now = nanoseconds();
    if (start == 0) start = now;
    if (now - start < a.deadline && load_relaxed(a.status + STATUS_END) == 0) return false;
    store_relaxed(a.status + STATUS_PEER, peer);
    // Kernels that are enqueued behind this one have nothing to wait for.
    store_relaxed(a.status + STATUS_END, 1);
    store_release(a.status + STATUS_FAILED, 1);
    return true;
  }
};
