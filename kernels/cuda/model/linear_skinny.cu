// Products of 1 to 16 tokens by tiles of rows, for every head; more tokens in tiles of those. See skinny.cuh.
#include "skinny.cuh"

#define SKINNY(NAME, NT, MT)                                                                              \
  extern "C" __global__ void __launch_bounds__(512, 1) NAME(PRODUCT_PARAMETERS, u32 x_rows) {             \
    const Product a = PRODUCT;                                                                            \
    Skinny<NT, MT, false>(a, x_rows).run();                                                               \
  }

SKINNY(linear_skinny_8x16, 1, 1)
SKINNY(linear_skinny_8x32, 1, 2)
SKINNY(linear_skinny_16x16, 2, 1)
SKINNY(linear_skinny_16x32, 2, 2)
