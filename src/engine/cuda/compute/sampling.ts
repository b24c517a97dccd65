/**
 * @file Kernels of sampling.cu: the largest logits of a token, and one of them.
 */
import { CrossoverError } from '../../../errors.ts';
import type { ComputeOperands } from '../../compute.ts';
import { MOST_CHOICES } from '../../validate-compute.ts';
import { atMost, isWhole, PACK } from './shape.ts';
import type { ComputeTable, ComputeTarget, ModelSources } from './target.ts';

const source = 'sampling.cu';
const THREADS = 256;
const WARP = 32;
/** Packs of a thread, in the names of the kernels. */
const FEW_PACKS = 1;
const MANY_PACKS = 4;
/** Blocks that a multiprocessor has at a time. */
const BLOCKS_AT_A_TIME = 8;
/** Candidates that a block merges: so many a thread. */
const MOST_CANDIDATES = 32 * THREADS;
/** Bytes of a candidate between the two kernels. */
const CANDIDATE_BYTES = 8;
/** Numbers are float32, which has whole numbers up to here. */
const MOST_NUMBER = 2 ** 24;
const MOST_OF_A_TOKEN = 1024;

/** How a token's row is dealt out to blocks: to many while there are few tokens. */
interface Slicing {
  readonly packs: number;
  readonly slices: number;
  /** Of scratch, for these tokens or fewer. */
  readonly bytes: number;
}

function slicing(
  { tokens, vocabulary, choices, start }: ComputeOperands<'top_k'>,
  target: ComputeTarget,
): Slicing {
  const slicesOf = (packs: number): number => Math.max(1, Math.ceil(vocabulary / (packs * PACK * THREADS)));
  const few = slicesOf(FEW_PACKS);
  const many = slicesOf(MANY_PACKS);
  const most = Math.floor(MOST_CANDIDATES / choices);
  atMost('top_k', 'vocabulary', vocabulary, most * MANY_PACKS * PACK * THREADS);
  atMost('top_k', 'start + vocabulary', start + vocabulary, MOST_NUMBER);
  const room = few <= most ? target.multiprocessors * BLOCKS_AT_A_TIME : 0;
  const rows = Math.max(few > 1 ? Math.min(tokens * few, room) : 0, many > 1 ? tokens * many : 0);
  const bytes = rows * choices * CANDIDATE_BYTES;
  return tokens * few <= room
    ? { packs: FEW_PACKS, slices: few, bytes }
    : { packs: MANY_PACKS, slices: many, bytes };
}

export const SAMPLING: ComputeTable = {
  top_k: {
    run(operands, target) {
      const { out, x, scratch, tokens, vocabulary, choices, start } = operands;
      const { packs, slices } = slicing(operands, target);
      if (tokens === 0) return;
      if (slices > 1 && scratch === 0)
        throw new CrossoverError(`top_k: scratch is 0; it must have the bytes that scratchBytes says`);
      target.launch({
        source,
        kernel: `top_k_${packs}`,
        grid: [tokens * slices],
        block: THREADS,
        params: {
          addresses: [out, x, scratch],
          integers: [vocabulary, choices, start, slices, isWhole(vocabulary) ? 1 : 0],
        },
      });
      if (slices === 1) return;
      target.launch({
        source,
        kernel: `top_k_merge_${slices * choices <= 8 * THREADS ? 8 : 32}`,
        grid: [tokens],
        block: THREADS,
        params: { addresses: [out, scratch], integers: [choices, start, slices] },
      });
    },
    scratchBytes: (operands, target) => slicing(operands, target).bytes,
  },

  sample: {
    run({ out, candidates, temperatures, uniforms, tokens, ranks, choices }, target) {
      atMost('sample', 'ranks * choices', ranks * choices, MOST_OF_A_TOKEN);
      if (tokens === 0) return;
      target.launch({
        source,
        kernel: 'sample',
        grid: [tokens],
        block: Math.max(MOST_CHOICES, WARP * Math.ceil((ranks * choices) / WARP)),
        params: {
          addresses: [out, candidates, temperatures, uniforms],
          integers: [tokens, ranks, choices],
        },
      });
    },
  },
};

export const SAMPLING_SOURCES: ModelSources = { [source]: [[]] };
