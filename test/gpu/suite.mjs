/**
 * @file What scripts/test-gpu.mjs runs, as data: test programs for world sizes, and faults. The programs are those of the other tests where
 * there is one, with more cases than a CPU has time for.
 */

/** Kernels of models by what a case has room for; compute/cases/families.ts has them all. */
const FAMILIES = {
  products: ['linear', 'scaled_linear', 'head_linear'],
  experts: ['route', 'group_experts', 'expert_linear', 'combine'],
  attention: ['rotary_append', 'latent_append', 'attention', 'prefill_attention'],
  rows: ['embedding', 'silu_gate', 'fill', 'top_k', 'sample', 'advance'],
};

/** One GPU is enough for these, and they run on one only. */
const COMPUTE = [
  ...Object.entries(FAMILIES).map(([name, families]) => [name, { families, large: true }]),
  // Other ways to compute them than those that are taken untried.
  ['products, tuned', { families: ['linear', 'scaled_linear'], large: true, tuned: true, seed: 2 }],
].map(([name, options]) => ({
  name: `compute: ${name}`,
  program: 'compute/programs/kernels.ts',
  options,
  seconds: 300,
}));

/** For each: the program below test/, its options, and for which world sizes; `skip` says why one is not run. */
const PROGRAMS = [
  {
    name: 'all-reduce and reduce-scatter',
    program: 'collective/programs/reduce.ts',
    options: { small: 144, large: 10 },
  },
  {
    name: 'all-gather and broadcast',
    program: 'collective/programs/move.ts',
    options: { small: 72, large: 9 },
  },
  { name: 'unequal parts', program: 'collective/programs/parts.ts', options: { cases: 60, most: 40_000 } },
  { name: 'fused all-reduce and RMSNorm', program: 'collective/programs/fused.ts', options: { every: 2 } },
  { name: 'local operations', program: 'collective/programs/local.ts', worlds: [2] },
  {
    name: 'recordings give what calls give',
    program: 'collective/programs/replay.ts',
    options: { rounds: 24 },
  },
  { name: 'nothing stale', program: 'collective/programs/counting.ts', options: { replays: 20_000 } },
  { name: 'hundreds of collectives', program: 'collective/programs/mixed.ts', options: { steps: 300 } },
  { name: '10^6 replays', program: 'gpu/programs/many-replays.ts', options: { replays: 1_000_000 } },
  {
    name: 'recordings in turn, a rank asleep at times',
    program: 'gpu/programs/in-turn.ts',
    options: { rounds: 20, sleepMs: 30 },
  },
  {
    name: 'hosts far ahead of their devices',
    program: 'gpu/programs/far-ahead.ts',
    ahead: true,
    options: { calls: 4000, recorded: 900, replays: 12, sleepMs: 40 },
  },
  {
    name: 'models, decoded',
    program: 'gpu/programs/decoding.ts',
    options: {
      models: [
        { name: 'tiny' },
        { name: 'tiny-moe' },
        { name: 'tiny-mla' },
        { name: 'tiny-moe', attention: 'data' },
        { name: 'tiny', precision: 'f8e4m3' },
        { name: 'qwen3-30b-a3b', layers: 3 },
      ],
      batches: [1, 5, 33, 64, 96],
      steps: 12,
    },
    worlds: [2, 4, 8],
    only: 'cuda',
    seconds: 300,
  },
  {
    name: 'models, served',
    program: 'gpu/programs/serving.ts',
    options: { models: ['tiny', 'tiny-moe', 'tiny-mla'], requests: 60 },
    worlds: [2, 4],
    seconds: 300,
  },
  { name: 'models, from checkpoints', program: 'gpu/programs/text.ts', worlds: [2, 4], seconds: 120 },
  { name: 'changing sizes', program: 'gpu/programs/changing-sizes.ts', options: { rounds: 30 } },
  {
    name: 'NCCL between own kernels',
    program: 'gpu/programs/nccl.ts',
    options: { turns: 30 },
    nccl: true,
    worlds: [2, 4],
    only: 'cuda',
  },
  {
    name: 'quantized all-reduce',
    program: 'gpu/programs/lossy.ts',
    options: { rounds: 40 },
    only: 'cuda',
  },
  {
    name: 'multimem kernels, the switch emulated',
    program: 'gpu/programs/multimem.ts',
    options: { rounds: 42 },
    only: 'cuda',
  },
  {
    name: 'buffers outside the heap',
    program: 'collective/programs/external.ts',
    options: { rounds: 2 },
    only: 'cuda',
  },
  { name: 'epochs wrap around', program: 'gpu/programs/epoch-wrap.ts', options: { distances: 12 } },
  {
    name: 'all-reduce and reduce-scatter, a process a rank',
    program: 'collective/programs/reduce.ts',
    options: { small: 48, large: 3 },
    processes: true,
    only: 'cuda',
  },
  {
    name: 'all-gather and broadcast, a process a rank',
    program: 'collective/programs/move.ts',
    options: { small: 24, large: 3 },
    processes: true,
    only: 'cuda',
  },
  {
    // What the network between hosts does, where there is one host.
    name: 'all-reduce and reduce-scatter, two hosts',
    program: 'collective/programs/reduce.ts',
    options: { small: 24, large: 3 },
    hosts: 2,
    env: { NCCL_P2P_DISABLE: '1', NCCL_SHM_DISABLE: '1' },
    worlds: [2, 4],
    only: 'cuda',
  },
  { name: 'ranks that allocate differently', program: 'collective/programs/allocation.ts', worlds: [3] },
  { name: 'bad norm operands', program: 'collective/programs/refusals-norm.ts', worlds: [2] },
  { name: 'bad memory', program: 'collective/programs/refusals-memory.ts', worlds: [2] },
  { name: 'dispatch', program: 'collective/programs/dispatch.ts', skip: "names the CPU engine's algorithms" },
  {
    name: 'mismatch',
    program: 'collective/programs/mismatch.ts',
    skip: "names the CPU engine's algorithms; see the faults",
  },
  {
    name: 'bad collectives',
    program: 'collective/programs/refusals-collectives.ts',
    skip: "names the CPU engine's algorithms",
  },
];

