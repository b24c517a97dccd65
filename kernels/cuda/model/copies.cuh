// Copies from memory to shared memory that go on while the thread does (cp.async), and the wait for them.
#pragma once
#include "ptx.cuh"

DEVICE u32 shared_address(const void* p) { return u32(__cvta_generic_to_shared(p)); }

// 16 bytes on their way into shared memory; zeros where `there` is false, and nothing is read then.
DEVICE void copy_pack(u32 to, const u8* from, bool there) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}
DEVICE void copy_word(u32 to, const void* from) { asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(to), "l"(from) : "memory"); }
DEVICE void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Waits until no more than LEFT of the latest groups of this thread's copies are under way.
template <u32 LEFT>
DEVICE void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}
