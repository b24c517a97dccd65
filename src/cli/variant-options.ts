/**
 * @file The options --variants and --fusion-cap-mb of commands that time a model: refused where they say nothing that can run.
 */
import type { EngineName } from '../collective/engines.ts';
import { placeBefore, reasonsOf, refusalOf, sortOut, type WayName } from '../workload/runnable.ts';
import { parseAbove, UsageError } from './options.ts';

/** Refuses variants of which none can run, as far as that is known without ranks. Whether NCCL is there is found out only when it is asked for. */
export function refuseVariants<V extends WayName>(
  asked: readonly V[],
  names: readonly V[],
  { engine, ranks }: { readonly engine: EngineName; readonly ranks: number },
): void {
  const place = placeBefore(engine, ranks);
  const sorted = sortOut(asked, (name) => refusalOf(name, place));
  if (sorted.variants.length > 0) return;
  const { variants: others } = sortOut(
    names.filter((name) => !asked.includes(name)),
    (name) => refusalOf(name, place),
  );
  throw new UsageError(
    `--variants is "${asked.join(',')}", of which none can run here (${reasonsOf(sorted)}); use ${others.join(', ')}`,
  );
}

const MIB = 1 << 20;

/** Bytes of `--fusion-cap-mb`, and the variants that can do without where it is not given. @throws UsageError when one was asked for that cannot, or the cap is for none of those that were asked for */
export function cappedVariants<V extends string>(
  capMb: string | undefined,
  variants: readonly V[],
  asked: boolean,
): { readonly capBytes: number; readonly variants: readonly V[] } {
  if (capMb !== undefined) {
    const capBytes = parseAbove(capMb, '--fusion-cap-mb', 0) * MIB;
    if (!Number.isSafeInteger(Math.ceil(capBytes)))
      throw new UsageError(`--fusion-cap-mb is "${capMb}"; use MiB of a message`);
    if (asked && !variants.some((name) => name === 'fused-cap'))
      throw new UsageError(
        `--fusion-cap-mb is "${capMb}", and --variants has no fused-cap (${variants.join(', ')}); add it, or leave the cap out`,
      );
    return { capBytes, variants };
  }
  if (asked && variants.some((name) => name === 'fused-cap'))
    throw new UsageError('--variants has fused-cap, which needs --fusion-cap-mb');
  return { capBytes: 0, variants: variants.filter((name) => name !== 'fused-cap') };
}
