/** @file A placement for people: the text of hand-made ones, to the letter. */
import { expect, test } from 'vitest';
import { place } from '../../dist/graph/place/place.js';
import { formatPlacement } from '../../dist/report/placement-tables.js';
import { GraphBuilder, tensorParallelBlocks } from '../graph/support/graphs.ts';

test('a row an operand, what it shares its bytes with, and totals', () => {
  const text = formatPlacement(place(tensorParallelBlocks(1, 16, 64), { worldSize: 4 }));
  expect(text.split('\n')).toEqual([
    'collective  origin                    bytes  value                        offset  bytes  lies',
    'all_reduce  model.layers.0.attention  2 KiB  attention0_partial  read          0  2 KiB  at other times mlp0_partial',
    '                                             attention0_reduced  written       0  2 KiB  in place of attention0_partial; at other times mlp0_partial',
    'all_reduce  model.layers.0.mlp        2 KiB  mlp0_partial        read          0  2 KiB  at other times attention0_partial',
    '                                             mlp0_reduced        written       0  2 KiB  in place of mlp0_partial; at other times attention0_partial',
    'arena: 2 KiB, of which 2 KiB are needed at once; 8 KiB without reuse',
    'outside the heap: nothing',
  ]);
});

test('what lies outside says why; decisions and notes follow', () => {
  const g = new GraphBuilder();
  const own = g.symbol('own', 0);
  const all = g.symbol('all', 0);
  const x = g.node('mul', 'x', [own, 512], { a: g.input('h', [own, 512]), b: 2 });
  const gathered = g.node('all_gather', 'y', [all, 512], { x, dim: 0, group: '' }, 'moe');
  const z = g.node('c10d.all_to_all', 'z', [all, 512], { gathered });
  const r = g.allReduce('r', z);
  const graph = g.build(g.add('out', r, r));
  const placement = place(graph, { worldSize: 2, unequal: new Map([['own', [64, 32]]]) });
  expect(formatPlacement(placement).split('\n')).toEqual([
    'collective  origin    bytes  value           offset    bytes  lies',
    'all_gather  moe     128 KiB  x      read     131072   64 KiB  alone',
    '                             y      written       0  128 KiB  alone',
    'all_reduce                ?  z      read          -        ?  outside: c10d.all_to_all makes it, which is not understood here: its memory is its own business',
    '                             r      written       -        ?  outside: its size all has no bound; give the largest all (option symbols)',
    'all_gather at moe: padded; parts of 64 KiB, 32 KiB are 128 KiB padded, 96 KiB as they are: padding adds 32 KiB, outside the heap 96 KiB would be copied; not measured',
    'arena: 192 KiB, of which 192 KiB are needed at once; 192 KiB without reuse',
    'outside the heap, copied at every run where peers reach for it: 2 operands, 0 B, and 2 without a bound',
    'note: c10d.all_to_all is not understood: nothing is known of what it reaches for, and y is left where it is',
  ]);
});

test('a graph without collectives', () => {
  const g = new GraphBuilder();
  const x = g.input('x', [4]);
  expect(formatPlacement(place(g.build(g.add('y', x, x)), { worldSize: 1 })).split('\n')[0]).toBe(
    'no collective that is understood',
  );
});
