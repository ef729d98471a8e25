"""One peer in a process of its own, measured by lines on its standard input.

    python -m benchmark.serve RUNTIME FOLDER THREADS [--start TOKENS]

RUNTIME is a module of `benchmark.runtimes`, FOLDER has its model. Lines `TOKENS MILLISECONDS` are
answered as `run-edge bench --serve` does; `embed ID,ID,…` with the embedding. With `--start` the
process runs once, prints what starting took and ends.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from time import perf_counter

from benchmark.inputs import token_ids


def measure(runtime, tokens, milliseconds):
    """The time of every run but the first, which warms caches; at least two."""
    inputs = runtime.prepare(token_ids(tokens))
    times = []
    deadline = perf_counter() + milliseconds / 1000
    while len(times) < 3 or perf_counter() < deadline:
        start = perf_counter()
        runtime.run(inputs)
        times.append((perf_counter() - start) * 1000)
    return {"tokens": tokens, "times_ms": sorted(round(time, 4) for time in times[1:])}


def embed(runtime, ids):
    return {"embedding": [float(value) for value in runtime.run(runtime.prepare(ids))]}


def peak_resident_bytes():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status names no VmHWM")


def main():
    name, folder, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    # Libraries write to standard output as they like; the answers have a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    begin = perf_counter()
    module = importlib.import_module(f"benchmark.runtimes.{name}")
    imported = perf_counter()
    runtime = module.Runtime(folder, threads)
    loaded = perf_counter()
    if sys.argv[4:5] == ["--start"]:
        inputs = runtime.prepare(token_ids(int(sys.argv[5])))
        start = perf_counter()
        runtime.run(inputs)
        answer = {
            "import_ms": (imported - begin) * 1000,
            "load_ms": (loaded - imported) * 1000,
            "first_ms": (perf_counter() - start) * 1000,
            "rss_bytes": peak_resident_bytes(),
        }
        print(json.dumps(answer), file=answers, flush=True)
        return
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "embed":
            answer = embed(runtime, [int(part) for part in rest.split(",")])
        else:
            answer = measure(runtime, int(command), int(rest))
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
