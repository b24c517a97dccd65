/**
 * @file Reads TensorProto. Data stays where it is in the file: typed fields are only counted, and read again when someone asks for the weight.
 */
import { type OnnxTensor, quoted } from './messages.ts';
import type { Range, Wire } from './wire.ts';

/** Fields of TensorProto that hold elements, and how each is written. */
export const TYPED_FIELDS: Readonly<Record<number, 'varint' | 4 | 8>> = {
  4: 4,
  5: 'varint',
  7: 'varint',
  10: 8,
  11: 'varint',
};

export function parseTensor(wire: Wire, range: Range, what: string): OnnxTensor {
  let name = '';
  let type = 0;
  let raw: Uint8Array | undefined;
  let isExternal = false;
  const dims: number[] = [];
  const texts: string[] = [];
  const counts = new Map<number, number>();
  const external = new Map<string, string>();
  for (const field of wire.fields(range, what)) {
    const typed = TYPED_FIELDS[field.number];
    if (typed !== undefined) {
      const count = typed === 'varint' ? field.varintCount() : field.fixedCount(typed);
      counts.set(field.number, (counts.get(field.number) ?? 0) + count);
      continue;
    }
    switch (field.number) {
      case 1:
        for (const dim of field.ints()) dims.push(dim);
        break;
      case 2:
        type = field.int();
        break;
      case 6:
        texts.push(field.text());
        break;
      case 8:
        name = field.text();
        break;
      case 9:
        raw = field.bytes();
        break;
      case 13: {
        let key = '';
        let value = '';
        for (const part of wire.fields(field.range(), `${what}.external_data`)) {
          if (part.number === 1) key = part.text();
          else if (part.number === 2) value = part.text();
        }
        external.set(key, value);
        break;
      }
      case 14:
        isExternal = field.int() === 1;
        break;
    }
  }
  return {
    name,
    dims,
    type,
    counts,
    texts,
    range,
    ...(raw ? { raw } : {}),
    ...(isExternal ? { external } : {}),
  };
}

/** Where the elements of a typed field lie, in their order. */
export function* typedElements(wire: Wire, tensor: OnnxTensor, number: number): Generator<number> {
  const typed = TYPED_FIELDS[number];
  for (const field of wire.fields(tensor.range, `tensor ${quoted(tensor.name)}`)) {
    if (field.number !== number || typed === undefined) continue;
    if (typed === 'varint') yield* field.varints();
    else {
      const { start, end } = field.fixed(typed);
      for (let at = start; at < end; at += typed) yield at;
    }
  }
}
