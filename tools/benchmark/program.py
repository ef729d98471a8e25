"""`tools/bench`."""

import argparse
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmark import host, report
from benchmark.contenders import ON_REQUEST, PEERS, OwnContender, PeerContender, compressed
from benchmark.environment import ROOT, Environment, Missing, note
from benchmark.models import LENGTHS, MAXIMUM_TOKENS, Model
from benchmark.rounds import Rounds, fidelity, starts, summarize
from benchmark.workers import WorkerFailed

START_TOKENS = 128
# Variables that limit what a runtime may use; a report names them.
VARIABLES = (
    "ATTENUATE_ISA", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "CT2_FORCE_CPU_ISA",
    "ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS",
)


def numbers(limit):
    def parse(text):
        values = [int(part) for part in text.split(",")]
        if not all(1 <= value <= limit for value in values):
            raise argparse.ArgumentTypeError(f"numbers are between 1 and {limit}")
        return values

    return parse


def names(known):
    def parse(text):
        values = [part for part in text.split(",") if part]
        for value in values:
            if value not in known:
                raise argparse.ArgumentTypeError(
                    f"unknown name '{value}'; known are {', '.join(known)}"
                )
        return values

    return parse


def count(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


def parse_arguments(arguments):
    peers = [peer.name for peer in PEERS]
    parser = argparse.ArgumentParser(
        prog="tools/bench",
        description="Measures Attenuate and other runtimes in turn, in one run, on the same token "
        "ids. Installs the others from PyPI into .build/bench/venv, converts the model for each "
        "once and keeps all that in .build/bench. Needs Python 3.11, and python3-venv on Debian.",
        epilog="ATTENUATE_ISA=avx2 tools/bench --peers llama-avx2 compares on equal terms with "
        "CPUs without VNNI.",
    )
    parser.add_argument(
        "--model", type=names(list(LENGTHS)), default=["minilm"], metavar="NAMES",
        help=f"{', '.join(LENGTHS)}; default: minilm",
    )
    parser.add_argument(
        "--peers", type=names(peers), default=[peer for peer in peers if peer not in ON_REQUEST],
        metavar="NAMES", help=f"of {', '.join(peers)}; default: all but {', '.join(ON_REQUEST)}",
    )
    parser.add_argument(
        "--lengths", type=numbers(MAXIMUM_TOKENS), metavar="LIST",
        help="tokens; default: 16,64,128,256,512, and 128 for bert-base",
    )
    parser.add_argument(
        "--threads", type=numbers(1024), default=[1, 2], metavar="LIST", help="default: 1,2"
    )
    parser.add_argument(
        "--rounds", type=count, default=15, metavar="N", help="turns of everybody; default: 15"
    )
    parser.add_argument(
        "--milliseconds", type=count, default=300, metavar="N",
        help="how long a turn is, two runs at least; default: 300",
    )
    parser.add_argument(
        "--starts", type=count, default=5, metavar="N",
        help="processes that are started to measure that; default: 5",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the order of turns; default: 1")
    parser.add_argument(
        "--container", type=Path, action="append", default=[], metavar="FILE",
        help="also measure this .atn file; may be given again",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    return parser.parse_args(arguments)


def build():
    """The folder with `run-edge` and `compress`, release build."""
    subprocess.run(["tools/setup"], cwd=ROOT, check=True)
    note("building run-edge and compress")
    command = ["swift", "build", "-c", "release"]
    for product in ("compress", "run-edge"):
        subprocess.run([*command, "--product", product], cwd=ROOT, check=True, stdout=sys.stderr)
    path = subprocess.run(
        [*command, "--show-bin-path"], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    return Path(path.stdout.strip())


class Program:
    def __init__(self, options):
        self.options = options
        # Before building and converting add to the load.
        self.host = host.facts()
        # Reasons by title.
        self.missing = {}
        self.environment = Environment()
        self.programs = build()
        self.environment.create()

    def contenders(self, model):
        """Ours first, then the peers that can be measured."""
        found = [OwnContender("attenuate", compressed(model, self.programs), self.programs)]
        for path in self.options.container:
            found.append(OwnContender(f"attenuate {path}", path, self.programs))
        for peer in PEERS:
            if peer.name not in self.options.peers:
                continue
            try:
                found.append(PeerContender(peer, model, self.environment))
            except Missing as reason:
                note(f"{peer.name} is left out: {reason}")
                self.missing[peer.title] = str(reason)
        return found

    def measure(self, name):
        options = self.options
        model = Model(name, self.environment)
        model.fetch()
        reference = None
        try:
            self.environment.install(["torch", "transformers", "tokenizers"])
            reference = model.reference()
        except Missing as reason:
            self.missing[f"reference embeddings of {name}"] = str(reason)
        contenders = self.contenders(model)
        result = {
            "name": name,
            "title": model.title,
            "contenders": {one.name: one.title for one in contenders},
            "byte_counts": {one.name: one.byte_count for one in contenders},
            "fidelity": {},
            "blocks": [],
        }
        note(f"{name}: starting everybody {options.starts} times")
        result["starts"] = starts(
            contenders, options.threads[0], START_TOKENS, options.starts, options.seed,
            self.missing,
        )
        for threads in options.threads:
            rounds = Rounds(contenders, threads, self.missing)
            try:
                if reference and not result["fidelity"]:
                    inputs = [case["ids"] for case in reference]
                    result["fidelity"] = {
                        name: fidelity(found, reference)
                        for name, found in rounds.embeddings(inputs).items()
                    }
                for tokens in options.lengths or LENGTHS[name]:
                    result["blocks"].append(self.block(rounds, contenders, threads, tokens, name))
            finally:
                rounds.close()
        self.peers = [one for one in contenders if isinstance(one, PeerContender)]
        return result

    def block(self, rounds, contenders, threads, tokens, name):
        options = self.options
        note(f"{name}: {tokens} tokens, {report.thread_text(threads)}")
        times = rounds.measure(tokens, options.rounds, options.milliseconds, options.seed)
        ours = contenders[0].name
        if ours not in times:
            raise Missing(f"run-edge: {self.missing[contenders[0].title]}")
        return {
            "threads": threads,
            "tokens": tokens,
            "peers": [one.name for one in contenders if isinstance(one, PeerContender)],
            "latency": {one: summarize(found, times[ours]) for one, found in times.items()},
        }

    def run(self):
        options = self.options
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
        result["models"] = [self.measure(name) for name in options.model]
        result["versions"] = host.versions(self.peers, self.environment)
        result["missing"] = self.missing
        if options.json:
            document = report.json_document(result)
            options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        if options.markdown:
            options.markdown.write_text(report.markdown(result))
        sys.stdout.write(report.text(result))


def main():
    options = parse_arguments(sys.argv[1:])
    try:
        Program(options).run()
    except (Missing, WorkerFailed) as reason:
        sys.exit(f"bench: {reason}")
    except subprocess.CalledProcessError as failure:
        sys.exit(f"bench: {failure.cmd[0]} ended with status {failure.returncode}")
    except KeyboardInterrupt:
        sys.exit(130)
