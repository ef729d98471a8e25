"""`tools/bench`."""

import argparse
import datetime
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmark import host, markdown, report
from benchmark.contenders import ON_REQUEST, PEERS, PeerContender
from benchmark.environment import ROOT, Environment, Missing, note
from benchmark.models import CONTESTS, MAXIMUM_TOKENS, Model
from benchmark.own import Build, OwnContender
from benchmark.progress import Progress
from benchmark.rounds import Rounds, fidelity, starts, summarize
from benchmark.workers import WorkerFailed

START_TOKENS = 128
# What a start and an embedding are taken to last, for the display of progress.
START_SECONDS = 1.5
EMBEDDING_SECONDS = 0.02
# Variables that limit what a runtime may use; a report names them.
VARIABLES = (
    "ATTENUATE_ISA", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "CT2_FORCE_CPU_ISA",
    "ATEN_CPU_CAPABILITY", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "GOMP_CPU_AFFINITY",
)


def numbers(limit):
    def number_list(text):
        values = [int(part) for part in text.split(",")]
        if not all(1 <= value <= limit for value in values):
            raise argparse.ArgumentTypeError(f"numbers are between 1 and {limit}")
        return list(dict.fromkeys(values))

    return number_list


def names(known, words):
    """Names of a list; `words` stand for several."""

    def name_list(text):
        if text in words:
            return words[text]
        values = text.split(",")
        for value in values:
            if value not in known:
                raise argparse.ArgumentTypeError(
                    f"unknown name '{value}'; known are {', '.join([*known, *words])}"
                )
        return list(dict.fromkeys(values))

    return name_list


def count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def executable(text):
    path = Path(text)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"'{text}' is not a program")
    return path


def writable(text):
    path = Path(text)
    if path.is_dir() or not os.access(path.absolute().parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"'{text}' cannot be written")
    return path


