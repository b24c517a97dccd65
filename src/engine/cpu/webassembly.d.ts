/**
 * @file The part of the WebAssembly JavaScript API that the engine uses. Node has it; TypeScript declares it only together with
 * the whole DOM, which does not belong here.
 */
declare namespace WebAssembly {
  function validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  class Memory {
    constructor(limits: { initial: number; maximum: number; shared: true });
    readonly buffer: SharedArrayBuffer;
  }
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(
      module: Module,
      imports: Record<string, Record<string, Memory | ((...values: number[]) => void)>>,
    );
    readonly exports: Record<string, unknown>;
  }
  interface Global {
    readonly value: number;
  }
}
