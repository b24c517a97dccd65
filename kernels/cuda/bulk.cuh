// Bulk copies (sm_90 and up): one thread starts them, the copy engine of its multiprocessor carries them out, so few blocks saturate the links. A
// bulk copy moves a multiple of 16 bytes between multiples of 16. Below sm_90 kernels do without.
#pragma once
#include "ptx.cuh"

#if __CUDA_ARCH__ >= 900
#define HAS_BULK 1

constexpr u32 STAGES = 4;
// Dynamic shared memory of a block: STAGES of these, which is what the smallest devices have (99 KiB on sm_120).
constexpr u32 STAGE_TILE = 24 * 1024;

DEVICE u32 shared_address(const void* p) { return u32(__cvta_generic_to_shared(p)); }

// A barrier in shared memory that counts the bytes which have arrived.
DEVICE void arrivals_init(u64* arrivals) { asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared_address(arrivals)) : "memory"); }
DEVICE void arrivals_expect(u64* arrivals, u32 bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(arrivals)), "r"(bytes) : "memory");
}
// Waits until all bytes of phase 0, 1, 0, 1... have arrived. Copies end by themselves, so this needs no deadline.
DEVICE void arrivals_wait(u64* arrivals, u32 phase) {
  u32 done;
  do {
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(shared_address(arrivals)), "r"(phase)
                 : "memory");
  } while (done == 0);
}

// From any device's memory.
DEVICE void bulk_load(void* shared, const u8* global, u32 bytes, u64* arrivals) {
  asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(shared_address(shared)), "l"(global),
               "r"(bytes), "r"(shared_address(arrivals))
               : "memory");
}
// Into any device's memory; part of this thread's current group.
DEVICE void bulk_store(u8* global, const void* shared, u32 bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(global), "r"(shared_address(shared)), "r"(bytes) : "memory");
}
DEVICE void bulk_end_group() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
// All but this thread's last two groups have read their tiles, which may be filled again.
DEVICE void bulk_wait_read_but_two() { asm volatile("cp.async.bulk.wait_group.read 2;" ::: "memory"); }
// All groups have been written, where they had to go.
DEVICE void bulk_wait_written() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }

// Bulk copies are a way to memory of their own: orders ordinary accesses before it, on every kind of memory, before bulk copies after it.
DEVICE void fence_bulk() { asm volatile("fence.proxy.async;" ::: "memory"); }
#endif
