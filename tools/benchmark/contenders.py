"""Who is measured."""

import json
import os
import subprocess
from dataclasses import dataclass, field

from benchmark.environment import OUT, ROOT, Missing
from benchmark.inputs import token_ids
from benchmark.models import byte_count
from benchmark.workers import timed_answer

CONVERSION = ("torch", "transformers", "tokenizers", "safetensors", "numpy")
EXPORT = (*CONVERSION, "onnx", "onnxruntime")


@dataclass(frozen=True)
class Peer:
    """Another runtime: what it needs, and how its model is made."""

    name: str
    title: str
    # The package whose version is named.
    package: str
    # The module in `benchmark.runtimes`.
    runtime: str
    packages: tuple
    # The conversions, the last of which makes its model; none: it loads the checkpoint.
    steps: tuple
    environment: dict = field(default_factory=dict)
    # The build of llama.cpp that it uses.
    llama: str | None = None


PEERS = [
    Peer(
        "openvino", "OpenVINO int8 (NNCF)", "openvino", "openvino",
        (*EXPORT, "openvino", "nncf"), ("onnx-float", "openvino-int8"),
    ),
    Peer(
        "onnxruntime", "ONNX Runtime int8", "onnxruntime", "onnx",
        EXPORT, ("onnx-float", "onnx-int8"),
    ),
    Peer(
        "ctranslate2", "CTranslate2 int8", "ctranslate2", "ctranslate2",
        (*CONVERSION, "ctranslate2"), ("ctranslate2-int8",),
    ),
    Peer(
        "llama", "llama.cpp Q8_0", "llama-cpp-python", "llama",
        ("numpy", "safetensors", "gguf"), ("gguf-q8-0",), llama="native",
    ),
    Peer("pytorch", "PyTorch int8 dynamic", "torch", "pytorch", CONVERSION, ()),
    Peer(
        "onnxruntime-float", "ONNX Runtime float32", "onnxruntime", "onnx",
        EXPORT, ("onnx-float",),
    ),
    Peer(
        "llama-avx2", "llama.cpp Q8_0, AVX2", "llama-cpp-python", "llama",
        ("numpy", "safetensors", "gguf"), ("gguf-q8-0",), llama="avx2",
    ),
]
# For comparisons with ATTENUATE_ISA=avx2; on request only.
ON_REQUEST = ("llama-avx2",)


class PeerContender:
    """A peer with its model, ready to be started."""

    def __init__(self, peer, model, environment):
        """Installs and converts what is missing. Throws `Missing`."""
        self.name = peer.name
        self.title = peer.title
        self.peer = peer
        environment.install(peer.packages)
        self.environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")} | peer.environment
        if peer.llama:
            self.environment["LLAMA_CPP_LIB_PATH"] = str(environment.llama_library(peer.llama))
        folder = model.prepare(peer.steps)
        self.byte_count = byte_count(folder)
        self._command = [
            str(environment.python), "-m", "benchmark.serve", peer.runtime, str(folder),
        ]

    def serve_command(self, threads):
        return [*self._command, str(threads)]

    def start(self, threads, tokens):
        """Milliseconds and bytes that one start in a new process takes."""
        answer, wall = timed_answer(
            [*self.serve_command(threads), "--start", str(tokens)], self.environment
        )
        return answer | {"wall_ms": wall}

    def embeddings(self, worker, inputs):
        return [
            worker.ask("embed " + ",".join(str(token) for token in ids), 0)["embedding"]
            for ids in inputs
        ]


class OwnContender:
    """Attenuate with one container."""

    def __init__(self, name, container, programs):
        self.name = name
        self.container = container
        self.run_edge = str(programs / "run-edge")
        self.environment = dict(os.environ)
        self.byte_count = container.stat().st_size
        self.isa = json.loads(self._output(self._bench(1, 1)))["isa"]
        self.title = f"Attenuate, {container.stem}, {self.isa}"

    def _bench(self, threads, tokens):
        options = ["--lengths", tokens, "--seconds", 0, "--threads", threads, "--json"]
        return ["bench", self.container, *options]

    def _output(self, arguments, text=None):
        answer = subprocess.run(
            [self.run_edge, *(str(part) for part in arguments)],
            input=text, capture_output=True, text=True,
        )
        if answer.returncode != 0:
            raise Missing(answer.stderr.strip().splitlines()[-1])
        return answer.stdout

    def serve_command(self, threads):
        return [self.run_edge, "bench", str(self.container), "--serve", "--threads", str(threads)]

    def start(self, threads, tokens):
        bench = json.loads(self._output(self._bench(threads, tokens)))
        ids = ",".join(str(token) for token in token_ids(tokens))
        _, wall = timed_answer(
            [self.run_edge, str(self.container), "--ids", ids, "--threads", str(threads), "--json"],
            self.environment,
        )
        return {
            "import_ms": 0.0, "load_ms": bench["load_ms"], "first_ms": bench["first_ms"],
            "rss_bytes": bench["rss_bytes"], "wall_ms": wall,
        }

    def embeddings(self, worker, inputs):
        lines = "".join(json.dumps({"ids": ids}) + "\n" for ids in inputs)
        answers = self._output([self.container, "--input", "-", "--threads", 1], lines)
        return [json.loads(line)["embedding"] for line in answers.splitlines()]


def compressed(model, programs):
    """Compresses the checkpoint with today's `compress`; the container."""
    container = OUT / model.name / "int8.atn"
    subprocess.run(
        [programs / "compress", model.checkpoint, "-o", container],
        check=True, stdout=subprocess.DEVNULL,
    )
    return container
