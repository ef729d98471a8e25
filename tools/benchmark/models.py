"""The checkpoints, and what is made from them once and kept in `.build/bench`."""

import json
import shutil
import subprocess

from benchmark.environment import FOLDER, OUT, REQUIREMENTS, ROOT, digest, note, run

MAXIMUM_TOKENS = 512
LENGTHS = {"minilm": [16, 64, 128, 256, 512], "bert-base": [128]}
TITLES = {
    "minilm": "all-MiniLM-L6-v2",
    "bert-base": "BERT-base shape, random weights",
}


class Model:
    """A checkpoint by name and the folder with its conversions."""

    def __init__(self, name, environment):
        self.name = name
        self.title = TITLES[name]
        self.folder = OUT / name
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
        elif not self._is_complete("checkpoint", "bert_base"):
            note("generating the weights of BERT-base")
            self.environment.install(["numpy", "safetensors"])
            self._step("checkpoint", "bert_base", [minilm, self.checkpoint])
        limits = self.checkpoint / "sentence_bert_config.json"
        settings = json.loads(limits.read_text()) | {"max_seq_length": MAXIMUM_TOKENS}
        limits.write_text(json.dumps(settings) + "\n")

    def prepare(self, steps):
        """Runs those of the conversions that were not made yet; the last one's folder."""
        folder = self.checkpoint
        for step in steps:
            folder = self.folder / step
            script = step.replace("-", "_")
            if self._is_complete(step, script):
                continue
            note(f"{self.name}: {step}")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._step(step, script, [self.checkpoint, folder])
        return folder

    def reference(self):
        """The token ids of the sentences and their embeddings in float32, from PyTorch."""
        folder = self.prepare(["reference"])
        return json.loads((folder / "reference.json").read_text())

    def _stamp(self, step):
        return self.folder / f"{step}.complete"

    def _key(self, script):
        return digest(FOLDER / "prepare" / f"{script}.py", REQUIREMENTS)

    def _is_complete(self, step, script):
        stamp = self._stamp(step)
        return stamp.exists() and stamp.read_text() == self._key(script)

    def _step(self, step, script, arguments):
        command = [self.environment.python, "-m", f"benchmark.prepare.{script}", *arguments]
        log = OUT / "logs" / f"{self.name}-{step}.log"
        self._stamp(step).unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        run(command, f"conversion '{step}'", log, {"PYTHONPATH": str(ROOT / "tools")})
        self._stamp(step).write_text(self._key(script))


def byte_count(folder):
    """The size of a model in bytes: of all files that a runtime loads."""
    names = [path for path in folder.iterdir() if path.is_file()]
    weights = [path for path in names if path.suffix == ".safetensors"]
    return sum(path.stat().st_size for path in weights or names)