/** Longest that a group may take to end after a rank has failed. */
export const FAULT_SECONDS = 10;

/** How rank 1 fails in a loop of replays, in what kind of rank, and what the one error has to say. */
const FAULTS = [
  { how: 'throw', ranks: ['threads', 'processes'], says: /^rank 1 threw: on purpose/ },
  { how: 'exit', ranks: ['threads', 'processes'], says: /^rank 1 exited with code 3/ },
  { how: 'kill', ranks: ['processes'], says: /^rank 1 .*(SIGKILL|signal 9|killed)/ },
  { how: 'freeze', ranks: ['threads', 'processes'], says: /rank 1/ },
  { how: 'wrong shape', ranks: ['threads', 'processes'], says: /ranks disagree/ },
  { how: 'full arena', ranks: ['threads'], says: /the symmetric heap is full/ },
];

/** All that is to be run for a world size; of one rank, what needs no other. */
export function suite(world, engine, ranksPerGpu = 1) {
  const all = world === 1 ? COMPUTE : PROGRAMS;
  const programs = all.map((one) => ({
    ...one,
    kind: 'program',
    options: one.options ?? {},
    skip:
      one.skip ?? (ranksPerGpu > 1 ? skippedWhereShared(one) : undefined) ?? skippedFor(one, world, engine),
  }));
  if (world === 1) return programs.map((one) => ({ ...one, world, engine }));
  const faults = FAULTS.flatMap(({ how, ranks, says }) =>
    ranks.map((kind) => ({
      name: `a rank's fault, ${kind}: ${how}`,
      kind: 'fault',
      program: 'gpu/programs/fault.ts',
      options: { how },
      processes: kind === 'processes',
      says,
      skip:
        kind === 'processes' && (engine === 'cpu' || ranksPerGpu > 1)
          ? 'ranks of the CPU engine, and those that share a GPU, are threads'
          : undefined,
    })),
  );
  const unplugged = {
    name: 'without P2P',
    kind: 'fault',
    program: 'gpu/programs/fault.ts',
    options: { how: 'nothing' },
    processes: false,
    // Either another way is found, or one error names what is missing.
    says: /P2P|peer/i,
    orWorks: true,
    env: { NCCL_P2P_DISABLE: '1', CROSSOVER_P2P: '0' },
  };
  return [...programs, ...faults, ...(engine === 'cuda' ? [unplugged] : [])].map((one) => ({
    ...one,
    world,
    engine,
  }));
}

function skippedFor({ only, worlds }, world, engine) {
  if (only && only !== engine) return `made for the ${only} engine`;
  return worlds && !worlds.includes(world) ? `made for ${worlds} ranks` : undefined;
}

function skippedWhereShared({ processes, hosts, nccl, ahead }) {
  if (processes || hosts) return 'only threads share a GPU';
  if (ahead) return 'ranks that share a GPU meet before each collective';
  return nccl ? 'NCCL takes one rank a GPU' : undefined;
}
