/**
 * @file How fast weights are read here: what a decode step of few sequences would take if it did nothing else.
 */
import { Tensor } from '../../memory/tensor.ts';
import type { HeldModel } from '../session/model.ts';

const REPEATS = 8;
const ROUNDS = 7;
/** A matrix that caches hold tells nothing of memory. */
const CACHES = 4;
const BF16_BYTES = 2;

/** Bytes a second of this rank: the product of one row by the largest matrix of weights; undefined where there is none larger than caches. Not collective. */
export function readRate(model: HeldModel): number | undefined {
  const { comm, graph, inputs } = model;
  const { engine, heap } = comm;
  const { timer } = engine;
  const [largest] = graph.inputs
    .flatMap(({ value: { name, type }, weight }) =>
      weight !== undefined && type.kind === 'tensor' && type.dtype === 'bf16' && type.shape.length === 2
        ? [{ name, outer: Number(type.shape[0]), inner: Number(type.shape[1]) }]
        : [],
    )
    .sort((a, b) => b.outer * b.inner - a.outer * a.inner);
  if (!largest || !timer) return undefined;
  const { name, outer, inner } = largest;
  const bytes = outer * inner * BF16_BYTES;
  if (bytes < CACHES * engine.traits.cacheBytes) return undefined;
  const x = model.allocate(inner * BF16_BYTES);
  new Tensor(engine, heap, 'bf16', [inner], x).writeBytes(new Uint8Array(inner * BF16_BYTES));
  const operands = {
    out: model.allocate(outer * BF16_BYTES),
    x,
    weight: inputs.get(name)!,
    bias: 0,
    tokens: 1,
    outer,
    inner,
  };
  const run = (): void => {
    for (let i = 0; i < REPEATS; i++) engine.compute('linear', operands);
  };
  run();
  engine.synchronize();
  const times = Array.from({ length: ROUNDS }, () => {
    timer.start();
    run();
    timer.stop();
    return timer.microseconds();
  });
  return (REPEATS * bytes * 1e6) / Math.min(...times);
}
