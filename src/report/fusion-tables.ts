/**
 * @file What the graph pass found and decided, for people: sites with what they save, near misses with the operation that broke the match, and the
 * token ranges that graphs were made for.
 */
import type { Optimized } from '../graph/optimize.ts';
import { type Decision, fusesAt, lossAt, timesAt } from '../graph/passes/decide.ts';
import { formOf } from '../graph/passes/sites.ts';
import { rowsOf, type Variant } from '../graph/passes/variants.ts';
import { us } from './plan-tables.ts';
import { formatTable } from './table.ts';

/** A decision that is slower by less is within what measuring can tell. */
const WORTH_TELLING = 0.02;

/** All that `crossover fuse` prints. `tokens` are the counts on the axis at which times are shown. */
export function formatFusion(optimized: Optimized, tokens: readonly number[]): string {
  const { graph, group, decisions, misses } = optimized;
  const all = decisions.length + misses.length;
  const head =
    all === 0
      ? `${graph.name}: ${graph.nodes.length} nodes, no all-reduce`
      : `${graph.name}: ${graph.nodes.length} nodes, ${count(all, 'all-reduce')}; ${decisions.length} of group "${group}" can be fused`;
  return [
    head,
    ...graph.notes.map((note) => `note: ${note}`),
    ...(decisions.length > 0 ? ['', formatSites(decisions, tokens)] : []),
    ...(misses.length > 0 ? ['', formatMisses(optimized)] : []),
    ...(decisions.length > 0 ? ['', ...formatVariants(optimized)] : []),
    ...capCost(optimized),
    ...siteNotes(decisions),
  ].join('\n');
}

function formatSites(decisions: readonly Decision[], counts: readonly number[]): string {
  // Where every site has a number of rows of its own, there is nothing to choose.
  const isFixed = decisions.every(({ site }) => rowsOf(site).axis === '');
  const tokens = isFixed ? [] : counts;
  return formatTable(
    [
      { head: 'all-reduce', left: true },
      { head: 'form', left: true },
      { head: 'hidden' },
      { head: 'fused for rows', left: true },
      ...(isFixed ? [{ head: 'rows' }, { head: 'saves us' }] : []),
      ...tokens.map((n) => ({ head: `saves us at ${n}` })),
    ],
    [
      ...decisions.map((decision) => {
        const { site } = decision;
        const { times, axis } = rowsOf(site);
        return [
          place(site.allReduce),
          formOf(site),
          String(site.hidden),
          fusedRanges(decision),
          ...(isFixed ? [String(times), saving(decision, times)] : []),
          ...tokens.map((n) => saving(decision, axis === '' ? times : n * times)),
        ];
      }),
      ...(decisions.length > 1 ? [total(decisions, isFixed ? [undefined] : tokens)] : []),
    ],
  );
}

/** What all sites save in one run of the graph. `counts` are on the axis; undefined where every site has its own number of rows. */
function total(decisions: readonly Decision[], counts: readonly (number | undefined)[]): string[] {
  const isFixed = counts[0] === undefined;
  const sums = counts.map((n) => {
    const savings = decisions.map((decision) => savedAt(decision, (n ?? 1) * rowsOf(decision.site).times));
    return savings.some((saved) => saved === undefined)
      ? '-'
      : us(savings.reduce<number>((sum, saved) => sum + saved!, 0));
  });
  return ['together', '', '', '', ...(isFixed ? [''] : []), ...sums];
}

/** `1 to 87, 129 to 256`; `none`. */
function fusedRanges({ ranges, unmeasured }: Decision): string {
  const fused: { from: number; to: number }[] = [];
  for (const { from, to, fused: is } of ranges) {
    const last = fused.at(-1);
    if (!is) continue;
    if (last && last.to === from) last.to = to;
    else fused.push({ from, to });
  }
  if (fused.length === 0) return unmeasured === undefined ? 'none' : 'none: not measured';
  return fused.map(rangeText).join(', ');
}

