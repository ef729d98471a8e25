"""The other runtimes."""

import os
from dataclasses import dataclass

from benchmark.environment import ROOT, pinned_version
from benchmark.models import CONVERSION, byte_count
from benchmark.workers import timed_answer

EXPORT = (*CONVERSION, "onnx", "onnxruntime")


@dataclass(frozen=True)
class Peer:
    """Another runtime: what it needs, and how its model is made."""

    name: str
    # With the version in place of `{}`.
    label: str
    # The package whose version is named.
    package: str
    # The module in `benchmark.runtimes`.
    runtime: str
    packages: tuple
    # The conversions, the last of which makes its model; none: it loads the checkpoint.
    steps: tuple
    # The build of llama.cpp that it uses.
    llama: str | None = None
    # False where another peer has the same ones.
    has_embeddings: bool = True

    @property
    def title(self):
        version = pinned_version(self.package)
        # llama.cpp is in the third number of its bindings, the others mend faults there.
        return self.label.format(version if self.llama else ".".join(version.split(".")[:2]))


PEERS = [
    Peer(
        "openvino", "OpenVINO {} (NNCF)", "openvino", "openvino",
        (*EXPORT, "openvino", "nncf"), ("onnx-float", "openvino-int8"),
    ),
    Peer(
        "openvino-fixed", "OpenVINO {}, compiled for one length", "openvino", "openvino_fixed",
        (*EXPORT, "openvino", "nncf"), ("onnx-float", "openvino-int8"), has_embeddings=False,
    ),
    Peer(
        "onnxruntime", "ONNX Runtime {}, dynamic, per channel", "onnxruntime", "onnx",
        EXPORT, ("onnx-float", "onnx-int8"),
    ),
    Peer(
        "ctranslate2", "CTranslate2 {}", "ctranslate2", "ctranslate2",
        (*CONVERSION, "ctranslate2"), ("ctranslate2-int8",),
    ),
    Peer(
        "llama", "llama.cpp Q8_0 (Python {})", "llama-cpp-python", "llama",
        ("numpy", "safetensors", "gguf"), ("gguf-q8-0",), llama="native",
    ),
    Peer("pytorch", "PyTorch {}, dynamic, per channel", "torch", "pytorch", CONVERSION, ()),
    Peer(
        "onnxruntime-float", "ONNX Runtime {}, float32", "onnxruntime", "onnx",
        EXPORT, ("onnx-float",),
    ),
    Peer(
        "llama-avx2", "llama.cpp Q8_0 (Python {}), AVX2", "llama-cpp-python", "llama",
        ("numpy", "safetensors", "gguf"), ("gguf-q8-0",), llama="avx2",
    ),
]
# On request only: another precision, and a comparison with ATTENUATE_ISA=avx2.
ON_REQUEST = ("onnxruntime-float", "llama-avx2")


class PeerContender:
    """A peer with its model, ready to be started."""

    is_own = False

    def __init__(self, peer, model, environment):
        """Installs and converts what is missing. Throws `Missing`."""
        self.name = peer.name
        self.title = peer.title
        self.peer = peer
        environment.install(peer.packages)
        self.environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
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
            [*self.serve_command(threads), "--start", str(tokens)], self.environment, threads
        )
        return answer | {"wall_ms": wall}

    def embeddings(self, worker, inputs):
        if not self.peer.has_embeddings:
            return None
        return [
            worker.ask("embed " + ",".join(str(token) for token in ids), 0)["embedding"]
            for ids in inputs
        ]
