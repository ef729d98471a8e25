"""Writes Tests/Fixtures/units/reference.json: what is left of products when groups of inputs leave.

    python tools/make_reference_units.py

Weights and inputs come from a generator that the tests have, too, so that the file holds results
only. Nothing here keeps an inverse up to date: what a set of inputs costs is the least value of

    tr((W' − W) · H · (W' − W)ᵀ),  W' zero outside the set,

found by solving for the columns that stay; the next group to go is the one that makes this least.
Fits with a ridge are one stacked least-squares problem, with an intercept that is not held.
"""

import json
from pathlib import Path

import numpy

FILE = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "units" / "reference.json"
RIDGES = (0.01, 0.03, 0.1, 0.3, 1)
OWN_RIDGE = 0.01
# Choices that hang on less than this could go either way with sums in float32.
MARGIN = 1e-3


def random(shape, seed):
    """Numbers in −1…1, multiples of 2⁻²³."""
    state, values, mask = seed * 0x9E3779B97F4A7C15 & (2**64 - 1), [], 2**64 - 1
    for _ in range(numpy.prod(shape)):
        state = (state * 6364136223846793005 + 1442695040888963407) & mask
        values.append((state >> 40) / 2**23 - 1)
    return numpy.array(values, dtype=numpy.float32).reshape(shape)


# The surgeon


def columns(groups, size):
    return [group * size + place for group in groups for place in range(size)]


def optimum(weights, moments, kept):
    """The best weights with zeros outside `kept`, and what they lose."""
    best = numpy.zeros(weights.shape)
    if kept:
        right = moments[kept] @ weights.T
        best[:, kept] = numpy.linalg.solve(moments[numpy.ix_(kept, kept)], right).T
    change = best - weights
    return best, float(numpy.trace(change @ moments @ change.T))


def losses_without(weights, moments, size, left, candidates):
    """What all have lost when one more candidate is gone."""
    return {
        group: optimum(weights, moments, columns([g for g in left if g != group], size))[1]
        for group in candidates
    }


def level(weights, moments, size, left):
    kept = columns(left, size)
    best, loss = optimum(weights, moments, kept)
    return {"kept": left, "weights": best[:, kept].ravel().tolist(), "loss": loss}


