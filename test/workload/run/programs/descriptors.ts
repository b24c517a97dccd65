/**
 * @file A checkpoint whose session cannot be opened, several times. Returns how many of its files are open then.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import type { Group } from '../../../../dist/group/group.js';
import { readModelConfig } from '../../../../dist/workload/models/hugging-face.js';
import { openSession } from '../../../../dist/workload/session/open.js';

const TIMES = 3;
/** More than the CPU engine addresses. */
const TOKENS = 2 ** 30;

export default function main(group: Group, _args: string[], folder: string): number {
  const config = readModelConfig(folder);
  const capacity = { sequences: 1, places: 8, pageSize: 8, tokens: TOKENS, samples: 1 };
  for (let i = 0; i < TIMES; i++) {
    try {
      openSession(group, { config, capacity, engine: 'cpu', checkpoint: folder, tunedTokens: 0 });
      return -1;
    } catch {
      // It is refused: arenaBytes.
    }
  }
  return readdirSync('/proc/self/fd').filter((one) => isOf(one, folder)).length;
}

function isOf(descriptor: string, folder: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith(folder);
  } catch {
    return false;
  }
}
