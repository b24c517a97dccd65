/**
 * @file Environment variables that change what collectives do: those that are set, and what each means.
 */
import type { Finding } from './finding.ts';

const section = 'environment';

/** Whose variables are of interest. */
const PREFIXES = ['NCCL_', 'CUDA_', 'TORCH_SYMM_MEM_', 'NVSHMEM_', 'CROSSOVER_'];

/** Variables whose values have no effect on collectives. */
const BORING =
  /^CUDA_(HOME|PATH|VERSION|PKG_VERSION|ROOT|BIN_PATH|INC_PATH|LIB_PATH|TOOLKIT\w*)$|^NCCL_VERSION$/;

/** Variables whose values are for nobody's eyes: people paste what the doctor says into issues. */
const SECRET = /SECRET/;

type Meaning = string | ((value: string) => string);

const off = (value: string): boolean => ['0', 'n', 'no', 'off', 'false'].includes(value.toLowerCase());

const MEANINGS: Readonly<Record<string, Meaning>> = {
  // ---- ours ----
  CROSSOVER_DEVICE: 'the engine that runs where no option names one',
  CROSSOVER_SECRET: 'what all hosts of a group know',
  CROSSOVER_PLAN: 'the plan that collectives follow',
  CROSSOVER_FORCE: (value) =>
    off(value) || value === '' ? 'plans from elsewhere are refused' : 'plans from elsewhere are followed too',
  CROSSOVER_CUDA: "NVIDIA's driver is loaded from this file, nowhere else",
  CROSSOVER_NVRTC: 'NVRTC is loaded from this file, nowhere else',
  CROSSOVER_NCCL: 'NCCL is loaded from this file, nowhere else',
  CROSSOVER_CUBLASLT: 'cuBLASLt is loaded from this file, nowhere else',
  CROSSOVER_STALL_SECONDS: 'after how long a host gives up waiting for its GPU; 0 is never',
  CROSSOVER_TRACE: '1: decode says on stderr what every rank does',
  CROSSOVER_NVML: 'NVML is loaded from this file, nowhere else',
  CROSSOVER_P2P: (value) =>
    value === '0' ? 'GPUs are taken not to reach each other: only NCCL runs' : 'nothing; 0 switches P2P off',
  CROSSOVER_RANKS_PER_GPU: 'so many ranks share a GPU, each with a part of its multiprocessors; 1 by default',
  CROSSOVER_CACHE: 'compiled kernels are kept there',

  // ---- the driver ----
  CUDA_VISIBLE_DEVICES: 'only these GPUs are seen, numbered from 0 in this order',
  CUDA_DEVICE_ORDER: (value) =>
    value === 'PCI_BUS_ID'
      ? 'GPUs are numbered as nvidia-smi numbers them'
      : 'GPUs are numbered by speed, which can differ from nvidia-smi',
  CUDA_LAUNCH_BLOCKING: (value) =>
    off(value)
      ? 'launches are asynchronous, as usual'
      : 'every launch waits for its kernel: collectives of several ranks in one process never end; unset it',
  CUDA_DEVICE_MAX_CONNECTIONS: 'work queues a GPU: with 1, streams wait for each other',
  CUDA_MODULE_LOADING: (value) =>
    value === 'LAZY'
      ? 'kernels load at their first launch, which can deadlock behind a kernel that waits; ours are loaded before'
      : 'kernels load at the start',
  CUDA_CACHE_PATH: "the driver's cache of compiled PTX; ours ships no PTX",
  CUDA_CACHE_DISABLE: "the driver's cache of compiled PTX; ours ships no PTX",
  CUDA_MPS_PIPE_DIRECTORY: 'kernels go through the MPS server: other processes may share the GPUs',
  CUDA_MPS_ACTIVE_THREAD_PERCENTAGE:
    'part of the multiprocessors only: kernels that need all blocks resident may wait for ever',
  CUDA_DISABLE_PERF_BOOST: 'clocks stay lower: measurements are slower than without it',

  // ---- NCCL: what it uses ----
  NCCL_NVLS_ENABLE: (value) =>
    value === '0'
      ? 'NCCL uses no NVLink multicast; crossover sets it for itself anyway'
      : `NCCL may create multicast objects (${value === '1' ? 'without asking what the hardware can do' : 'where it finds support'}); crossover sets 0 for itself`,
  NCCL_P2P_DISABLE: (value) =>
    off(value) ? 'NCCL uses P2P' : 'NCCL goes through host memory: slow; kernels of our own still use P2P',
  NCCL_P2P_LEVEL: 'the longest path over which NCCL uses P2P (LOC, NVL, PIX, PXB, PHB, SYS)',
  NCCL_SHM_DISABLE: (value) =>
    off(value) ? 'NCCL may use /dev/shm' : 'NCCL without P2P goes through the network, even on one host',
  NCCL_IGNORE_DISABLED_P2P: 'NVLinks that are there but switched off are no error for NCCL',
  NCCL_NET_GDR_LEVEL: 'the longest path between a GPU and a network card that NCCL uses directly',
  NCCL_IB_DISABLE: (value) =>
    off(value) ? 'NCCL may use InfiniBand' : 'NCCL uses TCP between hosts even where InfiniBand is there',
  NCCL_SOCKET_IFNAME: "network interfaces of NCCL's TCP connections",
  NCCL_HOSTID: 'which ranks NCCL takes to be on one host',
  NCCL_TOPO_FILE: 'NCCL believes this file, not the hardware',
  NCCL_CONF_FILE: 'NCCL reads further settings from this file',

  // ---- NCCL: how it decides ----
  NCCL_ALGO: 'NCCL chooses among these algorithms only: plans measured without it do not hold',
  NCCL_PROTO: 'NCCL chooses among these protocols only: forcing LL128 off NVLink corrupts data',
  NCCL_MIN_NCHANNELS: 'least blocks of a collective',
  NCCL_MAX_NCHANNELS: 'most blocks of a collective: few of them cost bandwidth',
  NCCL_MIN_CTAS: 'least blocks of a collective',
  NCCL_MAX_CTAS: 'most blocks of a collective: few of them cost bandwidth',
  NCCL_CTA_POLICY: '1 takes fewer blocks at some cost in bandwidth, 2 uses copy engines where it can',
  NCCL_NTHREADS: 'threads a block',
  NCCL_BUFFSIZE: 'bytes of the buffers between two ranks',
  NCCL_TUNER_PLUGIN: 'a plugin decides instead of NCCL',
  NCCL_LAUNCH_MODE: 'how grouped launches of one process are ordered',

  // ---- NCCL: symmetric memory and graphs ----
  NCCL_CUMEM_ENABLE: (value) =>
    value === '0'
      ? 'NCCL has no symmetric memory: nccl_symmetric is left out (SGLang sets this by default)'
      : 'NCCL allocates by cuMem, which symmetric memory needs',
  NCCL_CUMEM_HOST_ENABLE: 'whether NCCL takes host buffers from cuMem (needs NUMA calls) or /dev/shm',
  NCCL_WIN_ENABLE: (value) =>
    off(value) ? 'no symmetric windows: nccl_symmetric is left out' : 'symmetric windows can be registered',
  NCCL_LOCAL_REGISTER: 'whether buffers can be registered by one rank alone',
  NCCL_SYM_KERNEL:
    'only this symmetric kernel is used; a name that NCCL does not know switches all of them off, silently',
  NCCL_SYM_CTAS: 'blocks of symmetric kernels, instead of the 1 to 9 that NCCL would take',
  NCCL_SYM_NOWIN_ENABLE: 'symmetric kernels also for buffers that are not registered',
  NCCL_GRAPH_MIXING_SUPPORT: (value) =>
    off(value)
      ? 'graphs and single calls must not overlap on a communicator, and graphs are faster for it'
      : 'graphs and single calls may overlap: every graph node waits for an event more',
  NCCL_CHECK_MODE: 'DEBUG compares offsets of symmetric buffers across ranks: slow, for looking for errors',
  NCCL_LAUNCH_ORDER_IMPLICIT: 'NCCL orders its kernels by the order of calls',

  // ---- NCCL: logs ----
  NCCL_DEBUG: 'what NCCL prints',
  NCCL_DEBUG_SUBSYS: 'of which parts NCCL prints',
  NCCL_DEBUG_FILE: 'where NCCL prints',

  // ---- other libraries ----
  TORCH_SYMM_MEM_DISABLE_MULTICAST: (value) =>
    off(value)
      ? "PyTorch's symmetric memory may create multicast objects"
      : "PyTorch's symmetric memory creates no multicast objects; crossover refuses them too",
  TORCH_SYMM_MEM_ALLOW_OVERLAPPING_DEVICES: 'ranks of PyTorch may share a GPU',
  NVSHMEM_DISABLE_NVLS: (value) =>
    off(value)
      ? 'NVSHMEM may create multicast objects'
      : 'NVSHMEM creates no multicast objects; crossover refuses them too',
  NVSHMEM_SYMMETRIC_SIZE: "bytes of NVSHMEM's heap, on every GPU",
  NVSHMEM_REMOTE_TRANSPORT: 'how NVSHMEM reaches other hosts',
};

/** One finding a variable that is set; nothing here keeps crossover from working. */
export function environmentFindings(environment: Readonly<Record<string, string | undefined>>): Finding[] {
  return Object.entries(environment)
    .filter(([name]) => PREFIXES.some((prefix) => name.startsWith(prefix)) && !BORING.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value = '']) => {
      const meaning = Object.hasOwn(MEANINGS, name) ? MEANINGS[name]! : 'not a variable that crossover knows';
      return {
        section,
        what: name,
        found: value === '' ? '(empty)' : SECRET.test(name) ? '(set, not shown)' : value,
        ok: true,
        consequence: typeof meaning === 'string' ? meaning : meaning(value),
        remedy: '',
      };
    });
}
