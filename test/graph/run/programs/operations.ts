/** @file A graph with every collective, norm and quantization that engines run, on an engine: eager, and recorded and replayed. */
import { createCommunicator } from '../../../../dist/collective/create.js';
import type { EngineName } from '../../../../dist/collective/engines.js';
import type { Value } from '../../../../dist/graph/ir/graph.js';
import { Scratch, Step, workingBytes } from '../../../../dist/graph/run/step.js';
import type { Group } from '../../../../dist/group/group.js';
import type { DType } from '../../../../dist/tensor/dtype.js';
import { decodeArray, encodeArray } from '../../../../dist/tensor/formats/array.js';
import { everything, inputOf, TOKENS } from '../everything.ts';

/** By name of the output: what the eager run made, and what differs from it after a replay. */
export type Made = Record<string, { readonly values: number[]; readonly replayed: boolean }>;

export default function main(group: Group, _args: string[], { engine }: { engine: EngineName }): Made {
  const graph = everything(group.size);
  const symbols = new Map([['tokens', TOKENS]]);
  const bytes = workingBytes(graph, group.size, { symbols });
  const comm = createCommunicator(group, {
    engine,
    arenaBytes: bytes + (1 << 20),
    plan: null,
    warn: () => {},
  });
  const working = comm.heap.allocate(bytes);
  const inputs = new Map(
    graph.inputs.map(({ value }) => {
      const values = inputOf(value.name, group.rank);
      return [value.name, comm.tensor('bf16', [values.length], values).address];
    }),
  );
  const step = new Step(comm, graph, { symbols, inputs, working, scratch: new Scratch(comm) });
  step.enqueue();
  const outputs = graph.outputs as readonly Value[];
  const read = (value: Value): Uint8Array => {
    const { dtype } = value.type as { dtype: DType };
    const count = step.shape(value).reduce((all, size) => all * size, 1);
    return comm.engine.read(
      step.address(value),
      count * encodeArray(dtype, new Float64Array(dtype === 'e2m1x2' ? 2 : 1)).length,
    );
  };
  const eager = outputs.map(read);
  const recording = comm.capture(() => step.enqueue());
  // What was made is gone before it is made again.
  comm.engine.write(working, new Uint8Array(bytes));
  group.barrier();
  recording.replay();
  const made: Made = {};
  for (const [i, value] of outputs.entries()) {
    const { dtype } = value.type as { dtype: DType };
    made[value.name] = {
      values: Array.from(decodeArray(dtype, eager[i]!)),
      replayed: Buffer.compare(eager[i]!, read(value)) === 0,
    };
  }
  recording.close();
  comm.close();
  return made;
}
