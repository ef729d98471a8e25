"""The checkpoints, and what is made from them once and kept in the environment's folder."""

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass

from benchmark.environment import FOLDER, REQUIREMENTS, ROOT, digest, note, run

MAXIMUM_TOKENS = 512
# Packages that every conversion of a checkpoint needs.
CONVERSION = ("torch", "transformers", "tokenizers", "safetensors", "numpy")


@dataclass(frozen=True)
class Contest:
    """What is measured of a model."""

    title: str
    lengths: tuple
    # How many sentences the embeddings are compared on: with random weights only to see that
    # everybody computes the same model.
    sentence_count: int


CONTESTS = {
    "minilm": Contest("all-MiniLM-L6-v2", (16, 64, 128, 256, 512), 128),
    "bert-base": Contest("BERT-base shape (12 × 768), random weights", (128,), 8),
}


class Model:
    """A checkpoint by name and the folder with its conversions."""

    def __init__(self, name, environment):
        self.name = name
        self.contest = CONTESTS[name]
        self.folder = environment.folder / name
        self.checkpoint = self.folder / "checkpoint"
        self.environment = environment

    def fetch(self):
        """Makes the checkpoint folder, with a limit that lets every length run."""
        fetched = subprocess.run(
            [ROOT / "tools" / "fetch-minilm"], stdout=subprocess.PIPE, text=True, check=True
        )
        minilm = ROOT / fetched.stdout.strip().splitlines()[-1]
        if self.name == "minilm":
            self.checkpoint.mkdir(parents=True, exist_ok=True)
            shutil.copytree(minilm, self.checkpoint, dirs_exist_ok=True)
        elif not self._is_complete("checkpoint", self._checkpoint_key()):
            note("generating the weights of BERT-base")
            self.environment.install(CONVERSION)
            shutil.rmtree(self.checkpoint, ignore_errors=True)
            arguments = [minilm, self.checkpoint]
            self._step("checkpoint", "bert_base", self._checkpoint_key(), arguments)
        limits = self.checkpoint / "sentence_bert_config.json"
        settings = json.loads(limits.read_text()) | {"max_seq_length": MAXIMUM_TOKENS}
        limits.write_text(json.dumps(settings) + "\n")

    def prepare(self, steps):
        """Runs those of the conversions that were not made yet; the last one's folder."""
        folder, key = self.checkpoint, self._checkpoint_key()
        for step in steps:
            folder = self.folder / step
            key = self._key_after(key, step)
            if self._is_complete(step, key):
                continue
            note(f"{self.name}: {step}")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._step(step, step.replace("-", "_"), key, [self.checkpoint, folder])
        return folder

    def reference(self):
        """The token ids of sentences and their embeddings in float32, from PyTorch."""
        self.environment.install(CONVERSION)
        folder = self.prepare(["reference"])
        cases = json.loads((folder / "reference.json").read_text())
        return cases[: self.contest.sentence_count]

    def has_reference(self):
        """Whether they are there already."""
        key = self._key_after(self._checkpoint_key(), "reference")
        return self._is_complete("reference", key)

    def multiply_accumulates(self, tokens):
        """How many of them the matrix products of one run need."""
        settings = json.loads((self.checkpoint / "config.json").read_text())
        hidden, inner = settings["hidden_size"], settings["intermediate_size"]
        linear = 4 * hidden * hidden + 2 * hidden * inner
        attention = 2 * hidden * tokens
        return settings["num_hidden_layers"] * (linear + attention) * tokens

    def _checkpoint_key(self):
        return self._key("bert_base") if self.name == "bert-base" else ""

    def _key_after(self, key, step):
        # Each conversion builds on those before it.
        parts = key + self._key(step.replace("-", "_"), "texts")
        return hashlib.sha256(parts.encode()).hexdigest()

    def _key(self, *scripts):
        return digest(REQUIREMENTS, *(FOLDER / "prepare" / f"{name}.py" for name in scripts))

    def _stamp(self, step):
        return self.folder / f"{step}.complete"

    def _is_complete(self, step, key):
        stamp = self._stamp(step)
        return stamp.exists() and stamp.read_text() == key

    def _step(self, step, script, key, arguments):
        command = [self.environment.python, "-m", f"benchmark.prepare.{script}", *arguments]
        log = self.environment.folder / "logs" / f"{self.name}-{step}.log"
        self._stamp(step).unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        run(command, f"conversion '{step}'", log, {"PYTHONPATH": str(ROOT / "tools")})
        self._stamp(step).write_text(key)


def byte_count(folder):
    """The size of a model in bytes: of all files that a runtime loads."""
    names = [path for path in folder.iterdir() if path.is_file()]
    weights = [path for path in names if path.suffix == ".safetensors"]
    return sum(path.stat().st_size for path in weights or names)
