/**
 * @file What reads and writes cost on a PCIe link, from the packet formats alone (PCI Express Base Specification,
 * transaction and data link layers). Nothing here is fitted and the cost model does not use it: it is the independent
 * reason for the gap between the two measured efficiencies, and explain.ts prints it next to them.
 */

/** Sequence number, LCRC and framing of every transaction packet from PCIe 3.0 on, bytes. */
const FRAMING = 8;
/** Header of a memory request with a 64-bit address, bytes. */
const REQUEST = 16;
/** Header of a completion, bytes. */
const COMPLETION = 12;

/** Wire bytes a direction for `payload` bytes written, while every device writes. */
export function writeWireBytes(payload: number): number {
  return payload + REQUEST + FRAMING;
}

/**
 * Wire bytes a direction for `payload` bytes read, while every device reads: the completion of its own read comes in
 * and the request of a peer's read comes in on the same wires.
 */
export function readWireBytes(payload: number): number {
  return payload + COMPLETION + FRAMING + (REQUEST + FRAMING);
}

/** Bandwidth of reads over that of writes with `payload` bytes a packet; 128 is a GPU cache line. */
export function readOverWrite(payload = 128): number {
  return writeWireBytes(payload) / readWireBytes(payload);
}
