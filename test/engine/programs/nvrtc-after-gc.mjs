// Binds NVRTC, lets everything be collected that can be, and compiles then. Run with --expose-gc.
import { setTimeout } from 'node:timers/promises';
import { nvrtcCompiler } from '../../../dist/engine/cuda/compile.js';

const compiler = nvrtcCompiler();
for (let i = 0; i < 5; i++) {
  globalThis.gc();
  await setTimeout(20);
}
console.log(compiler.compile('noop.cu', [], 'sm_90').length > 0 ? 'compiled' : 'empty');
