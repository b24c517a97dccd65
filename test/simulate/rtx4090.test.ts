/**
 * @file The published case: 4x RTX 4090 over PCIe 4 (vLLM issue #36481). From the P2P matrix, both columns of
 * custom_all_reduce_test within 15 % from 256 KB up.
 *
 * What comes from where: the link from the matrix; launch and one-way latency fitted to rows below 16 KB; the two
 * efficiencies are constants (topology.ts) that equal the slopes of the last two rows. All rows from 16 KB to 4 MB are
 * predicted without having been looked at by anything.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { peerMatrices, readP2P } from '../../dist/interop/read/p2p.js';
import { readVllmCustomAllReduce } from '../../dist/interop/read/vllm-custom-all-reduce.js';
import { findAlgorithm } from '../../dist/simulate/algorithms/index.js';
import { predict } from '../../dist/simulate/cost.js';
import { explain } from '../../dist/simulate/explain.js';
import { fitTopology } from '../../dist/simulate/fit.js';
import { fromP2P } from '../../dist/simulate/from-p2p.js';
import { meanLatency, pathBandwidth } from '../../dist/simulate/route.js';
import { DEFAULT_EFFICIENCY } from '../../dist/simulate/topology.js';

const data = (name: string): string => readFileSync(new URL(`../data/${name}`, import.meta.url), 'utf8');

const host = fromP2P(peerMatrices(readP2P(data('p2pBandwidthLatencyTest_4x4090.txt'))));
const rows = readVllmCustomAllReduce(data('custom_all_reduce_test_4x4090.txt'));
const measurements = rows.flatMap(({ bytes, vllm, nccl }) => [
  { algorithm: 'two_shot', bytes, us: vllm },
  { algorithm: 'ring', bytes, us: nccl },
]);
const fitted = fitTopology(host, measurements, { free: ['launch', 'latency'], below: 16 * 1024 });

describe('4x RTX 4090', () => {
  it('is one switch of full-duplex ports at 26.33 GB/s', () => {
    expect(host.ranks).toHaveLength(4);
    expect(host.interconnect).toBe('pcie');
    expect(host.nodes.filter((node) => node.kind === 'switch')).toHaveLength(1);
    expect(pathBandwidth(host, 0, 3)).toBe(26.33);
  });

  it('fits launch and latency to small rows only and leaves the documented efficiencies', () => {
    expect(fitted.free).toEqual(['launch', 'latency']);
    expect(fitted.largest).toBe(8 * 1024);
    expect(fitted.topology.efficiency).toEqual(DEFAULT_EFFICIENCY.pcie);
    expect(fitted.parameters.launch).toBeGreaterThan(0);
    expect(fitted.parameters.latency).toBeGreaterThan(0.8);
    expect(fitted.parameters.latency).toBeLessThan(2);
  });

  const large = fitted.residuals.filter((r) => r.bytes >= 256 * 1024);

  it('covers 256 KB to 16 MB in both columns', () => {
    expect(large).toHaveLength(14);
    expect(large.every((r) => !r.fitted)).toBe(true);
  });

  it.each(large.map((r) => [r.algorithm, r.bytes / 1024, r] as const))(
    '%s at %i KB is within 15 %%',
    (_, __, r) => {
      expect(Math.abs(r.error)).toBeLessThan(0.15);
    },
  );

  it('is within 15 % for any choice of small rows to fit to', () => {
    for (const kb of [2, 4, 8, 32, 64, 128, 256]) {
      const again = fitTopology(host, measurements, { free: ['launch', 'latency'], below: kb * 1024 });
      const errors = again.residuals.filter((r) => r.bytes >= 256 * 1024).map((r) => Math.abs(r.error));
      expect(Math.max(...errors)).toBeLessThan(0.15);
    }
  });

  it('has efficiencies that are the slopes of the last two rows', () => {
    const [a, b] = rows.slice(-2);
    const rate = (us: number): number => (1.5 * (b!.bytes - a!.bytes)) / us / 1e3 / 26.33;
    expect(rate(b!.vllm - a!.vllm)).toBeCloseTo(DEFAULT_EFFICIENCY.pcie.read, 3);
    expect(rate(b!.nccl - a!.nccl)).toBeCloseTo(DEFAULT_EFFICIENCY.pcie.write, 3);
  });

  it("puts NCCL's change of protocol where the table has its jump", () => {
    const near = (protocol: string, bytes: number, us: number): number =>
      Math.abs(predict(fitted.topology, findAlgorithm('all_reduce', protocol), bytes).us / us - 1);
    for (const { bytes, nccl } of rows.filter((row) => row.bytes >= 256 * 1024)) {
      const [used, other] = bytes <= 512 * 1024 ? ['ring_ll', 'ring_simple'] : ['ring_simple', 'ring_ll'];
      expect(near(used!, bytes, nccl)).toBeLessThan(near(other!, bytes, nccl));
      const ring = predict(fitted.topology, findAlgorithm('all_reduce', 'ring'), bytes).us;
      expect(ring).toBe(predict(fitted.topology, findAlgorithm('all_reduce', used!), bytes).us);
    }
  });
});

describe('the question asked there', () => {
  const lines = explain(fitted.topology, measurements);
  const text = lines.join('\n');

  it('is answered with computed numbers', () => {
    expect(text).toContain('At 16M two_shot takes 1171.3 us and ring 995.1 us: 17.7 % more.');
    expect(text).toContain('1.50 x size');
    expect(text).toContain('21.96 GB/s');
    expect(text).toContain('25.68');
    expect(text).toContain('0.884 of writes; measured 0.855');
    expect(text).toContain('ring from 1K to 64K, two_shot from 128K to 1M, ring from 2M to 16M');
  });

  it('names the two-shot that writes, and its curve lies below both from 1 KB to 16 MB', () => {
    expect(text).toContain('two_shot_push');
    for (const { bytes, vllm, nccl } of rows) {
      const { us } = predict(fitted.topology, findAlgorithm('all_reduce', 'two_shot_push'), bytes);
      expect(us).toBeLessThan(Math.min(vllm, nccl));
    }
    expect(text).toContain('predicted ahead of both at 15 of 15 sizes');
  });

  it('follows other numbers: no gap, nothing to close', () => {
    const even = measurements.map((m) => (m.algorithm === 'ring' ? { ...m, us: m.us * 2 } : m));
    const said = explain(fitted.topology, even).join('\n');
    expect(said).toContain('no gap to explain');
    expect(said).not.toContain('What would close the gap');
  });

  it('says nothing without both columns', () => {
    expect(
      explain(
        fitted.topology,
        measurements.filter((m) => m.algorithm === 'ring'),
      ),
    ).toEqual([]);
    expect(meanLatency(fitted.topology)).toBeCloseTo(fitted.parameters.latency, 9);
  });
});
