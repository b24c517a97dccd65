/**
 * @file A session that cannot be opened leaves no file of its checkpoint open.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { launch } from '../../../dist/group/launch.js';
import { program } from '../../support/program.ts';
import { CONFIGS, files, randomTensors } from '../models/support/checkpoint.ts';

it.skipIf(!existsSync('/proc/self/fd'))('closes a checkpoint when there is no engine for it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-descriptors-'));
  try {
    for (const [name, bytes] of Object.entries(files(CONFIGS.llama, randomTensors(CONFIGS.llama))))
      writeFileSync(join(folder, name), bytes);
    const [open] = await launch<number>(program('./programs/descriptors.ts', import.meta.url), {
      ranks: 1,
      data: folder,
    });
    expect(open).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
