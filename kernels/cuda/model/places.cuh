// Where tokens stand, and where a paged cache has what belongs to them (src/engine/compute.ts).
#pragma once
#include "launch.cuh"
#include "ptx.cuh"

struct Place {
  u32 position;
  u32 row;
  // Whether its sequence has a page for it; there is nothing to be read or written where it has none.
  bool there;
};

DEVICE Place place_of(const int* positions, const int* rows, u32 token, u32 page_size, u32 pages) {
  const u32 position = u32(positions[token]);
  const u32 row = u32(rows[token]);
  return {position, row, position / page_size < pages};
}
// Number of the cache's row that the place has.
DEVICE u64 cache_row(const Place& place, const int* tables, u32 page_size, u32 pages) {
  const u32 page = place.position / page_size;
  return u64(u32(tables[u64(place.row) * pages + page])) * page_size + (place.position - page * page_size);
}
