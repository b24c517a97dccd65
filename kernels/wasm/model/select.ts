/**
 * @file The largest of a row, in order: largest first, the lower number first among equals, NaN last.
 *
 * Values are compared as integers: a float's magnitude with its sign, so that -0 equals 0, and NaN below all. The row is read eight
 * at a time, and only what is larger than the least of those kept is looked at one by one.
 */

/** The most that top_k and sample keep. A list is values (float32) and numbers (u32). */
export const CHOICES: u32 = 64;

/** The key of a float32. */
// @ts-ignore: decorator
@inline
export function keyOf(value: f32): i32 {
  let bits = reinterpret<u32>(value);
  let magnitude = i32(bits & 0x7fffffff);
  if (magnitude > 0x7f800000) return i32.MIN_VALUE;
  return bits >> 31 ? -magnitude : magnitude;
}

/** The keys of eight bf16, in 16 bits: NaN is -32768. */
// @ts-ignore: decorator
@inline
function keys8(x: v128): v128 {
  let magnitude = v128.and(x, i16x8.splat(0x7fff));
  let sign = i16x8.shr_s(x, 15);
  let key = i16x8.sub(v128.xor(magnitude, sign), sign);
  return v128.bitselect(i16x8.splat(-32768), key, i16x8.gt_s(magnitude, i16x8.splat(0x7f80)));
}

/** Puts a value in its place among the `found` of a list of `most`, behind those that are not less. Returns how many there are now. */
function insert(value: f32, number: u32, values: usize, numbers: usize, found: u32, most: u32): u32 {
  let key = keyOf(value);
  let at = found < most ? found : most - 1;
  if (found == most && key <= keyOf(load<f32>(values + (at << 2)))) return found;
  for (; at > 0; at--) {
    let before = load<f32>(values + (at << 2) - 4);
    if (keyOf(before) >= key) break;
    store<f32>(values + (at << 2), before);
    store<u32>(numbers + (at << 2), load<u32>(numbers + (at << 2) - 4));
  }
  store<f32>(values + (at << 2), value);
  store<u32>(numbers + (at << 2), number);
  return min(found + 1, most);
}

/** The `most` (1 or more) largest of `count` bf16 at `x`. Returns how many there are: less where `count` is. */
export function selectLargest(x: usize, count: u32, most: u32, values: usize, numbers: usize): u32 {
  let found: u32 = 0;
  let i: u32 = 0;
  for (let end = min(count, most); i < end; i++) found = insert(bf16At(x, i), i, values, numbers, found, most);
  while (i < count) {
    // Eight at a time, up to eight of which one is larger than the least.
    let least = i16x8.splat(i16(keyOf(load<f32>(values + ((most - 1) << 2))) >> 16));
    while (i + 8 <= count && !v128.any_true(i16x8.gt_s(keys8(v128.load(x + (i << 1))), least))) i += 8;
    for (let end = min(i + 8, count); i < end; i++) found = insert(bf16At(x, i), i, values, numbers, found, most);
  }
  return found;
}

// @ts-ignore: decorator
@inline
function bf16At(x: usize, i: u32): f32 {
  return reinterpret<f32>(u32(load<u16>(x + (i << 1))) << 16);
}