def greedy(weights, moments, size, counts, taking=None):
    """The groups that are left when one after the other goes, at each of `counts`."""
    left, levels = list(range(weights.shape[1] // size)), []
    for count in counts:
        while len(left) > count:
            candidates = [g for g in left if taking is None or g in taking]
            if not candidates:
                break
            losses = losses_without(weights, moments, size, left, candidates)
            order = sorted(candidates, key=losses.get)
            before = optimum(weights, moments, columns(left, size))[1]
            if len(order) > 1:
                first, second = (losses[group] - before for group in order[:2])
                assert second - first > MARGIN * second, "a tie; take another seed"
            left = [group for group in left if group != order[0]]
        levels.append(level(weights, moments, size, left))
    return levels


def at_once(weights, moments, count):
    """Single inputs that go together: those that alone would lose least."""
    everything = list(range(weights.shape[1]))
    losses = losses_without(weights, moments, 1, everything, everything)
    order = sorted(everything, key=losses.get)
    return [level(weights, moments, 1, sorted(order[len(order) - count :]))]


def surgeon():
    weights = random((5, 24), 11).astype(numpy.float64)
    noise = random((60, 24), 12).astype(numpy.float64)
    inputs = noise + 0.75 * numpy.roll(noise, 1, axis=1)
    moments = inputs.T @ inputs + 0.5 * numpy.eye(24)
    small, few = weights[:, :12], moments[:12, :12]
    return {
        "groupsOfFour": greedy(weights, moments, 4, [6, 5, 3, 1, 0]),
        "someGroupsOfFour": greedy(weights, moments, 4, [4, 2, 1], taking={0, 2, 3, 5}),
        "oneByOne": greedy(small, few, 1, list(range(11, -1, -1))),
        "atOnce": at_once(small, few, 5),
    }


# The fit of a product


def sums(x, t, w):
    total = w.sum()
    mean, target_mean = (w @ x) / total, (w @ t) / total
    centred = x - mean
    return mean, target_mean, (centred * w[:, None]).T @ centred


def penalties(moments, ridge):
    diagonal = numpy.diag(moments)
    return ridge * (diagonal + 0.01 * numpy.sort(diagonal)[len(diagonal) // 2])


def ridge_fit(x, t, w, prior, ridge):
    held = numpy.sqrt(penalties(sums(x, t, w)[2], ridge))
    root = numpy.sqrt(w)[:, None]
    design = numpy.block(
        [[root * x, root], [numpy.diag(held), numpy.zeros((len(held), 1))]]
    )
    wanted = numpy.vstack([root * t, held[:, None] * prior.T])
    solution = numpy.linalg.lstsq(design, wanted, rcond=None)[0]
    return solution[:-1].T, solution[-1]


def error(data, weights, bias, kept=slice(None)):
    x, t, w = data
    return float((w[:, None] * (x[:, kept] @ weights.T + bias - t) ** 2).sum())


def reduce(way, data, own, own_bias, size, count):
    x, t, w = data
    mean, target_mean, moments = sums(x, t, w)
    name, ridge = way
    weights, mean_out, held = own, own @ mean + own_bias, OWN_RIDGE
    if name == "refit":
        weights, mean_out, held = ridge_fit(x, t, w, own, ridge)[0], target_mean, ridge
    regular = moments + numpy.diag(penalties(moments, held))
    groups = greedy(weights, regular, size, [count])[0]["kept"]
    kept = columns(groups, size)
    if name in ("none", "mean"):
        left = own[:, kept]
    else:
        left = optimum(weights, regular, kept)[0][:, kept]
    bias = own_bias if name == "none" else mean_out - left @ mean[kept]
    return groups, kept, left, bias


def chosen(found):
    """The place of the least error."""
    order = sorted(range(len(found)), key=found.__getitem__)
    if len(order) > 1 and found[order[1]] > 0:
        assert found[order[1]] - found[order[0]] > MARGIN * found[order[1]], "a tie"
    return order[0]


def fit(weights_of_rows):
    columns_, outputs, size = 8, 6, 2
    # Neighbours have much in common.
    exact = random((40, columns_), 21)
    exact = exact + numpy.float32(0.75) * numpy.roll(exact, 1, axis=1)
    off = exact + numpy.float32(0.5) * random((40, columns_), 22)
    own = random((outputs, columns_), 23).astype(numpy.float64)
    own_bias = random((outputs,), 24).astype(numpy.float64)
    x, t, w, held_out = [], [], [], []
    sequences = [[(7 * i + 11 * j + i * j) % 40 for j in range(3 + i % 6)] for i in range(32)]
    rows = sum(map(len, sequences))
    for index, ids in enumerate(sequences):
        for token in ids:
            x.append(off[token])
            t.append(exact[token].astype(numpy.float64) @ own.T + own_bias)
            w.append(rows / len(sequences) / len(ids) if weights_of_rows else 1)
            held_out.append(index % 4 == 3)
    x, t, w = (numpy.array(part, dtype=numpy.float64) for part in (x, t, w))
    held_out = numpy.array(held_out)
    fitted, judged, everything = (
        (x[mask], t[mask], w[mask]) for mask in (~held_out, held_out, held_out | True)
    )
    errors = [error(judged, *ridge_fit(*fitted, own, ridge)) for ridge in RIDGES]
    place = chosen(errors)
    weights, bias = ridge_fit(*everything, own, RIDGES[place])
    deviation = judged[1] - (judged[2] @ judged[1]) / judged[2].sum()
    result = {
        "signal": float((judged[2][:, None] * deviation**2).sum()),
        "ownError": error(judged, own, own_bias),
        "refitted": {
            "kept": list(range(columns_)), "weights": weights.ravel().tolist(),
            "bias": bias.tolist(), "error": errors[place],
        },
        "reduced": {},
    }
    ways = {
        "none": [("none", None)],
        "mean": [("mean", None)],
        "refit": [("refit", RIDGES[place]), ("own", None), ("mean", None)],
    }
    for compensation, candidates in ways.items():
        for count in (4, 3, 2, 1, 0):
            found = []
            for way in candidates:
                _, kept, left, bias = reduce(way, fitted, own, own_bias, size, count)
                found.append(error(judged, left, bias, kept))
            # All are alike with no inputs or with all of them; the first of them counts.
            best = chosen(found) if 0 < count < 4 else found.index(min(found))
            groups, _, left, bias = reduce(
                candidates[best], everything, own, own_bias, size, count
            )
            result["reduced"][f"{compensation} {count}"] = {
                "kept": groups, "weights": left.ravel().tolist(), "bias": bias.tolist(),
                "error": found[best],
            }
    return result


def short(value):
    """Numbers with as many digits as the tests look at."""
    if isinstance(value, dict):
        return {name: short(part) for name, part in value.items()}
    if isinstance(value, list):
        return [short(part) for part in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


def main():
    result = short({"surgeon": surgeon(), "fit": fit(False), "weightedFit": fit(True)})
    lines = [
        f'"{name}":{json.dumps(value, separators=(",", ":"))}' for name, value in result.items()
    ]
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
