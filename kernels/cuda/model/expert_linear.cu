// Products of pairs (token, choice) by the weights of their expert: the tiles of skinny.cuh and tiles.cuh, over the pairs of each expert that has any. How many
// each has is known on the device only, so there are as many blocks as could be needed, and those without work end at once.
#include "skinny.cuh"
#include "tiles.cuh"

#define SKINNY(NAME, NT, MT)                                                                  \
  extern "C" __global__ void __launch_bounds__(512, 1) NAME(PRODUCT_PARAMETERS, u32 x_rows) { \
    const Product a = PRODUCT;                                                                \
    Skinny<NT, MT, true>(a, x_rows).run();                                                    \
  }
#define TILES(NAME, TOKENS, STAGES)                                                        \
  extern "C" __global__ void __launch_bounds__(TILE_THREADS, 1) NAME(PRODUCT_PARAMETERS) { \
    const Product a = PRODUCT;                                                             \
    Tiles<TOKENS, STAGES, true>(a).run();                                                  \
  }

SKINNY(expert_skinny_8x16, 1, 1)
SKINNY(expert_skinny_8x32, 1, 2)
SKINNY(expert_skinny_16x32, 2, 2)
TILES(expert_tiles_32, 32, 4)
TILES(expert_tiles_64, 64, 4)
TILES(expert_tiles_128, 128, 3)
