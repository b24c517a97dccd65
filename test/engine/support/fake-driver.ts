/**
 * @file programs/libcuda.c as a library that takes the place of NVIDIA's driver and of NVRTC, for the engine's host side where there is no GPU.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Library, openFile } from '../../../dist/ffi/library.js';

const SOURCE = fileURLToPath(new URL('../programs/libcuda.c', import.meta.url));
const TEXT_BYTES = 1 << 14;

export interface BuiltDriver {
  /** Environment in which ranks find it. */
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

/** Compiles it; undefined where there is no C compiler. */
export function buildDriver(): BuiltDriver | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'crossover-driver-'));
  const file = join(folder, 'driver.so');
  const warnings = ['-Wall', '-Wextra', '-Wno-unused-parameter', '-Werror'];
  const { error, status, stderr } = spawnSync('cc', [
    '-O1',
    ...warnings,
    '-shared',
    '-fPIC',
    '-o',
    file,
    SOURCE,
  ]);
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  if (error || status !== 0) {
    remove();
    if (error) return undefined;
    throw new Error(`${SOURCE}: ${stderr}`);
  }
  return {
    env: {
      CROSSOVER_CUDA: file,
      CROSSOVER_NVRTC: file,
      CROSSOVER_CACHE: folder,
      CROSSOVER_NCCL: join(folder, 'no-nccl.so'),
      CROSSOVER_CUBLASLT: join(folder, 'no-cublaslt.so'),
    },
    remove,
  };
}

/** What the driver of this process says of itself. */
export class FakeDriver {
  readonly #library: Library;

  constructor() {
    this.#library = openFile(process.env.CROSSOVER_CUDA!);
  }

  /** Objects that are alive, by kind. */
  get live(): Readonly<Record<string, number>> {
    const lines = this.#text('void fake_live(void *to, int bytes)').split('\n').filter(Boolean);
    return Object.fromEntries(
      lines.map((line) => line.split(': ')).map(([kind, count]) => [kind, Number(count)]),
    );
  }

  /** Functions that were called. */
  get called(): string[] {
    return this.#text('void fake_called(void *to, int bytes)').trim().split('\n').sort();
  }

  get counts(): { readonly launches: number; readonly programmatic: number; readonly clusters: number } {
    const count = (what: string): number => this.#library.bind<() => number>(`int fake_${what}()`)();
    return { launches: count('launches'), programmatic: count('programmatic'), clusters: count('clusters') };
  }

  /** Makes the call number `after` of a function from now on fail. */
  fail(name: string, after = 1, code = 999): void {
    this.#library.bind<(name: string, after: number, code: number) => void>(
      'void fake_fail(const char *name, int after, int code)',
    )(name, after, code);
  }

  /** Whether the call that was to fail has come. */
  get hasFailed(): boolean {
    return this.#library.bind<() => number>('int fake_failed()')() === 1;
  }

  #text(prototype: string): string {
    const bytes = new Uint8Array(TEXT_BYTES);
    this.#library.bind<(to: Uint8Array, bytes: number) => void>(prototype)(bytes, TEXT_BYTES);
    return Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString();
  }
}
