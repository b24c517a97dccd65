#!/usr/bin/env python3
"""What PyTorch offers for collectives on the GPUs of one host, timed as bench/gpu-program.mjs times ours. Prints JSON lines.

A process a GPU. Each case is a CUDA graph of K operations back to back; a sample is as many replays as take SAMPLE_US, between two events,
after two replays more that line the GPUs up. Of each sample the slowest rank counts; the row is the median of the samples.

  nccl               dist.all_reduce, all_gather_into_tensor, reduce_scatter_tensor on ordinary memory
  nccl_symmetric     the same in memory of NCCL's allocator that is registered as a symmetric window
  torch_one_shot     torch.ops.symm_mem.one_shot_all_reduce_out
  torch_two_shot     torch.ops.symm_mem.two_shot_all_reduce_ (in place)

Multicast (NVLS) is off, whatever the environment says. A peer that fails is named with the reason, and the others go on; a peer that hangs
is ended with everything else when the time is up. Whoever runs this ought to read NCCL's variables in the header: NCCL_SYM_CTAS, for one,
changes nccl_symmetric a lot.
"""
import os

# Before anything is imported: libraries read these once.
os.environ["NCCL_NVLS_ENABLE"] = "0"
os.environ["TORCH_SYMM_MEM_DISABLE_MULTICAST"] = "1"
os.environ["NVSHMEM_DISABLE_NVLS"] = "1"

import argparse  # noqa: E402
import json  # noqa: E402
import multiprocessing  # noqa: E402
import socket  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

OPERATIONS = ("all_reduce", "all_gather", "reduce_scatter")
PEERS = ("nccl", "nccl_symmetric", "torch_one_shot", "torch_two_shot")
SAMPLES = 15
SAMPLE_US = 1500
# One-shot moves (N-1) times the bytes: beyond this it only costs time to see it lose.
ONE_SHOT_MOST = 8 << 20
STEP_SECONDS = 20


def operations_in_a_graph(size):
    """The same numbers as in bench/gpu-program.mjs."""
    return 40 if size <= 256 << 10 else 20 if size <= 4 << 20 else 5


def emit(**line):
    print(json.dumps(line), flush=True)


class Ranks:
    """What the processes share: a barrier with an end, everybody's samples, and whether somebody failed."""

    def __init__(self, context, world):
        # One for the steps of a measurement, and one for what follows when a step has failed somewhere and the first is broken.
        self.steps = context.Barrier(world)
        self.control = context.Barrier(world)
        self.samples = context.Array("d", world * SAMPLES, lock=False)
        self.failed = context.Array("i", world, lock=False)
        self.stop = context.Value("i", 0, lock=False)
        self.repeats = context.Value("i", 1, lock=False)

    def meet(self):
        self.control.wait(STEP_SECONDS)

    def step(self):
        self.steps.wait(STEP_SECONDS)


def agree(ranks, rank, body):
    """Runs body on all ranks. The value, or None on all of them when it failed on any; and this rank's reason."""
    value, reason = None, None
    try:
        value = body()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is named
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        ranks.steps.abort()
    ranks.failed[rank] = 1 if reason else 0
    ranks.meet()
    failed = any(ranks.failed[:])
    if failed and rank == 0:
        ranks.steps.reset()
    ranks.meet()
    return (None, reason or "it failed on another rank") if failed else (value, None)


def worker(rank, world, port, ranks, options):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(world))
    import datetime

    import torch
    import torch.distributed as dist

    started = time.monotonic()
    device = torch.device("cuda", rank)
    torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl", rank=rank, world_size=world, device_id=device, timeout=datetime.timedelta(seconds=STEP_SECONDS)
    )
    dist.all_reduce(torch.ones(1, device=device))
    torch.cuda.synchronize()
    if rank == 0:
        emit(kind="header", **describe(torch, world))
    sizes = options.sizes
    largest = max(sizes)
    made = {}
    # The second way to a symmetric window changes how PyTorch allocates, so that one goes last.
    for peer in sorted(options.peers, key=lambda name: name == "nccl_symmetric"):
        made[peer], reason = agree(ranks, rank, lambda: make(torch, dist, peer, device, largest))
        if reason and rank == 0:
            emit(kind="failed", peer=peer, reason=reason)
        elif rank == 0 and made[peer]["how"]:
            emit(kind="how", peer=peer, how=made[peer]["how"])
    for size in sizes:
        for operation in options.operations:
            for peer in options.peers:
                if made[peer] is None or operation not in made[peer]["operations"]:
                    continue
                if peer == "torch_one_shot" and size > ONE_SHOT_MOST:
                    continue
                # Rank 0's clock counts, so that all ranks leave together.
                if rank == 0 and time.monotonic() - started > options.seconds:
                    ranks.stop.value = 1
                ranks.meet()
                if ranks.stop.value:
                    break
                one = made[peer]["operations"][operation](size)
                row, reason = agree(ranks, rank, lambda: measure(torch, ranks, rank, world, one, size, operation))
                if rank == 0 and row:
                    emit(kind="row", peer=peer, operation=operation, bytes=size, **row)
                if reason:
                    if rank == 0:
                        emit(kind="failed", peer=peer, operation=operation, bytes=size, reason=reason)
                    made[peer]["operations"].pop(operation)
    if rank == 0:
        if ranks.stop.value:
            emit(kind="note", text=f"the time of {options.seconds} s was over before the last size")
        emit(kind="end", seconds=round(time.monotonic() - started, 1))
    ranks.meet()
    # Communicators are torn down collectively, which may take as long as anything: the process simply ends.
    sys.stdout.flush()
    os._exit(0)


