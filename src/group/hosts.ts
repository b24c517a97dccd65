/**
 * @file What a host has to be told to be one of several: how many there are, which one it is, where they meet, and what they all know.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { CrossoverError } from '../errors.ts';

export const MAX_NODES = 64;
const LEAST_SECRET = 16;

export interface HostsOptions {
  /** Number of hosts, 2 to 64; each has the same number of ranks. */
  readonly nodes: number;
  /** Which of them this is: 0 to nodes - 1. Ranks are numbered from the first host on. */
  readonly node: number;
  /** An address of host 0 that the others reach, with a free port there: "10.0.0.1:29500", "[fd00::1]:29500". */
  readonly rendezvous: string;
  /** What nobody else knows, 16 characters or more. See `readSecret`. */
  readonly secret: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** @throws CrossoverError that names what cannot be used */
export function checkHosts({ nodes, node, rendezvous, secret }: HostsOptions): void {
  if (!Number.isInteger(nodes) || nodes < 2 || nodes > MAX_NODES) {
    throw new CrossoverError(`nodes is ${nodes}; several hosts are 2 to ${MAX_NODES}`);
  }
  if (!Number.isInteger(node) || node < 0 || node >= nodes) {
    throw new CrossoverError(`node is ${node}; ${nodes} nodes are 0 to ${nodes - 1}`);
  }
  parseAddress(rendezvous);
  if (secret.length < LEAST_SECRET) {
    throw new CrossoverError(
      `the secret has ${secret.length} characters; use ${LEAST_SECRET} or more, for example what "openssl rand -hex 32" prints`,
    );
  }
}

export function parseAddress(text: string): Address {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65535) {
    throw new CrossoverError(`rendezvous is "${text}"; use host:port, for example 10.0.0.1:29500`);
  }
  return { host, port };
}

/** The secret in a file that nobody but its owner may read, or else in $CROSSOVER_SECRET. @throws CrossoverError */
export function readSecret(file: string | undefined): string {
  if (file !== undefined) return readPrivate(file).trim();
  const secret = process.env.CROSSOVER_SECRET;
  if (!secret) {
    throw new CrossoverError(
      'several hosts need a secret that all of them know: set CROSSOVER_SECRET, or put it into a file and name that (--secret-file)',
    );
  }
  return secret;
}

function readPrivate(file: string): string {
  const fd = openSync(file, 'r');
  try {
    const mode = fstatSync(fd).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new CrossoverError(
        `the secret in ${file} can be used by others than its owner (mode ${mode.toString(8)}); run: chmod 600 ${file}`,
      );
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
