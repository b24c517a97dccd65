// The instructions that C++ has no words for. Names say what the instruction does; kernels say why.
#pragma once
#include "launch.cuh"

struct alignas(16) Pack {
  u32 x, y, z, w;
};

#define DEVICE static __device__ __forceinline__

// ---- memory that peers read or write: system scope, never cached in L1 ----

DEVICE void store_relaxed(void* p, Pack v) {
  asm volatile("st.relaxed.sys.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}
DEVICE Pack load_relaxed(const void* p) {
  Pack v;
  asm volatile("ld.relaxed.sys.global.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
  return v;
}
DEVICE void store_relaxed(u32* p, u32 v) {
  asm volatile("st.relaxed.sys.global.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
}
DEVICE u32 load_relaxed(const u32* p) {
  u32 v;
  asm volatile("ld.relaxed.sys.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
DEVICE u32 load_acquire(const u32* p) {
  u32 v;
  asm volatile("ld.acquire.sys.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}
DEVICE void store_release(u32* p, u32 v) {
  asm volatile("st.release.sys.global.u32 [%0], %1;" ::"l"(p), "r"(v) : "memory");
}
// Orders everything before it, on every device, before everything after it. Waits for outstanding remote stores: about a round trip.
DEVICE void fence_system() { asm volatile("fence.acq_rel.sys;" ::: "memory"); }

// ---- this device's own memory ----

DEVICE Pack load_pack(const void* p) {
  Pack v;
  asm volatile("ld.global.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p) : "memory");
  return v;
}
DEVICE void store_pack(void* p, Pack v) {
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory");
}
// Not cached in L1: words that another block, or an earlier kernel that has not ended, may have written.
DEVICE u32 load_volatile(const u32* p) {
  u32 v;
  asm volatile("ld.volatile.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
  return v;
}

// ---- programmatic dependent launch (sm_90 and up; elsewhere kernels simply follow each other) ----

// Everything the kernel before has written is visible after it. Nothing but weights may be read before it.
DEVICE void wait_for_previous_kernel() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// Lets the next kernel's blocks start and wait as the above does.
DEVICE void release_next_kernel() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
// Computes a value before the wait for the previous kernel, not after it.
DEVICE void settle(u8*& p) { asm volatile("" : "+l"(p)); }
DEVICE void settle(const u8*& p) { asm volatile("" : "+l"(p)); }
DEVICE void settle(u32*& p) { asm volatile("" : "+l"(p)); }
DEVICE void settle(float& x) { asm volatile("" : "+f"(x)); }

DEVICE u64 nanoseconds() {
  u64 t;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(t));
  return t;
}
DEVICE u32 lane_id() {
  u32 l;
  asm("mov.u32 %0, %laneid;" : "=r"(l));
  return l;
}
