"""Processes that answer lines with JSON lines."""

import ctypes
import json
import os
import select
import signal
import subprocess
import tempfile
from pathlib import Path
from time import monotonic


PR_SET_PDEATHSIG = 1
# Beside the option of each runtime's own interface: what its libraries would look at.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def _die_with_parent():
    # A stopped process would outlive a program that is interrupted.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _limited(environment, threads):
    return environment | {name: str(threads) for name in THREAD_VARIABLES}


class WorkerFailed(Exception):
    """Why a process gave no answer, one line."""


def _answer(line):
    try:
        return json.loads(line)
    except ValueError:
        raise WorkerFailed(f"no JSON in the answer {line[:60]!r}") from None


class Worker:
    """A process that runs only while it is asked.

    Between two questions it is stopped, so that threads which spin in wait for more work (OpenMP,
    ONNX Runtime, llama.cpp) do not slow down the next contender.
    """

    def __init__(self, command, environment, threads):
        self._errors = tempfile.TemporaryFile("w+", errors="replace")
        self._process = subprocess.Popen(
            command,
            env=_limited(environment, threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            preexec_fn=_die_with_parent,
        )
        self._buffer = b""
        # How many processors it kept busy during its last answer.
        self.processors = 0.0

    def ask(self, line, milliseconds, patience=600):
        """The answer to a line that takes `milliseconds` to answer. Throws `WorkerFailed`."""
        begin = monotonic()
        try:
            used = self._processor_seconds()
            self._process.send_signal(signal.SIGCONT)
            self._process.stdin.write(line.encode() + b"\n")
        except (BrokenPipeError, ProcessLookupError, FileNotFoundError):
            raise WorkerFailed(self._reason()) from None
        answer = _answer(self._line(begin + milliseconds / 1000 + patience))
        self._process.send_signal(signal.SIGSTOP)
        self.processors = (self._processor_seconds() - used) / (monotonic() - begin)
        if "error" in answer:
            raise WorkerFailed(answer["error"])
        return answer

    def _processor_seconds(self):
        """What all threads of the process have used so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        # utime and stime, the fields 14 and 15 of proc(5).
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _line(self, deadline):
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._process.stdout], [], [], deadline - monotonic())
            if not ready:
                raise WorkerFailed("no answer in time")
            data = self._process.stdout.read(1 << 20)
            if not data:
                raise WorkerFailed(self._reason())
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _reason(self):
        status = self._process.wait()
        self._errors.seek(0)
        lines = [line.strip() for line in self._errors if line.strip()]
        return lines[-1] if lines else f"ended with status {status}"

    def close(self):
        self._process.send_signal(signal.SIGCONT)
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def timed_answer(command, environment, threads):
    """Starts a process and reads one JSON line.

    Returns the answer and the milliseconds from the start of the process to the answer.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        begin = monotonic()
        process = subprocess.Popen(
            command,
            env=_limited(environment, threads),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        line = process.stdout.readline()
        wall = (monotonic() - begin) * 1000
        process.stdout.close()
        status = process.wait()
        if status != 0 or not line:
            errors.seek(0)
            lines = [text.strip() for text in errors if text.strip()]
            raise WorkerFailed(lines[-1] if lines else f"ended with status {status}")
    return _answer(line), wall
