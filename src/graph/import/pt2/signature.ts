/**
 * @file The signature of an exported program: which of the graph's inputs the file holds, and which of its outputs are more than results.
 */
import type { Json } from './json.ts';

/** Fields with the name of what the file holds, by kind of input. The caller gives the others. */
const HELD: Readonly<Record<string, string>> = {
  parameter: 'parameter_name',
  buffer: 'buffer_name',
  tensor_constant: 'tensor_constant_name',
};

/** What an output is for that is no plain result, and the field with the name of what it changes. */
const CHANGES: Readonly<Record<string, readonly [what: string, field: string]>> = {
  buffer_mutation: ['the new value of buffer', 'buffer_name'],
  parameter_mutation: ['the new value of parameter', 'parameter_name'],
  user_input_mutation: ['the new value of input', 'user_input_name'],
  gradient_to_parameter: ['the gradient of parameter', 'parameter_name'],
  gradient_to_user_input: ['the gradient of input', 'user_input_name'],
};

/** Names of weights, buffers and constants, by the names that inputs have in the graph. */
export function readInputSpecs(specs: Json): Map<string, string> {
  const weights = new Map<string, string>();
  for (const spec of specs.list()) {
    for (const [kind, field] of Object.entries(HELD)) {
      const held = spec.maybe(kind);
      if (held) weights.set(held.field('arg').field('name').text(), held.field(field).text());
    }
  }
  return weights;
}

/** A sentence for each output that is no plain result. */
export function readOutputSpecs(specs: Json): string[] {
  return specs.list().flatMap((spec, i) =>
    Object.entries(CHANGES).flatMap(([kind, [what, field]]) => {
      const change = spec.maybe(kind);
      return change ? [`Output ${i} is ${what} ${change.field(field).text()}.`] : [];
    }),
  );
}
