/**
 * @file Makes a rank's CUDA engine: its GPU, its memory block, and the blocks of its peers.
 */
import { CrossoverError, MismatchError } from '../../errors.ts';
import type { Group } from '../../group/group.ts';
import { roomOf } from '../../memory/allocator.ts';
import type { Engine } from '../engine.ts';
import { type Links, linksOf, openDevice } from './device.ts';
import { CudaEngine } from './engine.ts';
import { guarded } from './guarded.ts';
import { inDriver } from './in-driver.ts';
import { MAX_WORLD } from './layout.ts';
import { createBlock, initialize, mapNobody, mapPeers } from './memory.ts';
import { type CudaEngineOptions, settingsOf } from './options.ts';
import { gpusFor, partOf, problemWithGpus, ranksPerGpu } from './sharing.ts';

/** Collective over the group: every rank of it must call. */
export function createCudaEngine(group: Group, options: CudaEngineOptions = {}): Engine {
  const settings = settingsOf(options);
  const { arenaBytes, firstEpoch } = settings;
  if (group.size > MAX_WORLD) {
    throw new CrossoverError(`the CUDA engine serves 1 to ${MAX_WORLD} ranks, not ${group.size}`);
  }
  const sizes = group.gather(arenaBytes);
  const other = sizes.findIndex((bytes) => bytes !== sizes[0]);
  if (other >= 0) {
    throw new MismatchError(
      `ranks disagree: arenaBytes is ${sizes[0]} on rank 0, ${sizes[other]} on rank ${other}`,
    );
  }
  checkDevices(group);
  const part = partOf(group);
  if (part && group.rank === 0) {
    settings.warn(
      `${ranksPerGpu()} ranks share a GPU (CROSSOVER_RANKS_PER_GPU): times are not those of a GPU a rank`,
    );
  }
  const device = inDriver(group, () => openDevice(Math.floor(group.localRank / ranksPerGpu()), part));
  const gpus = gpusFor(group.size);
  const links: Links = group.kind === 'hosts' ? { kind: 'none', broken: undefined } : linksOf(gpus);
  const reachable = group.kind !== 'hosts' && links.broken === undefined;
  // Processes map each other's memory for themselves.
  const ordinals =
    reachable && group.kind === 'threads'
      ? Array.from({ length: gpus }, (_, ordinal) => ordinal)
      : [device.ordinal];
  const rounded = roomOf(arenaBytes);
  const block = guarded(device, () => inDriver(group, () => createBlock(device, rounded, ordinals)));
  const blocks = reachable ? mapPeers(group, device, block) : mapNobody(device, block);
  const own = { ...settings, arenaBytes: rounded };
  const engine = guarded(device, () =>
    guarded(blocks, () => new CudaEngine(group, device, links, blocks, own)),
  );
  initialize(device, block, firstEpoch);
  engine.synchronize();
  // No rank launches before every rank's mailboxes are empty.
  group.barrier();
  return engine;
}

/**
 * Every rank says the same, and not before all have loaded what they need: a thread that is ended while it loads a native module takes the
 * process with it. Threads load in turn: at the same time, one start in about fifty ended in a crash.
 */
function checkDevices(group: Group): void {
  const turns = group.kind === 'threads' ? group.size : 1;
  let own: string | undefined;
  for (let turn = 0; turn < turns; turn++) {
    if (turns === 1 || turn === group.rank) own = inDriver(group, () => problemWithDevices(group));
    group.barrier();
  }
  const [problem] = group.gather(own).filter((one) => one !== undefined);
  if (problem !== undefined) throw new CrossoverError(problem);
}

function problemWithDevices({ localSize }: Group): string | undefined {
  try {
    return problemWithGpus(localSize);
  } catch (error) {
    if (error instanceof CrossoverError) return error.message;
    throw error;
  }
}
