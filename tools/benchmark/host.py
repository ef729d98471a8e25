"""The machine and the versions, for the head of a report."""

import os
import platform
import subprocess
from pathlib import Path
from time import monotonic

from benchmark.environment import ROOT, pinned_version

# What runtimes choose their kernels by.
FLAGS = (
    "sse4_1 avx avx2 fma f16c avx_vnni avx512f avx512bw avx512vl avx512_vnni avx512_bf16 "
    "avx512_fp16 amx_int8 amx_bf16 asimd asimddp i8mm sve sve2 bf16"
).split()


def _first_line(*command):
    try:
        answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    except FileNotFoundError:
        return None
    return answer.stdout.strip().splitlines()[0] if answer.stdout.strip() else None


def _cpu():
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = set(fields.get("flags", fields.get("Features", "")).split())
    name = fields.get("model name") or fields.get("CPU part") or platform.machine()
    numbers = [fields.get(key) for key in ("cpu family", "model", "stepping")]
    if all(numbers):
        name += f" (family {numbers[0]}, model {numbers[1]}, stepping {numbers[2]})"
    return name, [flag for flag in FLAGS if flag in flags]


def _memory_bytes():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def _busy_seconds():
    """What all processes have used of all processors, and what the hypervisor took from them."""
    fields = [int(part) for part in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    tick = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, interrupts, soft, steal = fields[:8]
    return (user + nice + system + interrupts + soft) / tick, steal / tick


def _own_seconds():
    """What this process and those of its children that have ended have used."""
    return sum(os.times()[:4])


class Load:
    """How much others used of the machine between two moments."""

    def __init__(self):
        self._begin = monotonic(), *_busy_seconds(), _own_seconds()

    def measured(self):
        """Processors that other processes kept busy, and that the hypervisor took away. All
        children must have ended.
        """
        end = monotonic(), *_busy_seconds(), _own_seconds()
        wall, busy, steal, own = (b - a for a, b in zip(self._begin, end))
        return {"seconds": wall, "others": max(0, busy - own) / wall, "steal": steal / wall}


def facts():
    cpu, flags = _cpu()
    return {
        "cpu": cpu,
        "flags": flags,
        "processors": len(os.sched_getaffinity(0)),
        "memory_bytes": _memory_bytes(),
        "kernel": platform.release(),
        "load_average": os.getloadavg()[0],
    }


def versions(contenders, environment):
    """Of Attenuate's source, the peers, and what they were converted and built with."""
    installed = environment.versions()
    found = {}
    peers = []
    for contender in contenders:
        if not contender.is_own:
            peers.append(contender.peer)
        elif contender.build.path:
            found[contender.build.label] = contender.build.version()
        else:
            commit = _first_line("git", "describe", "--always", "--dirty", "--abbrev=12")
            found[contender.build.label] = commit or "unknown"
    for peer in peers:
        for package in (peer.package, *peer.packages):
            name = package.lower().replace("_", "-")
            found[name] = installed.get(name) or pinned_version(package)
    found["python"] = platform.python_version()
    for name, command in {"swift": "swift", "c compiler": os.environ.get("CC", "cc")}.items():
        found[name] = _first_line(command, "--version") or "unknown"
    return found
