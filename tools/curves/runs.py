"""Runs of `compress` and `run-edge` on one model, for the programs that print curves."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def add_arguments(parser):
    """What every curve is drawn from."""
    parser.add_argument("checkpoint")
    parser.add_argument("calibration", help="texts that the passes see")
    parser.add_argument("evaluation", help="texts that only the accuracy is measured on")
    parser.add_argument("--programs", type=Path, default=ROOT / ".build" / "release",
                        help="folder of compress and run-edge; default: this repository's release build")


def program(options, name):
    path = options.programs / name
    if not path.is_file():
        sys.exit(f"{Path(sys.argv[0]).name}: no {path}; build it with: swift build -c release")
    return path


def compress(options, passes, container, evaluates=True):
    """Compresses the checkpoint with a recipe of these passes.

    Returns what `compress` says of itself.
    """
    recipe = Path(container).with_suffix(".json")
    recipe.write_text(json.dumps({"passes": passes}), encoding="utf-8")
    command = [program(options, "compress"), options.checkpoint, "-o", container]
    command += ["--recipe", recipe, "--calibration", options.calibration, "--json"]
    if evaluates:
        command += ["--eval", options.evaluation]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    # 1: some lines of the data were left out, which stands on standard error.
    if run.returncode not in (0, 1) or not run.stdout:
        sys.exit(run.returncode or 3)
    return json.loads(run.stdout)


def share(found, expected):
    """The share of the labels that are the expected ones."""
    return sum(a == b for a, b in zip(found, expected)) / max(1, len(expected))


def true_labels(options):
    lines = Path(options.evaluation).read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["label"] for line in lines if line.strip()]


def found_labels(options, container):
    """What the container says of each line of the evaluation."""
    command = [program(options, "run-edge"), container, "--input", options.evaluation]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode != 0:
        sys.exit(run.returncode)
    found = [json.loads(line).get("label") for line in run.stdout.splitlines()]
    expected = len(true_labels(options))
    if len(found) != expected:
        sys.exit(f"{options.evaluation}: {expected} labels, but {len(found)} answers")
    return found
