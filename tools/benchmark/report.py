"""The results as text and JSON, and what their tables share with those in Markdown."""

from dataclasses import asdict


# Processors that others may take while figures are measured.
QUIET = 0.1


def milliseconds(value):
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def megabytes(count):
    return f"{count / 1e6:.1f}"


def thread_text(count):
    return "1 thread" if count == 1 else f"{count} threads"


def fastest_peer(model, block):
    """The name of the peer with the least ratio, which noise moves least; None without peers."""
    peers = {name: one for name, one in block["latency"].items() if name not in model["own"]}
    return min(peers, key=lambda name: peers[name].ratio, default=None)


def rate(block, one):
    """GMAC/s at the median."""
    return block["multiply_accumulates"] / one.median / 1e6


def share(model, block, one):
    """The part of the int8 peak that the matrix products alone make up; None if it is not known."""
    if not model["peak_gmacs"]:
        return None
    return rate(block, one) / (model["peak_gmacs"] * block["threads"])


def share_text(model, block, one):
    part = share(model, block, one)
    return "–" if part is None else f"{part:.0%}"


def doubt(result):
    """Why the figures should not be believed; None on a quiet machine.

    Peers whose threads wait by spinning become many times slower where they lose a processor.
    """
    load = result["load"]
    taken = load["others"] + load["steal"]
    if taken <= QUIET:
        return None
    return (
        f"The machine was not quiet: others took {taken:.2f} of {result['host']['processors']} "
        "processors while this was measured, which slows down the contenders unequally. Measure "
        "again."
    )


def head(result):
    host, load = result["host"], result["load"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [
        f"{host['cpu']}, {host['processors']} processors, "
        f"{host['memory_bytes'] / 2**30:.0f} GiB, Linux {host['kernel']}",
        f"CPU flags: {' '.join(host['flags'])}",
    ]
    for model in result["models"][:1]:
        own = model["contenders"][model["own"][0]]
        peak = model["peak_gmacs"]
        lines.append(own + (f", int8 peak of one core {peak:.0f} GMAC/s" if peak else ""))
    lines += [
        f"versions: {versions}",
        f"{result['date']}, {load['seconds'] / 60:.1f} minutes, {result['rounds']} rounds of "
        f"{result['milliseconds']} ms, seed {result['seed']}; load average before "
        f"{host['load_average']:.2f}; meanwhile other processes kept {load['others']:.2f} "
        f"processors busy, and the hypervisor took {load['steal']:.2f}",
    ]
    if result["variables"]:
        lines.append("environment: " + " ".join(result["variables"]))
    return lines


NOTES = (
    "× is how many times slower than the first line: the median over the rounds of the quotient of "
    "the medians of a round.",
    "GMAC/s: multiply-accumulates of the matrix products, by the median. CPUs: the processors that "
    "a contender kept busy.",
    "Starts: a new process each; import is Python's loading of the library, load the making of the "
    "session, first the first run; total is from the start of the process to the first answer. "
    "Peak memory of the peers includes Python.",
    "Cosine: mean-pooled embeddings of Tests/Fixtures/minilm/sentences.txt against PyTorch in "
    "float32.",
)


def bits_lines(model):
    """Whether the builds that were raced answer the same, and so with every thread count."""
    lines = []
    by_tokens = {}
    for block in model["blocks"]:
        for name, digests in block["digests"].items():
            by_tokens.setdefault(block["tokens"], {}).setdefault(name, set()).update(digests)
    first, *others = model["own"]
    unsteady = [tokens for tokens, found in by_tokens.items() if len(found.get(first, ())) > 1]
    if unsteady:
        lines.append(f"{first}: DIFFERENT bits between runs or thread counts at {unsteady} tokens")
    for name in others:
        differ = [tokens for tokens, found in by_tokens.items() if found[name] != found[first]]
        said = f"DIFFERENT bits at {differ} tokens" if differ else "the same bits at every length"
        lines.append(f"{name} against {first}: {said}")
    return lines


def start_rows(model):
    rows = [
        ["", "import ms", "load", "first", "total", "RSS MB", "file MB", "cosine mean", "min"]
    ]
    for name, title in model["contenders"].items():
        start = model["starts"].get(name)
        row = [title]
        if start:
            keys = ("import_ms", "load_ms", "first_ms", "wall_ms")
            row += [milliseconds(start[key]) for key in keys]
            row.append(megabytes(start["rss_bytes"]))
        else:
            row += ["–"] * 5
        rows.append([*row, megabytes(model["byte_counts"][name]), *cosines(model, name)])
    return rows


def cosines(model, name):
    """Mean and least cosine as text."""
    cosine = model["fidelity"].get(name)
    if not cosine:
        return "–", "–"
    return f"{cosine['mean_cosine']:.5f}", f"{cosine['min_cosine']:.5f}"


def start_title(result):
    return (
        f"starting, {result['start_tokens']} tokens, {thread_text(result['threads'][0])}, "
        f"median of {result['starts']}"
    )


def missing_lines(model):
    return [f"not raced: {title}: {reason}" for title, reason in model["absent"].items()] + [
        f"missing: {title}: {reason}" for title, reason in model["missing"].items()
    ]


def aligned(rows):
    """Lines of a table: the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    ]


def latency_rows(model):
    rows = [[
        "", "threads", "tokens", "median ms", "min", "p90", "×", "quartiles", "CPUs", "GMAC/s",
        "of peak", "runs",
    ]]
    for block in model["blocks"]:
        fastest = fastest_peer(model, block)
        for name, one in block["latency"].items():
            # Two builds differ by little.
            digits = 3 if name in model["own"] else 2
            low, high = one.ratio_quartiles
            rows.append([
                ("→ " if name == fastest else "  ") + model["contenders"][name],
                str(block["threads"]), str(block["tokens"]),
                *(milliseconds(value) for value in (one.median, one.minimum, one.p90)),
                f"{one.ratio:.{digits}f}", f"{low:.{digits}f}…{high:.{digits}f}",
                f"{one.processors:.2f}", f"{rate(block, one):.0f}", share_text(model, block, one),
                str(one.run_count),
            ])
    return rows


def text(result):
    lines = head(result)
    for model in result["models"]:
        lines += ["", f"{model['title']}, batch 1 (→ the fastest peer)"]
        lines += [*aligned(latency_rows(model)), *bits_lines(model)]
        lines += ["", f"{model['title']}, {start_title(result)}", *aligned(start_rows(model))]
        lines += missing_lines(model)
    said = doubt(result)
    return "\n".join([*lines, "", *NOTES, *(["", said] if said else [])]) + "\n"


def json_document(result):
    """The same in types of JSON, with the median of every round."""
    models = []
    for model in result["models"]:
        blocks = []
        for block in model["blocks"]:
            latency = {
                name: asdict(one) | {
                    "gmacs": rate(block, one), "share_of_peak": share(model, block, one),
                }
                for name, one in block["latency"].items()
            }
            kept = {key: value for key, value in block.items() if key != "latency"}
            fastest = fastest_peer(model, block)
            blocks.append(kept | {"fastest_peer": fastest, "latency_ms": latency})
        models.append(model | {"blocks": blocks})
    return result | {"models": models}
