/**
 * @file Whether calls follow the plan: which kernels are launched, with which tunables, and what the communicator says about it.
 */
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Communicator } from '../../../dist/collective/communicator.js';
import { createCommunicator } from '../../../dist/collective/create.js';
import type { Group } from '../../../dist/group/group.js';
import type { Tensor } from '../../../dist/memory/tensor.js';
import { OPERATIONS, type Operation } from '../../../dist/operations.js';
import { savePlan } from '../../../dist/plan/file.js';
import type { Plan } from '../../../dist/plan/plan.js';
import { type DType, dtypeCode } from '../../../dist/tensor/dtype.js';
import type { ProgramData } from '../support/engines.ts';
import { throwing } from '../support/expect.ts';
import { entryOf, keyOf, measuredEntry, planOf, spyOn } from '../support/plans.ts';
import { type Report, Session } from '../support/session.ts';

type Open = (
  plan: Plan | string | null,
  more?: { force?: boolean; warn?: (line: string) => void },
) => Communicator;

export default function dispatch(group: Group, _args: string[], { engine }: ProgramData): Report {
  const open: Open = (plan, more = {}) =>
    createCommunicator(group, { engine, plan, arenaBytes: 2 ** 20, warn: () => {}, ...more });
  const session = new Session(open(null));
  follows(session, open);
  warnsOnce(session, open);
  fallsBack(session, open);
  reads(session, open);
  return session.report();
}

function same(session: Session, label: string, actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  session.check(label, a === b ? undefined : `is ${a}, not ${b}`);
}

function nameFor(comm: Communicator, operation: Operation, dtype: DType, bytes: number, hidden = 0): string {
  return comm.select(OPERATIONS.indexOf(operation), dtypeCode(dtype), bytes, 0, hidden).algorithm.name;
}

function samplePlan(comm: Communicator): Plan {
  const world = comm.worldSize;
  return planOf(
    [
      entryOf(keyOf(world, 'all_reduce'), [
        [0, 'one_shot', { chunk_bytes: 4096 }],
        [64, 'ring', { chunk_bytes: 640 }],
        [1024, 'two_shot'],
        [4096, 'one_shot'],
      ]),
      entryOf(keyOf(world, 'all_reduce', { mode: 'replay' }), [[0, 'two_shot']]),
      measuredEntry(keyOf(world, 'all_gather')),
      entryOf(keyOf(world, 'all_reduce_rms_norm', { hidden: 64, quantization: 'none' }), [
        [0, 'two_shot_columns'],
        [512, 'one_shot', { chunk_bytes: 128 }],
      ]),
    ],
    comm.engine.fingerprint(),
  );
}

function follows(session: Session, open: Open): void {
  const comm = open(samplePlan(session.comm));
  const seen = spyOn(comm);
  const x = comm.tensor('bf16', [16384], new Float64Array(16384).fill(1));
  const called = (label: string, body: () => void, expected: string[]): void => {
    seen.length = 0;
    body();
    same(session, label, seen, expected);
  };
  const reduce = (bytes: number) => () => comm.allReduce(x.view(0, [bytes / 2]));
  // Both sides of each boundary; the last range leaves its tunables to the algorithm.
  called('62 bytes', reduce(62), ['all_reduce_one_shot 4096']);
  called('64 bytes', reduce(64), ['all_reduce_ring 640']);
  called('1022 bytes', reduce(1022), ['all_reduce_ring 640']);
  called('1024 bytes', reduce(1024), ['all_reduce_two_shot']);
  called('4094 bytes', reduce(4094), ['all_reduce_two_shot']);
  called('4096 bytes', reduce(4096), ['all_reduce_one_shot 262144']);
  called('recorded', () => comm.capture(reduce(64)).close(), ['all_reduce_two_shot']);
  called('and eager again', reduce(64), ['all_reduce_ring 640']);
  called('by name', () => comm.allReduce(x, { algorithm: 'ring' }), ['all_reduce_ring 262144']);
  const gather = (part: number) => () =>
    comm.allGather(x.view(0, [part]), x.view(8192, [part * comm.worldSize]));
  called('a short all-gather', gather(16), ['all_gather_staged 65536']);
  called('a long all-gather', gather(3000), ['all_gather_direct']);
  const norm = (tokens: number, hidden: number) => () => {
    const input: Tensor = x.view(0, [tokens, hidden]);
    comm.allReduceRmsNorm({ input, out: input, epsilon: 1e-6 });
  };
  called('few tokens', norm(2, 64), ['all_reduce_rms_norm_two_shot_columns']);
  called('more tokens', norm(4, 64), ['all_reduce_rms_norm_one_shot 128']);
  called('the nearest hidden size', norm(4, 100), ['all_reduce_rms_norm_one_shot 128']);
  same(
    session,
    'select',
    [1, 63, 64, 4095, 2 ** 30].map((bytes) => nameFor(comm, 'all_reduce', 'bf16', bytes)),
    ['one_shot', 'one_shot', 'ring', 'two_shot', 'one_shot'],
  );
  explains(session, comm);
}

