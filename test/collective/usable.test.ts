/** @file What runs where our own kernels cannot: between hosts, without P2P, without a compiler. */
import { describe, expect, it } from 'vitest';
import { Communicator } from '../../dist/collective/communicator.js';
import type { Plan } from '../../dist/plan/plan.js';
import { entryOf, keyOf, planOf } from './support/plans.ts';
import { recorder } from './support/recorder.ts';

const APART = 'kernels cannot reach memory of other hosts';
const NO_NCCL = 'NCCL was not found';
const NO_COMPILER = 'kernels cannot be compiled';

const collective = (kernel: string) => /^(all_|reduce_|broadcast|barrier)/.test(kernel);
const nccl = (kernel: string) => kernel.startsWith('nccl');

function open(missing: (kernel: string) => string | undefined, plan?: Plan) {
  const warnings: string[] = [];
  const engine = recorder({ missing });
  const comm = new Communicator(engine, plan, (line) => warnings.push(line));
  const x = comm.empty('bf16', [4, 64]);
  const small = comm.empty('bf16', [64]);
  const kernels = (body: () => unknown): string[] => {
    engine.launches.length = 0;
    body();
    return engine.launches.map(({ kernel }) => kernel);
  };
  return { comm, engine, x, small, kernels, warnings };
}

describe('where kernels cannot reach peers', () => {
  const apart = (kernel: string): string | undefined => (collective(kernel) ? APART : undefined);

  it('is NCCL, and the warning says so', () => {
    const { comm, x, small, kernels, warnings } = open(apart);
    expect(kernels(() => comm.allReduce(x))).toEqual(['nccl_all_reduce']);
    expect(kernels(() => comm.allGather(small, x))).toEqual(['nccl_all_gather']);
    expect(kernels(() => comm.reduceScatter(x, small))).toEqual(['nccl_reduce_scatter']);
    expect(kernels(() => comm.broadcast(x))).toEqual(['nccl_broadcast']);
    const fused = () => comm.allReduceRmsNorm({ input: x, out: x, epsilon: 1e-6 });
    expect(kernels(fused)).toEqual(['nccl_all_reduce', 'rms_norm']);
    expect(warnings).toEqual([
      expect.stringContaining('no plan covers all_reduce bf16 x4 eager; using nccl,'),
    ]);
  });

  it('is NCCL for ranges of a plan that cannot be followed', () => {
    const plan = planOf(
      [
        entryOf(keyOf(4, 'all_reduce'), [
          [0, 'nccl_symmetric'],
          [256, 'two_shot_push'],
        ]),
      ],
      {
        engine: 'cuda',
        host: { platform: 'linux', arch: 'x64', cpu: 'any', cores: 1 },
        device: {},
        kernels: '0'.repeat(16),
      },
    );
    const { comm, x, small, kernels, warnings } = open(apart, plan);
    expect(kernels(() => comm.allReduce(small))).toEqual(['nccl_symmetric_all_reduce']);
    expect(kernels(() => comm.allReduce(x))).toEqual(['nccl_all_reduce']);
    expect(warnings).toEqual([]);
  });

  it('refuses algorithms by name, with the reason', () => {
    const { comm, x, kernels } = open(apart);
    for (const algorithm of ['two_shot', 'one_shot_push', 'two_shot_staged']) {
      expect(() => comm.allReduce(x, { algorithm })).toThrow(
        `algorithm ${algorithm} cannot do this: ${APART}`,
      );
    }
    expect(kernels(() => {})).toEqual([]);
  });

  it('meets nobody, for benchmarks', () => {
    const { comm, kernels } = open(apart);
    expect(kernels(() => comm.meet())).toEqual([]);
  });
});

describe('where nothing can run', () => {
  const nothing = (kernel: string): string | undefined =>
    nccl(kernel) ? NO_NCCL : collective(kernel) ? APART : kernel === 'rms_norm' ? NO_COMPILER : undefined;

  it('is one error with all reasons, before anything is enqueued', () => {
    const { comm, engine, x } = open(nothing);
    expect(() => comm.allReduce(x)).toThrow(
      new RegExp(
        `^no algorithm of all_reduce can run here: one_shot, two_shot, .*: ${APART}; nccl, nccl_symmetric: ${NO_NCCL}$`,
      ),
    );
    expect(engine.launches).toEqual([]);
  });

  it('says that fused operations lack a compiler', () => {
    const reason = (kernel: string) => (nccl(kernel) ? undefined : nothing(kernel));
    const { comm, engine, x, kernels } = open(reason);
    const fused = () => comm.allReduceRmsNorm({ input: x, out: x, epsilon: 1e-6 });
    expect(fused).toThrow(new RegExp(`unfused_nccl, unfused_nccl_symmetric: ${NO_COMPILER}$`));
    expect(() =>
      comm.allReduceRmsNorm({ input: x, out: x, epsilon: 1e-6 }, { algorithm: 'unfused_nccl' }),
    ).toThrow(`algorithm unfused_nccl cannot do this: ${NO_COMPILER}`);
    expect(engine.launches).toEqual([]);
    expect(kernels(() => comm.allReduce(x))).toEqual(['nccl_all_reduce']);
  });
});
