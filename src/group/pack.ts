/**
 * @file Values as bytes, on their way between processes: structured clone, as threads have it.
 */
// Not v8.serialize, which turns views of typed arrays into views of the message they came in.
import { Deserializer, Serializer } from 'node:v8';

/** Throws when the value cannot be cloned. */
export function pack(value: unknown): Buffer {
  const serializer = new Serializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

export function unpack(bytes: Uint8Array): unknown {
  const deserializer = new Deserializer(bytes);
  deserializer.readHeader();
  return deserializer.readValue();
}
