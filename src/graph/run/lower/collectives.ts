/**
 * @file Collectives as calls of the communicator.
 */
import { REDUCE_OPS, type ReduceOp } from '../../../operations.ts';
import { type Lower, product, type Site } from '../site.ts';

function reduceOf(site: Site): ReduceOp {
  const name = site.text('reduce') || 'sum';
  if ((REDUCE_OPS as readonly string[]).includes(name)) return name as ReduceOp;
  throw site.refuse(`reduce is "${name}"; use one of ${REDUCE_OPS.join(', ')}`);
}

/** Elements of every rank's part of a tensor that is split along its first dim; undefined where parts are equal. */
function partsOf(site: Site, shape: readonly number[]): { parts: readonly number[] | undefined } {
  const { parts } = site;
  const row = product(shape.slice(1));
  return { parts: parts && shape[0] === sumOf(parts) ? parts.map((count) => count * row) : undefined };
}

function sumOf(parts: readonly number[]): number {
  return parts.reduce((sum, count) => sum + count, 0);
}

function firstDimOnly(site: Site): void {
  if (site.number('dim') !== 0)
    throw site.refuse(`dim is ${site.number('dim')}; engines gather and scatter along dim 0`);
}

function allReduce(site: Site): void {
  const x = site.tensor('x');
  site.comm.allReduce(x, { out: site.outTensor(), op: reduceOf(site), ...site.choose('all_reduce', x) });
}

function allGather(site: Site): void {
  firstDimOnly(site);
  const [x, out] = [site.tensor('x'), site.outTensor()];
  site.comm.allGather(x, out, { ...partsOf(site, out.shape), ...site.choose('all_gather', x, out.bytes) });
}

function reduceScatter(site: Site): void {
  firstDimOnly(site);
  const [x, out] = [site.tensor('x'), site.outTensor()];
  site.comm.reduceScatter(x, out, {
    op: reduceOf(site),
    ...partsOf(site, x.shape),
    ...site.choose('reduce_scatter', x),
  });
}

function broadcast(site: Site): void {
  const x = site.tensor('x');
  site.comm.broadcast(x, site.number('root'), { out: site.outTensor(), ...site.choose('broadcast', x) });
}

export const COLLECTIVES: Readonly<Record<string, Lower>> = {
  all_reduce: allReduce,
  all_gather: allGather,
  reduce_scatter: reduceScatter,
  broadcast,
};