def describe(torch, world):
    try:
        driver = subprocess.run(
            ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader", "-i", "0"],
            capture_output=True, text=True, timeout=10,
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        driver = "unknown"
    interesting = ("NCCL_", "TORCH_SYMM_MEM", "NVSHMEM_", "CUDA_VISIBLE")
    return {
        "world": world,
        "device": torch.cuda.get_device_name(0),
        "driver": driver,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "nccl": ".".join(map(str, torch.cuda.nccl.version())),
        "environment": {k: v for k, v in sorted(os.environ.items()) if k.startswith(interesting)},
    }


def make(torch, dist, peer, device, largest):
    """{how, operations: name -> (bytes -> function that enqueues one)}: bytes are of the whole message, as nccl-tests counts."""
    world = dist.get_world_size()
    count = largest // 2
    if peer == "nccl":
        return {"how": "", "operations": nccl(dist, world, torch.zeros(2 * count, dtype=torch.bfloat16, device=device))}
    if peer == "nccl_symmetric":
        buffer, how = symmetric_window(torch, dist, device, 2 * count)
        return {"how": how, "operations": nccl(dist, world, buffer)}
    import torch.distributed._symmetric_memory as symm_mem

    group = dist.group.WORLD.group_name
    if peer == "torch_one_shot":
        count = min(count, ONE_SHOT_MOST // 2)
    buffer = symm_mem.empty(count, dtype=torch.bfloat16, device=device)
    symm_mem.rendezvous(buffer, group)
    buffer.zero_()
    ops = torch.ops.symm_mem
    if peer == "torch_two_shot":
        return {
            "how": "",
            "operations": {"all_reduce": lambda n: (buffer[: n // 2], lambda x: (ops.two_shot_all_reduce_(x, "sum", group), x)[1])},
        }
    out = torch.empty(count, dtype=torch.bfloat16, device=device)

    def one_shot(n):
        return buffer[: n // 2], lambda x: (ops.one_shot_all_reduce_out(x, "sum", group, out[: n // 2]), out[: n // 2])[1]

    return {"how": "", "operations": {"all_reduce": one_shot}}


def nccl(dist, world, buffer):
    """The collectives of NCCL within one buffer: the first half is the input, the second the output; all-reduce is in place."""
    half = buffer.numel() // 2
    x, y = buffer[:half], buffer[half:]

    def all_reduce(n):
        return x[: n // 2], lambda t: (dist.all_reduce(t), t)[1]

    def all_gather(n):
        part = n // 2 // world
        return x[:part], lambda t: (dist.all_gather_into_tensor(y[: part * world], t), y[: part * world])[1]

    def reduce_scatter(n):
        part = n // 2 // world
        return x[: part * world], lambda t: (dist.reduce_scatter_tensor(y[:part], t), y[:part])[1]

    return {"all_reduce": all_reduce, "all_gather": all_gather, "reduce_scatter": reduce_scatter}


def symmetric_window(torch, dist, device, count):
    """Zeros in memory that NCCL knows as a symmetric window, and which of the ways to get it worked."""
    reasons = []
    for how, allocate in (("register_mem_pool(symm=True)", from_pool), ("symm_mem backend NCCL", from_symm_mem)):
        try:
            buffer = allocate(torch, dist, device, count)
            buffer.zero_()
            dist.all_reduce(buffer[:1024])
            torch.cuda.synchronize()
            return buffer, how
        except Exception as error:  # noqa: BLE001 - the next way may work
            reasons.append(f"{how}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
    raise RuntimeError("; ".join(reasons))


def from_pool(torch, dist, device, count):
    backend = dist.group.WORLD._get_backend(device)
    pool = torch.cuda.MemPool(backend.mem_allocator)
    with torch.cuda.use_mem_pool(pool):
        buffer = torch.empty(count, dtype=torch.bfloat16, device=device)
    # After the allocation: what is allocated later is registered as an ordinary buffer only.
    backend.register_mem_pool(pool, symm=True)
    KEPT.append(pool)
    return buffer


def from_symm_mem(torch, dist, device, count):
    import torch.distributed._symmetric_memory as symm_mem

    symm_mem.set_backend("NCCL")
    buffer = symm_mem.empty(count, dtype=torch.bfloat16, device=device)
    KEPT.append(symm_mem.rendezvous(buffer, dist.group.WORLD.group_name))
    return buffer


# What has to live as long as its memory is used.
KEPT = []


def measure(torch, ranks, rank, world, case, size, operation):
    source, enqueue = case
    check(torch, source, enqueue, rank, world, operation)
    operations = operations_in_a_graph(size)
    source.zero_()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.stream(stream):
        enqueue(source)
        torch.cuda.synchronize()
        # NCCL's watchdog thread makes CUDA calls of its own meanwhile.
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            for _ in range(operations):
                enqueue(source)
        finally:
            graph.capture_end()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

        def sample(repeats):
            ranks.step()
            # The first lines the GPUs up, the second keeps them busy while the rest is being enqueued.
            graph.replay()
            graph.replay()
            start.record()
            for _ in range(repeats):
                graph.replay()
            end.record()
            end.synchronize()
            return start.elapsed_time(end) * 1e3 / repeats / operations

        sample(1)
        once = sample(3)
        # The same number on all ranks, or they would wait for each other for ever.
        if rank == 0:
            ranks.repeats.value = max(1, min(200, round(SAMPLE_US / (once * operations))))
        ranks.step()
        repeats = ranks.repeats.value
        for i in range(SAMPLES):
            ranks.samples[rank * SAMPLES + i] = sample(repeats)
    ranks.step()
    slowest = [max(ranks.samples[r * SAMPLES + i] for r in range(world)) for i in range(SAMPLES)]
    ranks.step()
    graph.reset()
    ordered = sorted(slowest)
    return {
        "us": round(statistics.median(slowest), 4),
        # Half of the distance between the quartiles.
        "spread": round((ordered[3 * SAMPLES // 4] - ordered[SAMPLES // 4]) / 2, 4),
        "samples": SAMPLES,
        "operations": operations,
        "repeats": repeats,
    }


def check(torch, source, enqueue, rank, world, operation):
    """Sums of 1 + 2 + ... are exact in bf16; a peer that is wrong is no peer."""
    source.fill_(rank + 1)
    result = enqueue(source)
    torch.cuda.synchronize()
    if operation == "all_gather":
        parts = result.view(world, -1).float().mean(dim=1).round().tolist()
        if parts != [float(r + 1) for r in range(world)]:
            raise RuntimeError(f"gathered {parts}")
        return
    total = world * (world + 1) / 2
    low, high = result.min().item(), result.max().item()
    if (low, high) != (total, total):
        raise RuntimeError(f"sums are {low} to {high}, not {total}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def parse():
    parser = argparse.ArgumentParser(description="PyTorch's collectives as CUDA graphs; JSON lines")
    parser.add_argument("--world", type=int, required=True)
    parser.add_argument(
        "--sizes",
        type=lambda text: [int(part) for part in text.split(",")],
        default=[1 << k for k in range(10, 29)],
        help="bytes, comma-separated; 1 KiB to 256 MiB by default",
    )
    parser.add_argument("--operations", type=lambda text: text.split(","), default=list(OPERATIONS))
    parser.add_argument("--peers", type=lambda text: text.split(","), default=list(PEERS))
    parser.add_argument("--seconds", type=float, default=60, help="no new case is begun after so long")
    options = parser.parse_args()
    for given, known in ((options.operations, OPERATIONS), (options.peers, PEERS)):
        for name in given:
            if name not in known:
                parser.error(f'"{name}" is unknown; use one of {", ".join(known)}')
    return options


def main():
    options = parse()
    # The notes hold these; neither is installed where this runs, and nothing is copied here to time them.
    emit(kind="note", text="FlashInfer's and vLLM's kernels are not part of this run; their figures are recorded measurements")
    try:
        import torch
    except ImportError as error:
        emit(kind="failed", peer="all", reason=f"there is no PyTorch here: {error}")
        return 0
    found = torch.cuda.device_count()
    if found < options.world:
        emit(kind="failed", peer="all", reason=f"{options.world} GPUs are needed, {found} found")
        return 0
    context = multiprocessing.get_context("spawn")
    ranks = Ranks(context, options.world)
    port = free_port()
    processes = [
        context.Process(target=worker, args=(rank, options.world, port, ranks, options)) for rank in range(options.world)
    ]
    for process in processes:
        process.start()
    deadline = time.monotonic() + options.seconds + 25
    code = 0
    for rank, process in enumerate(processes):
        process.join(max(0.1, deadline - time.monotonic()))
        if process.is_alive():
            emit(kind="failed", peer="all", reason=f"rank {rank} did not end in time and was killed")
            code = 1
        elif process.exitcode:
            emit(kind="failed", peer="all", reason=f"rank {rank} ended with code {process.exitcode}")
            # The others may wait for it for ever.
            deadline = min(deadline, time.monotonic() + 5)
            code = 1
    for process in processes:
        if process.is_alive():
            process.kill()
    return code


if __name__ == "__main__":
    sys.exit(main())
