/**
 * @file What an import has to say: which nodes are carried through as they came, and why.
 */
import type { Node } from '../../ir/graph.ts';
import { quoted } from './messages.ts';

/** A node that a row exists for, and what the row does not understand of it. */
export interface Left {
  readonly place: string;
  readonly problem: string;
}

const RECIPROCAL =
  'QuantizeLinear divides by its scale, and quantize_static multiplies by its reciprocal: a code may be the next one where a quotient lies half way between two.';

/** A sentence for each kind of note, however many nodes it is about. */
export function notesOf(nodes: readonly Node[], left: ReadonlyMap<Node, Left>): string[] {
  const untranslated = new Map<string, number>();
  const reasons = new Map<string, { first: string; count: number }>();
  for (const node of nodes) {
    const why = left.get(node);
    if (why) {
      const key = `${plainName(node)} is carried through untouched, as ${why.problem}`;
      const found = reasons.get(key);
      reasons.set(key, { first: found?.first ?? why.place, count: (found?.count ?? 0) + 1 });
    } else if (node.op.startsWith('onnx.')) {
      untranslated.set(plainName(node), (untranslated.get(plainName(node)) ?? 0) + 1);
    }
  }
  const notes = nodes.some(({ op }) => op === 'quantize_static') ? [RECIPROCAL] : [];
  for (const [reason, { first, count }] of reasons) {
    notes.push(`${first}${count > 1 ? ` and ${count - 1} more` : ''}: ${reason}.`);
  }
  if (untranslated.size > 0) {
    const list = [...untranslated].map(([name, count]) => (count === 1 ? name : `${name} (${count})`));
    notes.push(`Carried through untouched, as no operation here is like them: ${list.join(', ')}.`);
  }
  return notes;
}

function plainName({ op }: Node): string {
  const name = op.slice('onnx.'.length);
  return /^[\w.:-]+$/.test(name) ? name : quoted(name);
}
