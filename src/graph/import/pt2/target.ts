/**
 * @file Names of operations in torch: `torch.ops.aten.add_.Tensor` is the overload Tensor of add_ in the namespace aten.
 */

export interface Target {
  readonly namespace: string;
  readonly name: string;
  /** Empty where there is none, as for operations of higher order. */
  readonly overload: string;
}

export function parseTarget(target: string): Target {
  const parts = target.replace(/^torch\.ops\./, '').split('.');
  const overload = parts.length > 2 ? parts.pop()! : '';
  const name = parts.pop() ?? '';
  return { namespace: parts.join('.'), name, overload };
}

/** Python's names of assignments: `__iand__` is what `&=` calls. */
const ASSIGNMENT = /^__i(and|or|xor|lshift|rshift)__$/;

/** Whether it writes to an operand, by torch's convention of a `_` at the end. Names such as `__and__` are no such. */
export function isInPlace({ name }: Target): boolean {
  return name.endsWith('_') && (!name.endsWith('__') || ASSIGNMENT.test(name));
}

/** The one that gives what this one writes: `aten.add` for `aten.add_`. */
export function functional(target: Target): Target {
  const { name } = target;
  if (ASSIGNMENT.test(name)) return { ...target, name: name.replace(ASSIGNMENT, '__$1__') };
  return isInPlace(target) ? { ...target, name: name.slice(0, -1) } : target;
}

/** `aten.add`. */
export function rowName({ namespace, name }: Target): string {
  return namespace === '' ? name : `${namespace}.${name}`;
}

export function targetText({ namespace, name, overload }: Target): string {
  return `torch.ops.${namespace}.${name}${overload === '' ? '' : `.${overload}`}`;
}

/** Operations of aten whose result may be, or may lie in, the memory of an operand. */
const VIEWS: ReadonlySet<string> = new Set(
  `_conj _neg_view _reshape_alias _unsafe_view adjoint alpha_dropout as_strided atleast_1d atleast_2d atleast_3d broadcast_tensors broadcast_to
  chunk conj contiguous diagonal dropout dsplit expand expand_as feature_dropout flatten hsplit imag lift matrix_H mH mT meshgrid moveaxis movedim
  narrow numpy_T permute pin_memory positive ravel real reshape reshape_as resolve_conj resolve_neg select slice split split_with_sizes
  squeeze swapaxes swapdims t tensor_split to transpose type_as unbind unflatten unfold unsafe_chunk unsafe_split unsafe_split_with_sizes
  unsqueeze values view view_as view_as_complex view_as_real vsplit`.split(/\s+/),
);

/** The result is the operand itself, written to or not. */
const IDENTITIES: ReadonlySet<string> = new Set([
  'aten.alias',
  'aten.detach',
  'aten.detach_',
  'aten.requires_grad_',
  '_c10d_functional.wait_tensor',
  '_c10d_functional_autograd.wait_tensor',
]);

/** Namespaces whose operations give new memory unless VIEWS or IDENTITIES say otherwise. */
const FUNCTIONAL: ReadonlySet<string> = new Set([
  'aten',
  'prims',
  '_c10d_functional',
  '_c10d_functional_autograd',
  'quantized_decomposed',
  '_operator',
]);

/** What is known of a result's memory: the operand's own, perhaps the operand's or a part of it, or new. */
export function aliasing(target: Target): 'same' | 'view' | 'fresh' {
  const row = rowName(target);
  if (IDENTITIES.has(row)) return 'same';
  if (!FUNCTIONAL.has(target.namespace)) return 'view';
  return target.namespace === 'aten' && VIEWS.has(target.name) ? 'view' : 'fresh';
}

/** Checks of the values at run time, and hints to the exporter: nothing that anybody reads. */
const CHECKS: ReadonlySet<string> = new Set([
  'aten._assert_tensor_metadata',
  'aten._assert_scalar',
  'aten._assert_async',
  'aten.sym_constrain_range',
  'aten.sym_constrain_range_for_size',
]);

export function isCheck(target: Target): boolean {
  return CHECKS.has(rowName(target));
}
