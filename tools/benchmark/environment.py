"""The folder with the virtual environment, the libraries built from source and the conversions.

Nothing that is complete in it depends on where it lies, so it can be moved.
"""

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
REQUIREMENTS = FOLDER / "requirements.txt"

LLAMA_FLAGS = {
    "native": ["-DGGML_NATIVE=ON"],
    "avx2": ["-DGGML_NATIVE=OFF"]
    + [f"-DGGML_{name}=ON" for name in ("SSE42", "AVX", "AVX2", "FMA", "F16C", "BMI2")],
}
# The libraries find each other wherever their folder is.
LLAMA_COMMON = ["-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON"] + [
    "-DCMAKE_BUILD_RPATH_USE_ORIGIN=ON", "-DGGML_CCACHE=OFF"
] + [
    f"-DLLAMA_BUILD_{name}=OFF"
    for name in ("COMMON", "TESTS", "TOOLS", "EXAMPLES", "SERVER", "APP")
]


class Missing(Exception):
    """Why a peer cannot be measured, one line."""


def note(text):
    # Over a line of progress.
    begin = "\r\033[K" if sys.stderr.isatty() else ""
    print(f"{begin}bench: {text}", file=sys.stderr, flush=True)


def shown(path):
    """A path as a person wants to read it."""
    path = Path(path)
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def run(command, reason, log, environment=None):
    """Runs a command with its output in a log file; `Missing` with `reason` where it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        begin = output.tell()
        status = subprocess.run(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env=os.environ | (environment or {}),
            cwd=ROOT,
        ).returncode
    if status == 0:
        return
    with open(log, "rb") as output:
        output.seek(begin)
        lines = output.read().decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    last = f" ({said[-1][:160]})" if said else ""
    raise Missing(f"{reason} failed with status {status}{last}, see {shown(log)}")


def pinned_version(package):
    for line in REQUIREMENTS.read_text().splitlines():
        name, _, version = line.partition("==")
        if name == package:
            return version
    raise Missing(f"{package} is not in {shown(REQUIREMENTS)}")


def digest(*files):
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()


class Environment:
    """The folder; its virtual environment is filled as peers need it."""

    def __init__(self, folder):
        # The parts are named by absolute paths, as programs run in other folders.
        self.folder = folder.absolute()
        self.venv = self.folder / "venv"
        self.python = self.venv / "bin" / "python"
        self.log = self.folder / "logs" / "install.log"

    def _create(self):
        """Ends the program where there is no Python that can do it."""
        if sys.version_info < (3, 11):
            sys.exit("bench: Python 3.11 or later is needed for the pinned packages")
        if self.python.exists():
            return
        note(f"making {shown(self.venv)}")
        shutil.rmtree(self.venv, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", self.venv], capture_output=True)
        if made.returncode != 0:
            shutil.rmtree(self.venv, ignore_errors=True)
            sys.exit(
                "bench: this Python cannot make virtual environments; on Debian install "
                "python3-venv and run tools/bench again"
            )

    def install(self, packages):
        """Installs packages in their pinned versions, all that they bring along pinned too."""
        wanted = [package for package in packages if not self._is_installed(package)]
        if not wanted:
            return
        self._create()
        note(f"installing {', '.join(wanted)}")
        # llama-cpp-python has no wheels; it is installed from its source on its own.
        constraints = self.venv / "constraints.txt"
        lines = REQUIREMENTS.read_text().splitlines(keepends=True)
        pins = "".join(line for line in lines if not line.startswith("llama-cpp-python"))
        constraints.write_text(pins)
        self._pip(
            ["install", "-c", constraints]
            + [f"{package}=={pinned_version(package)}" for package in wanted]
        )
        self._note_installed(wanted)

    def _pip(self, arguments, environment=None):
        # As a module: the program `pip` knows the folder that it was installed in.
        command = [self.python, "-m", "pip", "--disable-pip-version-check", *arguments]
        run(command, f"pip {arguments[0]}", self.log, environment)

    @property
    def _installed(self):
        return self.venv / "installed.json"

    def _is_installed(self, package):
        if not self._installed.exists():
            return False
        known = json.loads(self._installed.read_text())
        return package in known.get(digest(REQUIREMENTS), [])

    def _note_installed(self, packages):
        key = digest(REQUIREMENTS)
        known = json.loads(self._installed.read_text()) if self._installed.exists() else {}
        self._installed.write_text(json.dumps({key: sorted({*known.get(key, []), *packages})}))

    def versions(self):
        """The installed packages with their versions."""
        if not self.python.exists():
            return {}
        code = (
            "import json, importlib.metadata as m; "
            "print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version "
            "for d in m.distributions()}))"
        )
        answer = subprocess.run([self.python, "-c", code], capture_output=True, text=True)
        return json.loads(answer.stdout) if answer.returncode == 0 else {}

    def llama_library(self, variant):
        """Builds llama.cpp from the source that llama-cpp-python ships, and its bindings once.

        Returns the folder with the libraries. A build that was interrupted goes on where it was.
        """
        self.install(["cmake", "ninja", "scikit_build_core", "numpy"])
        self.install(["diskcache", "typing_extensions", "Jinja2"])
        version = pinned_version("llama-cpp-python")
        # For ninja, which is a binary there.
        path = {"PATH": f"{self.venv / 'bin'}:{os.environ.get('PATH', '')}"}
        source = self._llama_source(version, path)
        folder = self.folder / "llama" / variant
        complete, begun = folder / "complete", folder / "begun"
        key = " ".join([version, *LLAMA_COMMON, *LLAMA_FLAGS[variant]])
        if complete.exists() and complete.read_text() == key:
            return folder / "bin"
        # What CMake notes of a build holds for one place only.
        place = f"{key}\n{folder}"
        if not (begun.exists() and begun.read_text() == place):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            begun.write_text(place)
        note(f"building llama.cpp ({variant}), some minutes")
        log = self.folder / "logs" / f"llama-{variant}.log"
        cmake = [self.python, "-m", "cmake"]
        configure = [
            *(*cmake, "-G", "Ninja", "-S", source / "vendor" / "llama.cpp", "-B", folder),
            *(*LLAMA_COMMON, *LLAMA_FLAGS[variant]),
        ]
        run(configure, "cmake", log, path)
        jobs = str(len(os.sched_getaffinity(0)))
        build = [*cmake, "--build", folder, "--target", "llama", "-j", jobs]
        run(build, "the build of llama.cpp", log, path)
        complete.write_text(key)
        return folder / "bin"

    def _llama_source(self, version, path):
        """Unpacks the source distribution and installs its Python part without a library."""
        source = self.folder / "llama" / f"llama_cpp_python-{version}"
        stamp = source / "complete"
        archive = source.parent / f"{source.name}.tar.gz"
        common = ["--no-deps", "--no-build-isolation", "--no-binary", "llama-cpp-python"]
        environment = path | {"CMAKE_ARGS": "-DLLAMA_BUILD=OFF -DLLAVA_BUILD=OFF"}
        if not stamp.exists():
            note(f"fetching the source of llama-cpp-python {version}")
            source.parent.mkdir(parents=True, exist_ok=True)
            fetch = ["download", *common, "-d", source.parent, f"llama-cpp-python=={version}"]
            self._pip(fetch, environment)
            shutil.rmtree(source, ignore_errors=True)
            with tarfile.open(archive) as files:
                files.extractall(source.parent, filter="data")
            stamp.touch()
        if not self._is_installed("llama-cpp-python"):
            self._pip(["install", *common, archive], environment)
            self._note_installed(["llama-cpp-python"])
        return source
