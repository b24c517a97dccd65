// Products of many tokens by tiles of 128 rows and 32 to 128 tokens, for every head. See tiles.cuh.
#include "tiles.cuh"

#define TILES(NAME, TOKENS, STAGES)                                                               \
  extern "C" __global__ void __launch_bounds__(TILE_THREADS, 1) NAME(PRODUCT_PARAMETERS) {        \
    const Product a = PRODUCT;                                                                    \
    Tiles<TOKENS, STAGES, false>(a).run();                                                        \
  }

TILES(linear_tiles_32, 32, 4)
TILES(linear_tiles_64, 64, 4)
TILES(linear_tiles_128, 128, 3)
