"""Writes Tests/Fixtures/low-rank/low-rank.json: factorized matrices, computed with numpy.

    python tools/make_reference_low_rank.py

A product is whitened as Wang et al. 2024 (SVD-LLM) do it, with the inverse of the Cholesky factor;
the table is decomposed directly. Numbers are float32 where the package reads them as weights and
activations, float64 where it computes in double.
"""

import json
from pathlib import Path

import numpy

FILE = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "low-rank" / "low-rank.json"
DAMPING = 0.001


def product(generator, outputs, inputs, rows, rank):
    # Inputs that vary together, around a mean that is not 0.
    mixing = generator.normal(size=(inputs, inputs)) * numpy.logspace(0, -1.5, inputs)
    x = (generator.normal(size=(rows, inputs)) @ mixing.T + 0.5).astype(numpy.float32)
    weight = generator.normal(size=(outputs, inputs)).astype(numpy.float32)
    bias = generator.normal(size=outputs).astype(numpy.float32)
    w = weight.astype(numpy.float64)
    centred = x.astype(numpy.float64) - x.astype(numpy.float64).mean(axis=0)
    moments = centred.T @ centred
    moments += DAMPING * numpy.mean(numpy.diag(moments)) * numpy.eye(inputs)
    lower = numpy.linalg.cholesky(moments)
    u, sigma, vt = numpy.linalg.svd(w @ lower, full_matrices=False)
    outer = u[:, :rank] * numpy.sqrt(sigma[:rank])
    inner = numpy.linalg.solve(lower.T, (numpy.sqrt(sigma[:rank])[:, None] * vt[:rank]).T).T
    difference = w - outer @ inner
    damped = numpy.trace(difference @ moments @ difference.T)
    assert abs(damped / numpy.sum(sigma[rank:] ** 2) - 1) < 1e-9
    mean = x.astype(numpy.float64).mean(axis=0)
    return {
        "input": x.tolist(),
        "weight": weight.tolist(),
        "bias": bias.tolist(),
        "moments": moments.tolist(),
        "rank": rank,
        "singular_values": sigma.tolist(),
        "product": (outer @ inner).tolist(),
        # Both factors have these lengths.
        "outer_norms": numpy.linalg.norm(outer, axis=0).tolist(),
        "inner_norms": numpy.linalg.norm(inner, axis=1).tolist(),
        "fitted_bias": (w @ mean + bias - outer @ inner @ mean).tolist(),
        "lost_energy": float(damped),
        "output_error": float(numpy.sum((centred @ difference.T) ** 2)),
    }


def table(generator, rows, columns, rank):
    values = generator.normal(size=(rows, columns)) * numpy.logspace(0, -1, columns)
    values = (values @ generator.normal(size=(columns, columns))).astype(numpy.float32)
    u, sigma, vt = numpy.linalg.svd(values.astype(numpy.float64), full_matrices=False)
    return {
        "table": values.tolist(),
        "rank": rank,
        "singular_values": sigma.tolist(),
        "product": (u[:, :rank] * sigma[:rank] @ vt[:rank]).tolist(),
        "weight_norms": numpy.sqrt(sigma[:rank]).tolist(),
    }


def main():
    generator = numpy.random.default_rng(20261121)
    cases = {
        "products": [product(generator, 7, 5, 40, 2), product(generator, 6, 9, 64, 3)],
        "tables": [table(generator, 30, 6, 2), table(generator, 9, 8, 5)],
    }
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
