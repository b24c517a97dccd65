/**
 * @file A model.json of torch.export, written by hand: values with types as text, `bf16[s0, 4]`, and nodes as calls.
 */

const DTYPES: Record<string, number> = {
  u8: 1,
  i8: 2,
  i16: 3,
  i32: 4,
  i64: 5,
  f16: 6,
  f32: 7,
  f64: 8,
  bool: 12,
  bf16: 13,
  f8e4m3: 29,
};

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** An argument as the file has it: `t('x')`, `{ as_int: 1 }`. Numbers, lists of whole numbers, truth values, texts and nulls stand for themselves. */
export type Arg = Json;

export interface NodeSpec {
  readonly target: string;
  readonly args: Readonly<Record<string, Arg>>;
  /** Names with their types, in order: `{ y: 'f32[2]' }`; a scalar type is `int`, `float` or `bool`. */
  readonly out: Readonly<Record<string, string>>;
  /** Path of the module. */
  readonly at?: string;
}

export interface ProgramSpec {
  readonly inputs: Readonly<Record<string, string>>;
  readonly nodes: readonly NodeSpec[];
  readonly outputs: readonly string[];
  /** Names of what the file holds, by input. */
  readonly weights?: Readonly<Record<string, string>>;
  readonly ranges?: Readonly<Record<string, { min_val: number | null; max_val: number | null }>>;
}

export const t = (name: string): Json => ({ as_tensor: { name } });
export const ts = (...names: readonly string[]): Json => ({ as_tensors: names.map((name) => ({ name })) });
export const sym = (name: string): Json => ({ as_sym_int: { as_name: name } });
export const dtype = (name: string): Json => ({ as_scalar_type: DTYPES[name]! });
export const float = (value: number | string): Json => ({ as_float: value });

/** A size in sympy's notation: of `s0`, `2*s0`, or whatever text is given. */
function size(text: string): Json {
  if (/^\d+$/.test(text)) return { as_int: Number(text) };
  return { as_expr: { expr_str: text.includes('(') ? text : srepr(text), hint: { as_int: 4 } } };
}

function srepr(text: string): string {
  const [factor, symbol] = text.includes('*') ? text.split('*') : [undefined, text];
  const made = `Symbol('${symbol}', positive=True, integer=True)`;
  return factor === undefined ? made : `Mul(Integer(${factor}), ${made})`;
}

/** Parts between commas, but for those inside parentheses, which are of an expression. */
function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const at = text[i];
    if (at === '(') depth++;
    else if (at === ')') depth--;
    if (i < text.length && (at !== ',' || depth > 0)) continue;
    if (i > start) parts.push(text.slice(start, i).trim());
    start = i + 1;
  }
  return parts;
}

export function meta(type: string): { [name: string]: Json } {
  const [, name, dims] = /^(\w+)\[(.*)\]$/.exec(type)!;
  const sizes = splitOutside(dims!).map(size);
  return {
    dtype: DTYPES[name!]!,
    sizes,
    requires_grad: false,
    device: { type: 'cpu', index: null },
    strides: sizes.map(() => ({ as_int: 1 })),
    storage_offset: { as_int: 0 },
    layout: 7,
  };
}

function argument(arg: Arg): Json {
  if (arg === null) return { as_none: true };
  if (typeof arg === 'boolean') return { as_bool: arg };
  if (typeof arg === 'string') return { as_string: arg };
  if (typeof arg === 'number') return Number.isInteger(arg) ? { as_int: arg } : { as_float: arg };
  return Array.isArray(arg) ? { as_ints: arg } : arg;
}

const isScalar = (type: string): boolean => !type.includes('[');

/** A graph of the file: inputs, nodes, outputs, and the types of all. */
export function graphJson({ inputs, nodes, outputs }: ProgramSpec): { [name: string]: Json } {
  const types = { ...inputs };
  for (const { out } of nodes) Object.assign(types, out);
  const named = (name: string): Json => {
    const type = types[name];
    if (type === undefined || !isScalar(type)) return t(name);
    return type === 'bool' ? { as_sym_bool: { as_name: name } } : sym(name);
  };
  const of = (kind: string): Json =>
    Object.fromEntries(
      Object.entries(types)
        .filter(([, type]) => type === kind)
        .map(([name]) => [name, { as_expr: { expr_str: "Symbol('s9', integer=True)", hint: null } }]),
    );
  return {
    inputs: Object.keys(inputs).map(named),
    outputs: outputs.map(named),
    nodes: nodes.map(({ target, args, out, at = '' }) => ({
      target,
      inputs: Object.entries(args).map(([name, arg]) => ({ name, arg: argument(arg), kind: 1 })),
      outputs: Object.keys(out).map(named),
      metadata: { nn_module_stack: `L__self__,,Model;L__self___x,${at},Layer` },
      is_hop_single_tensor_return: null,
      name: Object.keys(out)[0] ?? 'nothing',
    })),
    tensor_values: Object.fromEntries(
      Object.entries(types)
        .filter(([, type]) => !isScalar(type))
        .map(([name, type]) => [name, meta(type)]),
    ),
    sym_int_values: of('int'),
    sym_float_values: of('float'),
    sym_bool_values: of('bool'),
    custom_obj_values: {},
    is_single_tensor_return: false,
  };
}

export function program(spec: ProgramSpec): { [name: string]: Json } {
  const { inputs, outputs, weights = {}, ranges = {} } = spec;
  return {
    graph_module: {
      graph: graphJson(spec),
      signature: {
        input_specs: Object.keys(inputs).map((name) =>
          weights[name] === undefined
            ? { user_input: { arg: t(name) } }
            : { parameter: { arg: { name }, parameter_name: weights[name] } },
        ),
        output_specs: outputs.map((name) => ({ user_output: { arg: t(name) } })),
      },
      module_call_graph: [],
    },
    opset_version: { aten: 10 },
    range_constraints: ranges as Json,
    schema_version: { major: 8, minor: 17 },
    verifiers: ['TRAINING'],
    torch_version: '2.11.0',
    guards_code: [],
  };
}

/** A program of one node: its inputs and outputs are those of the node. */
export function oneNode(
  target: string,
  inputs: Readonly<Record<string, string>>,
  args: Readonly<Record<string, Arg>>,
  out: Readonly<Record<string, string>>,
): { [name: string]: Json } {
  return program({ inputs, nodes: [{ target, args, out }], outputs: Object.keys(out) });
}
