/** @file The reader of p2pBandwidthLatencyTest: what it finds, and which line it names when something is wrong. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { peerMatrices, readP2P } from '../../dist/interop/read/p2p.js';

const text = readFileSync(new URL('../data/p2pBandwidthLatencyTest_4x4090.txt', import.meta.url), 'utf8');

/** The full form that newer samples print, latencies and reads included. */
const FULL = `Device: 0, NVIDIA A, pciBusID: 1, pciDeviceID: 0, pciDomainID:0
P2P Connectivity Matrix
     D\\D     0     1
     0       1     1
     1       1     1
Unidirectional P2P=Enabled Bandwidth (P2P Writes) Matrix (GB/s)
   D\\D     0      1
     0 900.00  26.00
     1  25.00 901.00
Unidirectional P2P=Enabled Bandwidth (P2P Reads) Matrix (GB/s)
   D\\D     0      1
     0 900.00  20.00
     1  19.00 901.00
P2P=Disabled Latency Matrix (us)
   GPU     0      1
     0   1.33  12.84
     1  11.44   1.31

   CPU     0      1
     0   2.51   8.12
     1   7.88   2.47
P2P=Enabled Latency (P2P Writes) Matrix (us)
   GPU     0      1
     0   1.33   1.10
     1   1.12   1.30

   CPU     0      1
     0   2.53   1.94
     1   1.95   2.45

NOTE: The CUDA Samples are not meant for performance measurements.
`;

describe('readP2P', () => {
  it('reads the published log', () => {
    const log = readP2P(text);
    expect(log.devices).toHaveLength(4);
    expect(log.devices[3]).toEqual({ index: 3, name: 'NVIDIA GeForce RTX 4090' });
    expect(log.connectivity).toEqual(Array(4).fill([1, 1, 1, 1]));
    expect(log.unidirectional.writes?.[1]?.[2]).toBe(26.32);
    expect(log.unidirectional.disabled?.[2]).toEqual([21.26, 21.53, 946.13, 21.28]);
    expect(log.bidirectional.writes?.[3]).toEqual([52.07, 52.07, 52.06, 945.19]);
    expect(log.latency).toEqual({});
  });

  it('reads latencies by GPU and host, and bandwidth by reads', () => {
    const log = readP2P(FULL.replaceAll('\n', '\r\n'));
    expect(log.unidirectional.reads?.[0]).toEqual([900, 20]);
    expect(log.latency.writes).toEqual([
      [1.33, 1.1],
      [1.12, 1.3],
    ]);
    expect(log.hostLatency.disabled?.[1]?.[0]).toBe(7.88);
    expect(log.hostLatency.writes?.[1]?.[1]).toBe(2.45);
    expect(peerMatrices(log)).toEqual({
      unidirectional: log.unidirectional.writes,
      latency: log.latency.writes,
    });
  });

  it('names the line of a word, a missing number, a missing row and a missing heading', () => {
    const lines = FULL.split('\n');
    const changed = (line: number, to: string): string =>
      lines.map((l, i) => (i === line - 1 ? to : l)).join('\n');
    expect(() => readP2P(changed(8, '     0 900.00  26.O0'))).toThrow(
      'line 8: "26.O0" in the unidirectional bandwidth matrix',
    );
    expect(() => readP2P(changed(9, '     1  25.00'))).toThrow(
      'line 9: 1 numbers in the unidirectional bandwidth matrix; use 2',
    );
    expect(() => readP2P(changed(17, ''))).toThrow('line 17: the latency matrix ends after 1 of 2 rows');
    expect(() => readP2P(changed(7, ''))).toThrow(
      /^line 8: the unidirectional bandwidth matrix has no heading/,
    );
    expect(() => readP2P(changed(8, '     0 900.00  -26.00'))).toThrow('line 8: "-26.00"');
  });

  it('refuses a log cut anywhere inside a matrix, by its line', () => {
    const lines = text.trimEnd().split('\n');
    const first = lines.findIndex((line) => line.startsWith('Bidirectional P2P=Enabled'));
    fc.assert(
      fc.property(fc.integer({ min: first + 1, max: lines.length - 1 }), (end) => {
        expect(() => readP2P(lines.slice(0, end).join('\n'))).toThrow(new RegExp(`^line ${end + 1}: `));
      }),
    );
  });

  it('refuses what is no such log', () => {
    expect(() => readP2P('hello\n')).toThrow('no bandwidth or latency matrix');
    expect(() => readP2P('')).toThrow('use the output of p2pBandwidthLatencyTest');
  });
});

describe('peerMatrices', () => {
  it('refuses devices without access to each other', () => {
    const blocked = FULL.replace('     0       1     1', '     0       1     0');
    expect(() => peerMatrices(readP2P(blocked))).toThrow('device 0 cannot access device 1');
  });

  it('refuses a log without the matrix of writes', () => {
    const lines = text.split('\n');
    const from = lines.findIndex((line) => line.startsWith('Bidirectional'));
    expect(() => peerMatrices(readP2P(lines.slice(from).join('\n')))).toThrow(
      /no "Unidirectional P2P=Enabled/,
    );
  });
});
