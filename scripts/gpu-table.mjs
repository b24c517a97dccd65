/**
 * @file What bench/gpu.mjs wrote, as Markdown for the README: a row a size, ours beside the fastest peer, and how it was measured.
 *
 *   node scripts/gpu-table.mjs results/4xh200/bench-4-gpus.json [...]             prints it
 *   node scripts/gpu-table.mjs --write README.md results/4xh200/bench-*-gpus.json  puts it between the marks in a file
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const BEGIN = '<!-- gpu-table: begin -->';
const END = '<!-- gpu-table: end -->';
const KIB = 1 << 10;
const MIB = 1 << 20;
const HEADS = ['size', 'ours, us', 'algorithm', 'fastest peer, us', 'peer', 'ours / peer'];

/** All operations of one file of results. Peers' figures that are not from that run are marked with r. */
export function markdown(result) {
  const { rows, command, date, gpus, fingerprint, versions, peers, linkGBs, failures } = result;
  const titles = [...new Set(rows.map(titleOf))];
  const tables = titles.map((title) =>
    [
      `**${gpus} GPUs, ${title}**`,
      '',
      line(HEADS),
      line(HEADS.map(() => '---')),
      ...rows.filter((row) => titleOf(row) === title).map((row) => line(cellsOf(row))),
    ].join('\n'),
  );
  const judged = rows.filter(({ met }) => typeof met === 'boolean');
  const software = [
    fingerprint?.device?.driver && `driver ${fingerprint.device.driver}`,
    peers && `torch ${peers.torch}, NCCL ${peers.nccl}`,
    `crossover ${versions.crossover}`,
    `Node ${versions.node}`,
  ].filter(Boolean);
  const about = [
    `${gpus} x ${peers?.device ?? fingerprint?.device?.name ?? 'unknown GPU'}, ${software.join(', ')}, ${date.slice(0, 10)}, \`${command}\`.`,
    linkGBs && `Links: ${linkGBs} GB/s out of each GPU.`,
    rows.some(({ bestPeer }) => bestPeer?.recorded) && 'r: a recorded figure, not of this run.',
    judged.length > 0 && `${judged.filter(({ met }) => met).length} of ${judged.length} targets met.`,
    failures?.length > 0 && `Not timed: ${failures.join('; ')}.`,
  ].filter(Boolean);
  return [...tables, about.join(' ')].join('\n\n');
}

/** A text with what is between its marks replaced. */
export function insert(text, table) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the file has no "${BEGIN}" and "${END}" behind it`);
  return `${text.slice(0, begin + BEGIN.length)}\n${table}\n${text.slice(end)}`;
}

function titleOf({ operation, hidden, quantization }) {
  return hidden ? `${operation}, hidden ${hidden}, output ${quantization}` : operation;
}

function cellsOf({ bytes, us, algorithm, bestPeer, ratio }) {
  return [
    size(bytes),
    us === undefined ? '-' : digits(us),
    algorithm ?? '-',
    bestPeer === undefined ? '-' : `${digits(bestPeer.us)}${bestPeer.recorded ? 'r' : ''}`,
    bestPeer?.peer ?? '-',
    ratio === undefined ? '-' : ratio.toFixed(2),
  ];
}

function line(cells) {
  return `| ${cells.join(' | ')} |`;
}

function size(bytes) {
  return bytes >= MIB ? `${bytes / MIB} MiB` : `${bytes / KIB} KiB`;
}

/** Three significant digits, and no fewer before the point. */
function digits(us) {
  return us >= 100 ? us.toFixed(0) : us.toPrecision(3);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const args = process.argv.slice(2);
  const target = args[0] === '--write' ? args.splice(0, 2)[1] : undefined;
  if (args.length === 0) {
    console.error('usage: node scripts/gpu-table.mjs [--write FILE.md] RESULTS.json...');
    process.exit(1);
  }
  const text = args.map((path) => markdown(JSON.parse(readFileSync(path, 'utf8')))).join('\n\n');
  if (target) writeFileSync(target, insert(readFileSync(target, 'utf8'), text));
  else console.log(text);
}
