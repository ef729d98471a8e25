"""Writes Tests/Fixtures/pruning/reference.json: what numpy prunes from a small matrix.

    python tools/make_reference_pruning.py

Weights and inputs come from a generator that the tests have, too, so that the file holds results
only. Removing one input at a time and eliminating it from the inverse moments is Hassibi and
Stork's surgeon (1992) as it stands there, without the triangular factor that the program uses; the
fit of what is left solves one system of equations per row.
"""

import json
from pathlib import Path

import numpy

FILE = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "pruning" / "reference.json"
ROWS, INPUTS, SAMPLES = 6, 136, 300
SPAN = 128
DAMPING = 0.01
RIDGE = 0.1


def random(shape, seed):
    """Numbers in −1…1, multiples of 2⁻²³."""
    state, values, mask = seed * 0x9E3779B97F4A7C15 & (2**64 - 1), [], 2**64 - 1
    for _ in range(numpy.prod(shape)):
        state = (state * 6364136223846793005 + 1442695040888963407) & mask
        values.append((state >> 40) / 2**23 - 1)
    return numpy.array(values, dtype=numpy.float32).reshape(shape)


def rounded(number):
    return int(numpy.floor(number + 0.5))


def lowest(count, scores):
    """Marks the lowest scores of a vector, the first ones of equals."""
    marks = numpy.zeros(scores.size, dtype=bool)
    marks[numpy.argsort(scores, kind="stable")[:count]] = True
    return marks


