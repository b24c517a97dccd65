/**
 * @file Products of matrices.
 */
import { matmulShape, NotUnderstood } from '../shapes.ts';
import type { Site } from '../site.ts';
import type { Row } from './row.ts';

function matmul(site: Site): void {
  const [a, b] = [site.tensor(0), site.tensor(1)];
  if (a.type.dtype !== b.type.dtype)
    throw new NotUnderstood(`its operands are ${a.type.dtype} and ${b.type.dtype}`);
  site.give(0, 'matmul', { a: a.value, b: b.value }, a.type.dtype, matmulShape(a.type.shape, b.type.shape));
}

/** As linear: a weight that is not transposed becomes so. Sums are rounded once, as there. */
function gemm(site: Site): void {
  const [x, b, bias] = [site.tensor(0), site.tensor(1), site.optional(2)];
  site.must('transA', 0);
  site.must('alpha', 1);
  site.must('beta', 1);
  const { dtype } = x.type;
  if (b.type.dtype !== dtype || (bias && bias.type.dtype !== dtype))
    throw new NotUnderstood('its operands differ in type');
  if (x.type.shape.length !== 2 || b.type.shape.length !== 2)
    throw new NotUnderstood('its operands have not two dims');
  const transposed = [b.type.shape[1]!, b.type.shape[0]!];
  const weight = site.flag('transB', false)
    ? b
    : site.between('permute', { x: b.value, dims: [1, 0] }, dtype, transposed);
  const [out, inner] = [weight.type.shape[0]!, weight.type.shape[1]!];
  if (bias && (bias.type.shape.length !== 1 || bias.type.shape[0] !== out)) {
    throw new NotUnderstood(`its bias is [${bias.type.shape.join(', ')}]; only [${out}] is translated`);
  }
  const shape = matmulShape(x.type.shape, [inner, out]);
  const operands = { x: x.value, weight: weight.value, bias: bias?.value ?? null };
  site.give(0, 'linear', operands, dtype, shape);
}

export const PRODUCTS: Readonly<Record<string, Row>> = { MatMul: matmul, Gemm: gemm };
