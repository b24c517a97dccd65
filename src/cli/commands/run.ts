/**
 * @file `crossover run entry.ts --ranks 4 [args]`: runs a program as the ranks of a group.
 * The command's own options stand before the entry or right behind it; what follows belongs to the program.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { checkHosts, type HostsOptions, readSecret } from '../../group/hosts.ts';
import { launch, MAX_RANKS } from '../../group/launch.ts';
import { DEVICE_FLAGS, DEVICE_HELP, engineOption, UsageError, usage } from '../options.ts';

const HELP = `
Options stand before the entry or right behind it; everything from the first other argument on (or after --) is the program's.
The entry's default export is called on every rank, with the group and the program's arguments:

  // hello.ts
  import type { Group } from 'crossover';
  export default (group: Group, args: string[]): void => {
    const names = group.gather(\`rank \${group.rank}\`);
    if (group.rank === 0) console.log(args[0], ...names);
  };

  $ crossover run hello.ts --ranks 4 hello
  hello rank 0 rank 1 rank 2 rank 3

Examples:
  $ crossover run hello.ts --ranks 4 hello
  $ crossover run program.mjs --ranks 2 --timeout 10 --json
  Two hosts, with the same file on both; 10.0.0.1 is the first one's address
    $ openssl rand -hex 32 > secret; chmod 600 secret
    $ crossover run program.ts --ranks 4 --nodes 2 --node 0 --rendezvous 10.0.0.1:29500 --secret-file secret
    $ crossover run program.ts --ranks 4 --nodes 2 --node 1 --rendezvous 10.0.0.1:29500 --secret-file secret
`;

/** Options that may stand right behind the entry, and those of them that take no value. */
const OWN = /^--(ranks|device|processes|nodes|node|rendezvous|secret-file|timeout|plan|force|json)(=|$)/;
const FLAGS: readonly string[] = ['--processes', '--force', '--json'];

interface RunOptions {
  ranks: number;
  device?: string;
  processes?: boolean;
  nodes?: number;
  node?: number;
  rendezvous?: string;
  secretFile?: string;
  timeout: number;
  plan?: string;
  force?: boolean;
  json?: boolean;
}

/** The command that this one is added to needs `enablePositionalOptions()`. */
export function runCommand(): Command {
  return new Command('run')
    .description('run a program as the ranks of a group, each in a thread or process of its own')
    .argument('<entry>', 'a JavaScript or TypeScript file whose default export is the program')
    .argument('[args...]', "the program's arguments")
    .passThroughOptions()
    .option(
      '--ranks <n>',
      `number of ranks, 1 to ${MAX_RANKS}; on each host, if there are several`,
      parseRanks,
      Math.min(availableParallelism(), MAX_RANKS),
    )
    .option(DEVICE_FLAGS, `engine of the program's communicators: ${DEVICE_HELP}`)
    .option('--processes', 'a process a rank instead of a thread (Linux; not for the CPU engine)')
    .option('--nodes <n>', 'number of hosts that run this together; ranks are processes then', parseCount)
    .option('--node <k>', 'which of them this is, from 0 on', parseCount)
    .option('--rendezvous <host:port>', 'an address of host 0 that all hosts reach, with a free port')
    .option(
      '--secret-file <file>',
      'holds the secret that the hosts share; only its owner may read it ($CROSSOVER_SECRET)',
    )
    .option(
      '--timeout <seconds>',
      'longest silence of a rank before it is given up; 0 for no bound',
      parseTimeout,
      60,
    )
    .option(
      '--plan <file>',
      'the plan that communicators of the program follow ($CROSSOVER_PLAN, or crossover-plan.json)',
    )
    .option('--force', 'follow the plan even if it was made on another host ($CROSSOVER_FORCE=1)')
    .option('--json', 'print what the ranks returned as a JSON list, after all that they printed')
    .addHelpText('after', HELP)
    .action(async (entry: string, rest: string[], _options: RunOptions, command: Command) => {
      const args = takeOptions(rest, command);
      const options = command.opts<RunOptions>();
      const { ranks, device, processes, timeout, plan, force, json } = options;
      const hosts = hostsOf(options);
      // Ranks start with a copy of this environment, and communicators look there.
      if (device !== undefined) process.env.CROSSOVER_DEVICE = engineOption(device, ranks);
      if (plan !== undefined) process.env.CROSSOVER_PLAN = resolve(plan);
      if (force) process.env.CROSSOVER_FORCE = '1';
      const values = await launch(entry, { ranks, processes, hosts, args, timeoutSeconds: timeout });
      if (json) process.stdout.write(`${JSON.stringify(values, plain)}\n`);
    });
}

/** Undefined for one host. */
function hostsOf({ nodes, node, rendezvous, secretFile }: RunOptions): HostsOptions | undefined {
  const given = { '--nodes': nodes, '--node': node, '--rendezvous': rendezvous, '--secret-file': secretFile };
  if (Object.values(given).every((value) => value === undefined)) return undefined;
  if (nodes === undefined || node === undefined || rendezvous === undefined) {
    const missing = ['--nodes', '--node', '--rendezvous'].filter(
      (name) => given[name as keyof typeof given] === undefined,
    );
    throw new UsageError(
      `several hosts need --nodes, --node and --rendezvous; missing: ${missing.join(', ')}`,
    );
  }
  return usage(
    () => {
      const hosts = { nodes, node, rendezvous, secret: readSecret(secretFile) };
      checkHosts(hosts);
      return hosts;
    },
    { nodes: '--nodes', node: '--node', rendezvous: '--rendezvous' },
  );
}

/** What JSON has no form for: typed arrays become lists, and big integers text. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return ArrayBuffer.isView(value) && !(value instanceof DataView) ? Array.from(value as Uint8Array) : value;
}

/** Parses the options that stand right behind the entry, and returns what is left for the program. */
function takeOptions(rest: string[], command: Command): string[] {
  let end = 0;
  for (let option = rest[0]; option !== undefined && OWN.test(option); option = rest[end]) {
    end += FLAGS.includes(option) || option.includes('=') ? 1 : 2;
  }
  command.parseOptions(rest.slice(0, end));
  return rest.slice(rest[end] === '--' ? end + 1 : end);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return count;
}

function parseRanks(text: string): number {
  const ranks = Number(text);
  if (!Number.isInteger(ranks) || ranks < 1 || ranks > MAX_RANKS) {
    throw new InvalidArgumentError(`A group has 1 to ${MAX_RANKS} ranks.`);
  }
  return ranks;
}

function parseTimeout(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds >= 0))
    throw new InvalidArgumentError('It is a number of seconds, or 0 for no bound.');
  return seconds;
}
