"""The virtual environment with the peers, and the libraries that are built from source."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
OUT = ROOT / ".build" / "bench"
REQUIREMENTS = FOLDER / "requirements.txt"

LLAMA_FLAGS = {
    "native": ["-DGGML_NATIVE=ON"],
    "avx2": ["-DGGML_NATIVE=OFF"]
    + [f"-DGGML_{name}=ON" for name in ("SSE42", "AVX", "AVX2", "FMA", "F16C", "BMI2")],
}


class Missing(Exception):
    """Why a peer cannot be measured, one line."""


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def run(command, reason, log, environment=None):
    """Runs a command with its output in a log file; `Missing` with `reason` where it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a") as output:
        status = subprocess.run(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=os.environ | (environment or {}),
            cwd=ROOT,
        ).returncode
    if status != 0:
        raise Missing(f"{reason} failed with status {status}, see {log.relative_to(ROOT)}")


def pinned_version(package):
    for line in REQUIREMENTS.read_text().splitlines():
        name, _, version = line.partition("==")
        if name == package:
            return version
    raise Missing(f"{package} is not in {REQUIREMENTS.relative_to(ROOT)}")


def digest(*files):
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()


class Environment:
    """A virtual environment in `.build/bench/venv`, filled as peers need it."""

    def __init__(self):
        self.folder = OUT / "venv"
        self.python = self.folder / "bin" / "python"
        self.log = OUT / "logs" / "install.log"

    def create(self):
        """Ends the program where there is no Python that can do it."""
        if sys.version_info < (3, 11):
            sys.exit("bench: Python 3.11 or later is needed for the pinned packages")
        if self.python.exists():
            return
        note("making .build/bench/venv")
        made = subprocess.run([sys.executable, "-m", "venv", self.folder], capture_output=True)
        if made.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            sys.exit(
                "bench: this Python cannot make virtual environments; on Debian install "
                "python3-venv and run tools/bench again"
            )

    def install(self, packages):
        """Installs packages in their pinned versions, all that they bring along pinned too."""
        stamp = self.folder / "installed.json"
        key = digest(REQUIREMENTS)
        known = json.loads(stamp.read_text()) if stamp.exists() else {}
        done = set(known.get(key, []))
        wanted = [package for package in packages if package not in done]
        if not wanted:
            return
        note(f"installing {', '.join(wanted)}")
        command = [self.python, "-m", "pip", "install", "--disable-pip-version-check"]
        pins = [f"{package}=={pinned_version(package)}" for package in wanted]
        run([*command, "-c", self._constraints(), *pins], "pip install", self.log)
        stamp.write_text(json.dumps({key: sorted(done | set(wanted))}))

    def _constraints(self):
        # llama-cpp-python has no wheels; it is installed from its source on its own.
        path = self.folder / "constraints.txt"
        lines = REQUIREMENTS.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if not line.startswith("llama-cpp-python")))
        return path

    def versions(self):
        """The installed packages with their versions."""
        code = (
            "import json, importlib.metadata as m; "
            "print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version "
            "for d in m.distributions()}))"
        )
        answer = subprocess.run([self.python, "-c", code], capture_output=True, text=True)
        return json.loads(answer.stdout) if answer.returncode == 0 else {}

    def llama_library(self, variant):
        """Builds llama.cpp from the source that llama-cpp-python ships, and its bindings once.

        Returns the folder with the libraries.
        """
        self.install(["cmake", "ninja", "scikit_build_core", "numpy"])
        self.install(["diskcache", "typing_extensions", "Jinja2"])
        libraries = OUT / "llama" / variant / "bin"
        stamp = OUT / "llama" / variant / "complete"
        version = pinned_version("llama-cpp-python")
        key = " ".join([version, *LLAMA_FLAGS[variant]])
        path = f"{self.folder / 'bin'}:{os.environ.get('PATH', '')}"
        source = self._llama_source(version, path)
        if stamp.exists() and stamp.read_text() == key:
            return libraries
        note(f"building llama.cpp ({variant}), several minutes")
        log = OUT / "logs" / f"llama-{variant}.log"
        off = ["COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER", "APP"]
        cmake = self.folder / "bin" / "cmake"
        shutil.rmtree(OUT / "llama" / variant, ignore_errors=True)
        configure = [
            *(cmake, "-G", "Ninja", "-S", source / "vendor" / "llama.cpp", "-B", libraries.parent),
            *("-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON"),
            *(f"-DLLAMA_BUILD_{name}=OFF" for name in off),
            *LLAMA_FLAGS[variant],
        ]
        run(configure, "cmake", log, {"PATH": path})
        build = [cmake, "--build", libraries.parent, "--target", "llama"]
        run([*build, "-j", str(os.cpu_count())], "the build of llama.cpp", log, {"PATH": path})
        stamp.write_text(key)
        return libraries

    def _llama_source(self, version, path):
        """Unpacks the source distribution and installs its Python part without a library."""
        source = OUT / "llama" / f"llama_cpp_python-{version}"
        stamp = source / "complete"
        pip = [self.python, "-m", "pip", "--disable-pip-version-check"]
        common = ["--no-deps", "--no-build-isolation", "--no-binary", "llama-cpp-python"]
        environment = {"PATH": path, "CMAKE_ARGS": "-DLLAMA_BUILD=OFF -DLLAVA_BUILD=OFF"}
        if not stamp.exists():
            note(f"fetching the source of llama-cpp-python {version}")
            source.parent.mkdir(parents=True, exist_ok=True)
            fetch = ["download", *common, "-d", source.parent, f"llama-cpp-python=={version}"]
            run([*pip, *fetch], "pip download", self.log, environment)
            archive = source.parent / f"{source.name}.tar.gz"
            with tarfile.open(archive) as files:
                files.extractall(source.parent, filter="data")
            run([*pip, "install", *common, archive], "pip install", self.log, environment)
            stamp.touch()
        return source
