// Does nothing. Launched without programmatic dependent launch, it starts when all before it has ended and been written, and nothing after
// it starts before it has ended: what a kernel needs that does not wait for its predecessor by itself (NCCL's symmetric ones of some versions).
#include "launch.cuh"

extern "C" __global__ void noop(const __grid_constant__ Launch) {}
