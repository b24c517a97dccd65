/**
 * @file Arguments of the file's nodes: objects with one key that says what they are, `{"as_tensor": {"name": "x"}}`.
 */
import type { Constant } from '../../ir/graph.ts';
import { dtypeText, layoutText, memoryFormatText } from './codes.ts';
import type { Json } from './json.ts';

/** A value by its name in the file. */
export interface Reference {
  readonly reference: string;
  readonly json: Json;
}

export type SourceOperand = Constant | Reference | readonly SourceOperand[];

export interface Argument {
  /** `as_tensor`, `as_int` ... */
  readonly kind: string;
  readonly operand: SourceOperand;
}

/** Kinds that say nothing but a constant, and how each is read. */
const CONSTANTS: ReadonlyMap<string, (json: Json) => SourceOperand> = table({
  as_none: () => null,
  as_int: (json) => json.int(),
  as_float: (json) => json.float(),
  as_bool: (json) => json.flag(),
  as_string: (json) => json.text(),
  as_operator: (json) => json.text(),
  as_ints: (json) => json.list().map((one) => one.int()),
  as_floats: (json) => json.list().map((one) => one.float()),
  as_bools: (json) => json.list().map((one) => one.flag()),
  as_strings: (json) => json.list().map((one) => one.text()),
  as_int_lists: (json) => json.list().map((row) => row.list().map((one) => one.int())),
  as_scalar_type: (json) => dtypeText(json.int()),
  as_layout: (json) => layoutText(json.int()),
  as_memory_format: (json) => memoryFormatText(json.int()),
  as_device: deviceText,
  as_complex: (json) => `${json.field('real').float()} + ${json.field('imag').float()}i`,
  // A graph inside the graph has names of its own; what it reads from outside stands beside it.
  as_graph: (json) => `graph ${json.field('name').text()}`,
});

/** Kinds that name values. */
const REFERENCES: ReadonlyMap<string, (json: Json) => SourceOperand> = table({
  as_tensor: named,
  as_tensors: (json) => json.list().map(named),
  as_optional_tensor: oneOfTwo,
  as_optional_tensors: (json) => json.list().map(oneOfTwo),
  as_nested_tensors: (json) => json.list().map((row) => row.list().map(named)),
  as_custom_obj: named,
  as_sym_int: oneOfTwo,
  as_sym_ints: (json) => json.list().map(oneOfTwo),
  as_sym_float: oneOfTwo,
  as_sym_floats: (json) => json.list().map(oneOfTwo),
  as_sym_bool: oneOfTwo,
  as_sym_bools: (json) => json.list().map(oneOfTwo),
});

/** A map: names that every object has are no kinds. */
function table(
  rows: Readonly<Record<string, (json: Json) => SourceOperand>>,
): Map<string, (json: Json) => SourceOperand> {
  return new Map(Object.entries(rows));
}

/** @throws CrossoverError that names the place */
export function readArgument(json: Json): Argument {
  const [kind, value] = onlyField(json);
  const read = CONSTANTS.get(kind) ?? REFERENCES.get(kind);
  // Kinds of later minor versions of the schema: what they mean is unknown, that they are there is not.
  return { kind, operand: read ? read(value) : `<${kind}>` };
}

/** References in an operand, in order. */
export function* referencesIn(operand: SourceOperand): Generator<Reference> {
  if (isList(operand)) for (const one of operand) yield* referencesIn(one);
  else if (isReference(operand)) yield operand;
}

export function isReference(operand: SourceOperand): operand is Reference {
  return typeof operand === 'object' && operand !== null && !isList(operand);
}

export function isList(operand: SourceOperand): operand is readonly SourceOperand[] {
  return Array.isArray(operand);
}

function onlyField(json: Json): [kind: string, value: Json] {
  const fields = json.fields();
  const set = fields.length === 1 ? fields : fields.filter(([, { value }]) => value !== null);
  if (set.length !== 1) json.refuse('an object with one key, such as {"as_tensor": {"name": "x"}}');
  return set[0]!;
}

function named(json: Json): Reference {
  const name = json.field('name');
  return { reference: name.text(), json: name };
}

/** What stands for a tensor or none, a symbol or a number: again an object with one key. */
function oneOfTwo(json: Json): SourceOperand {
  const [kind, value] = onlyField(json);
  if (kind === 'as_name') return { reference: value.text(), json: value };
  if (kind === 'as_tensor') return named(value);
  const read = CONSTANTS.get(kind);
  return read ? read(value) : json.refuse('an object with a name or a constant');
}

function deviceText(json: Json): string {
  const index = json.maybe('index');
  const type = json.field('type').text();
  return index ? `${type}:${index.int()}` : type;
}
