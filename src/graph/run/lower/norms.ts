/**
 * @file Norms, sums and quantization, alone and fused with an all-reduce, as calls of the communicator.
 */
import type { NormOperands } from '../../../collective/fused.ts';
import type { Quantization } from '../../../operations.ts';
import type { Lower, Site } from '../site.ts';

function norm(site: Site): Pick<NormOperands, 'weight' | 'weightBias' | 'castBeforeWeight' | 'epsilon'> {
  return {
    weight: site.has('weight') ? site.tensor('weight') : undefined,
    weightBias: site.number('weight_bias', 0),
    castBeforeWeight: site.number('cast_before_weight', 0) !== 0,
    epsilon: site.number('epsilon'),
  };
}

function rmsNorm(site: Site): void {
  site.comm.rmsNorm({ input: site.tensor('x'), out: site.outTensor(), ...norm(site) });
}

function addRmsNorm(site: Site): void {
  site.comm.rmsNorm({
    input: site.tensor('x'),
    residual: site.tensor('residual'),
    residualOut: site.outTensor(1),
    out: site.outTensor(0),
    ...norm(site),
  });
}

function fusedOperands(site: Site): NormOperands {
  const input = site.tensor('x');
  const quantization = site.text('quantization') as Quantization;
  return {
    input,
    residual: site.has('residual') ? site.tensor('residual') : undefined,
    out: site.outTensor(0),
    residualOut: site.outTensor(1),
    ...norm(site),
    ...(quantization !== 'none' && { quantization, quantOut: site.outTensor(2) }),
    ...(site.node.outputs.length > 3 && { scaleOut: site.outTensor(3) }),
    ...(quantization === 'f8e4m3_static' || quantization === 'nvfp4' ? { scale: site.number('scale') } : {}),
  };
}

function fused(site: Site): void {
  const operands = fusedOperands(site);
  const { input } = operands;
  site.comm.allReduceRmsNorm(
    operands,
    site.choose('all_reduce_rms_norm', input, input.bytes, input.shape.at(-1)!),
  );
}

function add(site: Site): void {
  site.comm.add(site.tensor('a'), site.tensor('b'), site.outTensor());
}

function quantizeStatic(site: Site): void {
  site.expect(0, 'f8e4m3');
  site.comm.quantize({
    input: site.tensor('x'),
    quantization: 'f8e4m3_static',
    quantOut: site.outTensor(),
    scale: site.number('scale'),
  });
}

function quantizeToken(site: Site): void {
  site.expect(0, 'f8e4m3', 'i8');
  const quantOut = site.outTensor(0);
  site.comm.quantize({
    input: site.tensor('x'),
    quantization: quantOut.dtype === 'i8' ? 'i8_token' : 'f8e4m3_token',
    quantOut,
    scaleOut: site.outTensor(1),
  });
}

function quantizeNvfp4(site: Site): void {
  site.comm.quantize({
    input: site.tensor('x'),
    quantization: 'nvfp4',
    quantOut: site.outTensor(0),
    scaleOut: site.outTensor(1),
    scale: site.number('scale'),
  });
}

export const NORMS: Readonly<Record<string, Lower>> = {
  rms_norm: rmsNorm,
  add_rms_norm: addRmsNorm,
  all_reduce_rms_norm: fused,
  add,
  quantize_static: quantizeStatic,
  quantize_token: quantizeToken,
  quantize_nvfp4: quantizeNvfp4,
};

/** The part of fused operations that involves no other rank. */
export const LOCAL_NORMS: Readonly<Record<string, Lower>> = {
  all_reduce_rms_norm: (site) => site.comm.rmsNorm(fusedOperands(site)),
};
