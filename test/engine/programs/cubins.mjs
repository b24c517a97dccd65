// Keys and contents that several processes agree on. Contents are long enough to be written in more than one piece.
export function keyOf(number) {
  return {
    sourceHash: 'a'.repeat(64),
    defines: [`WORLD=${number}`],
    architecture: 'sm_90a',
    compiler: 'test 1',
  };
}

export function contentOf(number) {
  return Buffer.alloc(300_000 + number, `content ${number} `);
}
