/** Ranks give each other a file each, write into those of all, and read what all wrote into theirs. */
import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exchangeDescriptors } from '../../../dist/group/processes.js';
import type { Group } from '../../../src/group/group.ts';

export default function descriptors(group: Group, [rounds]: string[]): string {
  const { rank, size } = group;
  for (let round = 0; round < Number(rounds); round++) {
    const path = join(tmpdir(), `crossover-${process.pid}-${rank}-${round}`);
    const own = openSync(path, 'wx+', 0o600);
    // A descriptor needs no name.
    const read = openSync(path, 'r');
    rmSync(path);
    const all = exchangeDescriptors(group, own);
    assert.equal(all.length, size);
    assert.equal(all[rank], own);
    const files = new Set(all.map((fd) => fstatSync(fd).ino));
    assert.equal(files.size, size);
    for (const [peer, fd] of all.entries()) writeSync(fd, `${rank}`.padStart(2), 2 * rank + 100 * peer);
    group.barrier();
    const written = readFileSync(read, 'utf8').slice(100 * rank, 100 * rank + 2 * size);
    assert.equal(written, Array.from({ length: size }, (_, peer) => `${peer}`.padStart(2)).join(''));
    group.barrier();
    for (const fd of [...all, read]) closeSync(fd);
  }
  return 'equal';
}