function explains(session: Session, comm: Communicator): void {
  const { algorithm, runnerUp, basis, approximate } = comm.explain('all_gather', 1024);
  same(
    session,
    'explain',
    [algorithm, runnerUp?.algorithm, basis, approximate],
    ['staged', 'direct', 'measured', false],
  );
  same(session, 'explain a replay', comm.explain('all_reduce', 64, { replay: true }).algorithm, 'two_shot');
  const near = comm.explain('all_reduce_rms_norm', 4096, { hidden: 100 });
  same(session, 'explain another hidden size', [near.algorithm, near.approximate], ['one_shot', true]);
  session.check(
    'explain',
    throwing(() => comm.explain('all_reduce', 64, { dtype: 'f16' }), 'all_reduce f16'),
  );
  session.check(
    'explain',
    throwing(
      () => comm.explain('all_to_all' as Operation, 64),
      'operation "all_to_all" is unknown; use one of all_reduce,',
    ),
  );
}

function warnsOnce(session: Session, open: Open): void {
  const lines: string[] = [];
  const comm = open(samplePlan(session.comm), { warn: (line) => lines.push(line) });
  const x = comm.tensor('f32', [64], new Float64Array(64));
  comm.allReduce(x.view(0, [8]), { algorithm: 'ring' });
  same(session, 'not for what is chosen by name', lines, []);
  for (let i = 0; i < 3; i++) comm.allReduce(x);
  comm.broadcast(x);
  const key = `all_reduce f32 x${comm.worldSize} eager`;
  const line = `no plan covers ${key}; using two_shot, untuned. "crossover tune" measures what is faster here`;
  same(session, 'warnings', comm.group.gather(lines), comm.group.gather(comm.rank === 0 ? [line] : []));
  same(session, 'untuned', nameFor(comm, 'all_reduce_rms_norm', 'f32', 64, 16), 'unfused_two_shot');
}

function fallsBack(session: Session, open: Open): void {
  const world = session.comm.worldSize;
  const wide = keyOf(world, 'all_reduce_rms_norm', { dtype: 'f32', hidden: 131072, quantization: 'none' });
  const unknown = keyOf(world, 'broadcast');
  const plan = planOf(
    [
      entryOf(wide, [
        [0, 'one_shot'],
        [2 ** 20, 'two_shot'],
      ]),
      entryOf(unknown, [[0, 'carrier_pigeon']]),
    ],
    session.comm.engine.fingerprint(),
  );
  const comm = open(plan);
  // A row of 512 KiB does not fit the stage that one_shot needs.
  same(session, 'refused', nameFor(comm, 'all_reduce_rms_norm', 'f32', 2 ** 19, 131072), 'unfused_two_shot');
  same(
    session,
    'refused, explained',
    comm.explain('all_reduce_rms_norm', 2 ** 19, { dtype: 'f32', hidden: 131072 }).notes.at(-1),
    'one_shot cannot serve this size here: unfused_two_shot does',
  );
  same(session, 'not refused', nameFor(comm, 'all_reduce_rms_norm', 'f32', 2 ** 21, 131072), 'two_shot');
  const x = comm.empty('bf16', [8]);
  session.check(
    'unknown',
    throwing(() => comm.broadcast(x), 'algorithm "carrier_pigeon" is unknown for broadcast'),
  );
}

/** Rank 0 reads the file for all; what others were given does not matter. */
function reads(session: Session, open: Open): void {
  const { comm, isFirst } = session;
  const path = join(tmpdir(), `crossover-dispatch-${process.pid}-${comm.engine.name}.json`);
  const save = (plan: Plan): void => {
    if (isFirst) savePlan(path, plan);
    comm.group.barrier();
  };
  const plan = samplePlan(comm);
  save(plan);
  same(
    session,
    'from a file',
    nameFor(open(isFirst ? path : 'nowhere.json'), 'all_reduce', 'bf16', 100),
    'ring',
  );
  save({ ...plan, fingerprint: { ...plan.fingerprint, kernels: 'others' } });
  session.check(
    'another machine',
    throwing(() => open(path), /kernels/),
  );
  same(session, 'forced', nameFor(open(path, { force: true }), 'all_reduce', 'bf16', 100), 'ring');
  comm.group.barrier();
  if (isFirst) rmSync(path);
}
