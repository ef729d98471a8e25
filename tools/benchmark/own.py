"""Builds of Attenuate."""

import functools
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmark.environment import ROOT, Missing, note, shown
from benchmark.inputs import token_ids
from benchmark.workers import timed_answer


@functools.cache
def built():
    """Builds this source; the folder with `run-edge` and `compress`, release build."""
    subprocess.run(["tools/setup"], cwd=ROOT, check=True)
    note("building run-edge and compress")
    command = ["swift", "build", "-c", "release"]
    for product in ("compress", "run-edge"):
        subprocess.run([*command, "--product", product], cwd=ROOT, check=True, stdout=sys.stderr)
    path = subprocess.run(
        [*command, "--show-bin-path"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(path.stdout.strip())


class Build:
    """A `run-edge`, and the `compress` that makes its containers."""

    def __init__(self, label, run_edge=None):
        """Without `run_edge` it is built. Its `compress` is the one beside it, as a format may
        have changed between two builds, and where there is none that of this source.
        """
        self.label = label
        # None: it is of the commit that is checked out.
        self.path = run_edge
        self.run_edge = (run_edge or built() / "run-edge").absolute()
        beside = self.run_edge.parent / "compress"
        self.compress = beside if beside.is_file() else built() / "compress"

    def version(self):
        """Of a binary that was given, whose source is not known."""
        sha = hashlib.sha256(self.run_edge.read_bytes()).hexdigest()
        return f"{shown(self.run_edge)} (sha256 {sha[:12]})"

    def container(self, model):
        """Compresses the checkpoint with the preset `int8`."""
        path = model.folder / self.label.lower() / "int8.atn"
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = subprocess.run(
            [self.compress, model.checkpoint, "-o", path], capture_output=True, text=True
        )
        if answer.returncode != 0:
            raise Missing(f"{shown(self.compress)}: {last_line(answer)}")
        return path


def last_line(answer):
    """What a program that failed said, or how it ended."""
    lines = answer.stderr.strip().splitlines()
    return lines[-1] if lines else f"ended with status {answer.returncode}"


class OwnContender:
    """One build with one container."""

    is_own = True

    def __init__(self, name, build, container):
        """Throws `Missing` where the build does not run the container."""
        self.name = name
        self.build = build
        self.container = container
        self.environment = dict(os.environ)
        self.isa = self._json(self._bench(1, 1)).get("isa")
        if not self.isa:
            raise Missing(f"{shown(build.run_edge)} does not answer as run-edge does")
        self.byte_count = container.stat().st_size
        self.title = f"{build.label}, {container.stem}, {self.isa}"

    def peak(self):
        """The int8 peak of one core, GMAC/s, as `run-edge isa` measures it; None where it does
        not.
        """
        try:
            sets = self._json(["isa", "--json"]).get("instruction_sets", [])
        except Missing:
            return None
        return next((one.get("peak_gmacs") for one in sets if one.get("name") == self.isa), None)

    def _bench(self, threads, tokens):
        options = ["--lengths", tokens, "--seconds", 0, "--threads", threads, "--json"]
        return ["bench", self.container, *options]

    def _output(self, arguments, text=None):
        answer = subprocess.run(
            [self.build.run_edge, *(str(part) for part in arguments)],
            input=text, capture_output=True, text=True,
        )
        if answer.returncode != 0:
            raise Missing(f"{shown(self.build.run_edge)}: {last_line(answer)}")
        return answer.stdout

    def _json(self, arguments):
        try:
            answer = json.loads(self._output(arguments))
        except ValueError:
            answer = None
        return answer if isinstance(answer, dict) else {}

    def serve_command(self, threads):
        options = ["--serve", "--threads", str(threads)]
        return [str(self.build.run_edge), "bench", str(self.container), *options]

    def start(self, threads, tokens):
        bench = self._json(self._bench(threads, tokens))
        ids = ",".join(str(token) for token in token_ids(tokens))
        options = ["--ids", ids, "--threads", str(threads), "--json"]
        _, wall = timed_answer(
            [str(self.build.run_edge), str(self.container), *options], self.environment, threads
        )
        return {
            "import_ms": 0.0, "load_ms": bench["load_ms"], "first_ms": bench["first_ms"],
            "rss_bytes": bench["rss_bytes"], "wall_ms": wall,
        }

    def embeddings(self, worker, inputs):
        lines = "".join(json.dumps({"ids": ids}) + "\n" for ids in inputs)
        answers = self._output([self.container, "--input", "-", "--threads", 1], lines)
        return [json.loads(line)["embedding"] for line in answers.splitlines()]