/** `1 to 87`; `88 and more`; `all`. */
function rangeText({ from, to }: { from: number; to: number }): string {
  if (to === Number.POSITIVE_INFINITY) return from === 1 ? 'all' : `${from} and more`;
  return to - from === 1 ? String(from) : `${from} to ${to - 1}`;
}

/** What fusing a site saves at a count of rows by the plan, us: 0 where it stays unfused, undefined where nothing was measured. */
function savedAt(decision: Decision, rows: number): number | undefined {
  const times = timesAt(decision, rows);
  if (!times) return undefined;
  return fusesAt(decision, rows) ? times.unfusedUs - times.fusedUs : 0;
}

function saving(decision: Decision, rows: number): string {
  const saved = savedAt(decision, rows);
  return saved === undefined ? '-' : us(saved);
}

function formatMisses({ misses }: Optimized): string {
  return ['not fused', ...misses.map(({ allReduce, reason }) => `  ${place(allReduce)}: ${reason}`)].join(
    '\n',
  );
}

function formatVariants({ variants, axis, decisions }: Optimized): string[] {
  const other = decisions.filter(({ site }) => rowsOf(site).axis !== axis && rowsOf(site).axis !== '');
  const notes = other.map(
    ({ site }) =>
      `${place(site.allReduce)} stays as it is: its rows are counted by ${rowsOf(site).axis}, the graph's by ${axis}`,
  );
  const text = (variant: Variant): string => {
    const { length } = variant.fused;
    return length === 0 ? 'nothing fused' : `${length} of ${decisions.length} fused`;
  };
  if (axis === '') return [`one graph, for the one shape it has: ${text(variants[0]!)}`, ...notes];
  return [
    `graphs by ${axis}`,
    ...variants.map((variant) => `  ${rangeText(variant)}: ${text(variant)}`),
    ...notes,
  ];
}

/** Where what was decided (by a cap) is slower than the better of fused and unfused. */
function capCost({ decisions }: Optimized): string[] {
  // Sites of one form lose alike.
  const losses = new Map<string, string[]>();
  for (const decision of decisions) {
    const text = lossOf(decision);
    if (text !== undefined) losses.set(text, [...(losses.get(text) ?? []), place(decision.site.allReduce)]);
  }
  if (losses.size === 0) return [];
  const who = ([first, ...others]: readonly string[]): string =>
    others.length === 0 ? `${first}` : `${first} and ${others.length} more, each`;
  return [
    '',
    'slower than measured alternatives',
    ...[...losses].map(([text, places]) => `  ${who(places)}: ${text}`),
  ];
}

function lossOf(decision: Decision): string | undefined {
  const slow = decision.measured.filter(
    (one) => lossAt(decision, one) > WORTH_TELLING * Math.min(one.fusedUs, one.unfusedUs),
  );
  const [first] = slow;
  if (!first) return undefined;
  const worst = slow.reduce((a, b) => (lossAt(decision, b) > lossAt(decision, a) ? b : a));
  const fused = fusesAt(decision, worst.tokens);
  const rows = slow.length === 1 ? String(first.tokens) : `${first.tokens} to ${slow.at(-1)!.tokens}`;
  const [taken, other] = fused ? [worst.fusedUs, worst.unfusedUs] : [worst.unfusedUs, worst.fusedUs];
  return `at ${rows} rows, up to ${us(taken - other)} us (${worst.tokens} rows ${fused ? 'fused' : 'unfused'}: ${us(taken)}, the other way ${us(other)})`;
}

function siteNotes(decisions: readonly Decision[]): string[] {
  const notes = new Set(
    decisions.flatMap(({ site, unmeasured }) => [
      ...site.notes,
      ...(unmeasured === undefined ? [] : [`not measured, so not fused unless a cap says so: ${unmeasured}`]),
    ]),
  );
  return notes.size === 0 ? [] : ['', ...[...notes].map((note) => `note: ${note}`)];
}

function place({ origin, outputs }: { origin: string; outputs: readonly { name: string }[] }): string {
  return origin === '' ? `%${outputs[0]?.name ?? '?'}` : origin;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