def parse_arguments(arguments):
    peers = [peer.name for peer in PEERS]
    usual = [peer for peer in peers if peer not in ON_REQUEST]
    models = list(CONTESTS)
    parser = argparse.ArgumentParser(
        prog="tools/bench",
        description="Measures Attenuate and other runtimes in turn, in one run, on the same token "
        "ids. Installs the others from PyPI into a folder of their own and converts the models "
        "for each once. Needs Python 3.11, a C++ compiler for llama.cpp, and python3-venv on "
        "Debian.",
        epilog="tools/bench --run-edge a/run-edge --baseline b/run-edge --peers none races two "
        "builds. ATTENUATE_ISA=avx2 tools/bench --peers llama-avx2 compares on equal terms with "
        "CPUs without VNNI.",
    )
    parser.add_argument(
        "--model", type=names(models, {"all": models}), default=models, metavar="NAMES",
        help=f"{', '.join(models)} or all; default: all",
    )
    parser.add_argument(
        "--peers", type=names(peers, {"all": peers, "none": []}), default=usual, metavar="NAMES",
        help=f"of {', '.join(peers)}, or all, or none; default: all but {', '.join(ON_REQUEST)}",
    )
    parser.add_argument(
        "--run-edge", type=executable, metavar="PATH",
        help="measure this program, with containers by the `compress` beside it if there is one; "
        "default: the source is built",
    )
    parser.add_argument(
        "--baseline", type=executable, metavar="PATH",
        help="also measure this run-edge, in the same way, and compare the bits of the outputs",
    )
    parser.add_argument(
        "--container", type=Path, action="append", default=[], metavar="FILE",
        help="also measure this .atn file; may be given again",
    )
    parser.add_argument(
        "--environment", type=Path, default=ROOT / ".build" / "bench", metavar="DIR",
        help="the folder with what is installed, built and converted for the race; it can be "
        "moved; default: .build/bench",
    )
    parser.add_argument(
        "--prepare", action="store_true", help="only make all that is needed, and measure nothing"
    )
    lengths = "; ".join(
        f"{','.join(map(str, contest.lengths))} for {name}" for name, contest in CONTESTS.items()
    )
    parser.add_argument(
        "--lengths", type=numbers(MAXIMUM_TOKENS), metavar="LIST",
        help=f"tokens; default: {lengths}",
    )
    parser.add_argument(
        "--threads", type=numbers(1024), default=[1, 2], metavar="LIST", help="default: 1,2"
    )
    parser.add_argument(
        "--rounds", type=count, default=7, metavar="N", help="turns of everybody; default: 7"
    )
    parser.add_argument(
        "--milliseconds", type=count, default=200, metavar="N",
        help="how long a turn is, two runs at least; default: 200",
    )
    parser.add_argument(
        "--starts", type=count, default=3, metavar="N",
        help="processes that are started to measure that; default: 3",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order of turns; default: 1")
    parser.add_argument(
        "--json", type=writable, metavar="FILE", help="write everything measured"
    )
    parser.add_argument(
        "--markdown", type=writable, metavar="FILE", help="write the tables, the README's first"
    )
    return parser.parse_args(arguments)


@dataclass
class Field:
    """Who takes part in the contest of one model."""

    model: Model
    # Attenuate first.
    contenders: list
    # Ids and embeddings in float32; None where they could not be made.
    reference: list | None
    # Peers that cannot take part, and why; by title.
    absent: dict
    # The same for parts of the measurement.
    missing: dict = field(default_factory=dict)


class Program:
    def __init__(self, options):
        self.options = options
        # Before building and converting add to the load.
        self.host = host.facts()
        self.environment = Environment(options.environment)
        self.builds = [Build("Attenuate", options.run_edge)]
        if options.baseline:
            self.builds.append(Build("Baseline", options.baseline))

    def prepare(self, name):
        """Installs and converts all that the contest of a model needs."""
        model = Model(name, self.environment)
        model.fetch()
        found = [
            OwnContender(build.label.lower(), build, build.container(model))
            for build in self.builds
        ]
        for path in self.options.container:
            found.append(OwnContender(f"attenuate {path}", self.builds[0], path))
        field = Field(model, found, None, {})
        try:
            # Two builds can be raced without PyTorch.
            if self.options.peers or model.has_reference():
                field.reference = model.reference()
        except Missing as reason:
            field.missing["reference embeddings"] = str(reason)
        for peer in PEERS:
            if peer.name not in self.options.peers:
                continue
            try:
                found.append(PeerContender(peer, model, self.environment))
            except Missing as reason:
                note(f"{peer.name} is left out: {reason}")
                field.absent[peer.title] = str(reason)
        return field

    def lengths(self, field):
        return self.options.lengths or field.model.contest.lengths

    def expected_seconds(self, field):
        options = self.options
        turns = len(options.threads) * len(self.lengths(field)) * options.rounds
        seconds = turns * options.milliseconds / 1000 + options.starts * START_SECONDS
        if field.reference:
            seconds += len(field.reference) * EMBEDDING_SECONDS
        return seconds * len(field.contenders)

    def measure(self, field, progress):
        options = self.options
        model, contenders = field.model, field.contenders
        result = {
            "name": model.name,
            "title": model.contest.title,
            "contenders": {one.name: one.title for one in contenders},
            "own": [one.name for one in contenders if one.is_own],
            "byte_counts": {one.name: one.byte_count for one in contenders},
            "peak_gmacs": contenders[0].peak(),
            "fidelity": {},
            "blocks": [],
            "absent": field.absent,
            "missing": field.missing,
        }
        progress.begin(f"{model.name}, starting")
        result["starts"] = starts(
            contenders, options.threads[0], START_TOKENS, options.starts, options.seed,
            field.missing, partial(progress.step, START_SECONDS),
        )
        for threads in options.threads:
            rounds = Rounds(contenders, threads, field.missing)
            try:
                if field.reference and not result["fidelity"]:
                    progress.begin(f"{model.name}, embeddings")
                    inputs = [case["ids"] for case in field.reference]
                    seconds = EMBEDDING_SECONDS * len(inputs)
                    found = rounds.embeddings(inputs, partial(progress.step, seconds))
                    result["fidelity"] = {
                        name: fidelity(one, field.reference) for name, one in found.items()
                    }
                for tokens in self.lengths(field):
                    progress.begin(f"{model.name}, {report.thread_text(threads)}, {tokens} tokens")
                    result["blocks"].append(self.block(field, rounds, tokens, progress))
            finally:
                rounds.close()
        return result

    def block(self, field, rounds, tokens, progress):
        options = self.options
        turns = rounds.measure(
            tokens, options.rounds, options.milliseconds, options.seed,
            partial(progress.step, options.milliseconds / 1000),
        )
        for one in field.contenders:
            if one.is_own and one.name not in turns:
                raise Missing(f"{one.title}: {field.missing[one.title]}")
        own = field.contenders[0].name
        return {
            "threads": rounds.threads,
            "tokens": tokens,
            "multiply_accumulates": field.model.multiply_accumulates(tokens),
            "latency": {name: summarize(found, turns[own]) for name, found in turns.items()},
            "digests": {
                name: sorted({turn.digest for turn in found if turn.digest})
                for name, found in turns.items() if any(turn.digest for turn in found)
            },
        }

    def run(self):
        options = self.options
        fields = [self.prepare(name) for name in options.model]
        if options.prepare:
            note(f"all is ready in {self.environment.folder}")
            return
        result = {
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "host": self.host,
            "variables": [f"{name}={os.environ[name]}" for name in VARIABLES if name in os.environ],
            "threads": options.threads,
            "rounds": options.rounds,
            "milliseconds": options.milliseconds,
            "starts": options.starts,
            "start_tokens": START_TOKENS,
            "seed": options.seed,
        }
        progress = Progress(sum(self.expected_seconds(field) for field in fields))
        load = host.Load()
        result["models"] = [self.measure(field, progress) for field in fields]
        result["load"] = load.measured()
        progress.end()
        contenders = {one.name: one for field in fields for one in field.contenders}
        result["versions"] = host.versions(contenders.values(), self.environment)
        if options.json:
            document = report.json_document(result)
            options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        if options.markdown:
            options.markdown.write_text(markdown.document(result))
        sys.stdout.write(report.text(result))


def main():
    options = parse_arguments(sys.argv[1:])
    try:
        Program(options).run()
    except (Missing, WorkerFailed, OSError) as reason:
        note(reason)
        sys.exit(1)
    except subprocess.CalledProcessError as failure:
        note(f"{failure.cmd[0]} ended with status {failure.returncode}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
