"""Writes Tests/Fixtures/elementary/functions.json: GELU and softmax as mpmath computes them.

    python tools/make_reference_elementary.py

Inputs are float32, results double, exact to the last bit or two. GELU is sampled where its
approximations change, close to 0, and all over −7 … 7; softmax in rows around the lengths of vectors.
"""

import json
from pathlib import Path

import mpmath
import numpy

FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "elementary"
single = numpy.float32


def gelu(x):
    return mpmath.mpf(float(x)) / 2 * mpmath.erfc(-mpmath.mpf(float(x)) / mpmath.sqrt(2))


def softmax(row):
    powers = [mpmath.exp(mpmath.mpf(float(x))) for x in row]
    total = mpmath.fsum(powers)
    return [float(power / total) for power in powers]


def main():
    mpmath.mp.dps = 40
    random = numpy.random.default_rng(20261130)
    edges = [0.84375, 1.25, 1 / 0.35, 6]
    inputs = [0.0, 1e-30, 1e-6, 0.01, 9.0, 20.0, 1e4]
    for edge in edges:
        nearest = single(edge * 2**0.5)
        inputs += [numpy.nextafter(nearest, single(0)), nearest, numpy.nextafter(nearest, single(9))]
    inputs += list(numpy.linspace(0, 7, 150))
    inputs = numpy.array(sorted({abs(float(single(x))) for x in inputs}), single)
    inputs = numpy.concatenate([-inputs[:0:-1], inputs])
    rows = []
    for count, width in [(1, 1), (5, 2), (15, 1), (16, 10), (17, 3), (33, 30), (50, 100)]:
        row = random.uniform(-width, width, count).astype(single)
        rows.append({"input": [float(x) for x in row], "output": softmax(row)})
    FOLDER.mkdir(parents=True, exist_ok=True)
    content = {
        "gelu": {
            "input": [float(x) for x in inputs], "output": [float(gelu(x)) for x in inputs]
        },
        "softmax": rows,
    }
    (FOLDER / "functions.json").write_text(json.dumps(content, indent=None) + "\n")


if __name__ == "__main__":
    main()