def groups(scores, kept, size):
    marks = numpy.zeros(scores.shape, dtype=bool)
    for row in range(scores.shape[0]):
        for first in range(0, scores.shape[1], size):
            group = scores[row, first : first + size]
            marks[row, first : first + size] = lowest(len(group) * (size - kept) // size, group)
    return marks


def by_row(scores, sparsity):
    marks, before = numpy.zeros(scores.shape, dtype=bool), 0
    for row in range(scores.shape[0]):
        until = rounded(sparsity * scores.shape[1] * (row + 1))
        marks[row], before = lowest(until - before, scores[row]), until
    return marks


def surgeon(weights, moments, order, settle, choose=None, unit=1):
    """Settles input after input; `settle(w, i)` is what the weights of input i become.

    `choose(w, pivots, span)` is called before each span and may say what goes.
    """
    weights = weights.astype(numpy.float64)[:, order].copy()
    moments = moments[numpy.ix_(order, order)]
    moments = moments + DAMPING * numpy.mean(numpy.diag(moments)) * numpy.eye(len(order))
    # [H⁻¹]ᵢᵢ once all inputs before i are gone.
    inverse, pivots = numpy.linalg.inv(moments), []
    for index in range(len(order)):
        pivots.append(inverse[index, index])
        inverse = inverse - numpy.outer(inverse[:, index], inverse[index]) / inverse[index, index]
    inverse = numpy.linalg.inv(moments)
    span = SPAN // unit * unit
    for index in range(len(order)):
        if choose and index % span == 0:
            choose(weights, numpy.array(pivots), range(index, min(len(order), index + span)))
        settled = settle(weights, index, numpy.array(pivots))
        loss = weights[:, index] - settled
        weights -= numpy.outer(loss / inverse[index, index], inverse[index])
        weights[:, index] = settled
        inverse = inverse - numpy.outer(inverse[:, index], inverse[index]) / inverse[index, index]
        inverse[index], inverse[:, index] = 0, 0
    result = numpy.empty_like(weights)
    result[:, order] = weights
    return result


def sparsegpt(weights, moments, order, sparsity):
    state = {"removed": 0}

    def choose(w, pivots, span):
        scores = w[:, span] ** 2 / pivots[list(span)]
        until = rounded(sparsity * ROWS * span.stop)
        marks = lowest(until - state["removed"], scores.ravel()).reshape(scores.shape)
        state.update(removed=until, first=span.start, marks=marks)

    def settle(w, index, _):
        return numpy.where(state["marks"][:, index - state["first"]], 0, w[:, index])

    return surgeon(weights, moments, order, settle, choose)


def sparsegpt_groups(weights, moments, kept, size):
    state = {}

    def settle(w, index, pivots):
        if index % size == 0:
            group = slice(index, index + size)
            state["marks"] = groups(w[:, group] ** 2 / pivots[group], kept, size)
        return numpy.where(state["marks"][:, index % size], 0, w[:, index])

    return surgeon(weights, moments, numpy.arange(INPUTS), settle)


def sparsegpt_blocks(weights, moments, rows, columns, sparsity):
    state = {}

    def choose(w, pivots, span):
        scores = w[:, span] ** 2 / pivots[list(span)]
        means = scores.reshape(ROWS // rows, rows, len(span) // columns, columns).mean((1, 3))
        marks = lowest(rounded(sparsity * means.size), means.ravel()).reshape(means.shape)
        state.update(first=span.start, marks=marks.repeat(rows, 0).repeat(columns, 1))

    def settle(w, index, _):
        return numpy.where(state["marks"][:, index - state["first"]], 0, w[:, index])

    return surgeon(weights, moments, numpy.arange(INPUTS), settle, choose, columns)


def codes_keeping_zeros(weights, moments, order, limit):
    scales = numpy.abs(weights).max(1) / limit
    state = {"margin": 1.0}
    codes = numpy.zeros(weights.shape, dtype=int)

    def settle(w, index, _):
        quotient = w[:, index] / scales
        kept = weights[:, order[index]] != 0
        distances = numpy.abs(numpy.abs(quotient - numpy.floor(quotient)) - 0.5)[kept]
        state["margin"] = min([state["margin"], *distances])
        code = numpy.where(kept, numpy.clip(numpy.round(quotient), -limit, limit), 0)
        codes[:, order[index]] = code
        return code * scales

    surgeon(weights, moments, order, settle)
    assert state["margin"] > 2e-5, "a code hangs on the last bits; take another seed"
    return codes


def refit(pruned, moments, cross):
    diagonal = numpy.diag(moments)
    penalties = RIDGE * (diagonal + 0.01 * numpy.sort(diagonal)[INPUTS // 2])
    fitted = numpy.zeros(pruned.shape)
    for row, weights in enumerate(pruned.astype(numpy.float64)):
        kept = numpy.flatnonzero(weights)
        system = moments[numpy.ix_(kept, kept)] + numpy.diag(penalties[kept])
        fitted[row, kept] = numpy.linalg.solve(
            system, cross[row, kept] + penalties[kept] * weights[kept]
        )
    return fitted


def text(marks):
    return ["".join("10"[int(mark)] for mark in row) for row in marks]


def floats(values):
    return [[float(f"{value:.8g}") for value in row] for row in values]


def main():
    weights = random((ROWS, INPUTS), 1)
    noise = random((SAMPLES, INPUTS), 2)
    # Neighbours have much in common.
    inputs = noise + numpy.float32(0.75) * numpy.roll(noise, 1, axis=1)
    target = random((SAMPLES, ROWS), 3) + (inputs @ weights.T).astype(numpy.float32)
    x, t = inputs.astype(numpy.float64), target.astype(numpy.float64)
    x, t = x - x.mean(0), t - t.mean(0)
    moments, cross = x.T @ x, t.T @ x
    order = numpy.argsort(-numpy.diag(moments), kind="stable")
    magnitudes = numpy.abs(weights.astype(numpy.float64))
    norms = numpy.sqrt((inputs.astype(numpy.float64) ** 2).sum(0))

    magnitude = lowest(rounded(0.6 * weights.size), magnitudes.ravel()).reshape(weights.shape)
    wanda = by_row(magnitudes * norms, 0.6)
    result = {
        "magnitude 0.6": text(magnitude),
        "magnitude 2:4": text(groups(magnitudes, 2, 4)),
        "wanda 0.6": text(wanda),
        "wanda 3:5": text(groups(magnitudes * norms, 3, 5)),
        "sparsegpt 0.6": floats(sparsegpt(weights, moments, order, 0.6)),
        "sparsegpt 2:4": floats(sparsegpt_groups(weights, moments, 2, 4)),
        "sparsegpt 2x4 0.5": floats(sparsegpt_blocks(weights, moments, 2, 4, 0.5)),
        "refit": floats(refit(numpy.where(wanda, 0, weights), moments, cross)),
        "codes": codes_keeping_zeros(
            numpy.where(wanda, 0, weights), moments, order, 7
        ).tolist(),
    }
    FILE.parent.mkdir(exist_ok=True)
    lines = [f'"{name}":{json.dumps(value, separators=(",", ":"))}' for name, value in result.items()]
    FILE.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
