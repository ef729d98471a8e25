"""The results as text, Markdown and JSON."""

from dataclasses import asdict


def milliseconds(value):
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def megabytes(count):
    return f"{count / 1e6:.1f}"


def thread_text(count):
    return "1 thread" if count == 1 else f"{count} threads"


def fastest_peer(block):
    """The peer with the least median, a pair of its name and its summary; None without peers."""
    peers = [(name, one) for name, one in block["latency"].items() if name in block["peers"]]
    return min(peers, key=lambda pair: pair[1].median, default=None)


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


def markdown_table(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return lines


def head(result):
    host = result["host"]
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [
        f"{host['cpu']}, {host['processors']} processors, "
        f"{host['memory_bytes'] / 2**30:.0f} GiB, Linux {host['kernel']}",
        f"CPU flags: {' '.join(host['flags'])}",
        f"versions: {versions}",
        f"{result['date']}, load average at the start {host['load_average']:.2f}, "
        f"{result['rounds']} rounds of {result['milliseconds']} ms, seed {result['seed']}",
    ]
    if result["variables"]:
        lines.append("environment: " + " ".join(result["variables"]))
    return lines


NOTES = (
    "× is how many times slower than the first line: the median over the rounds of the quotient of "
    "the medians of a round.",
    "Starts: a new process each; import is Python's loading of the library, load the making of the "
    "session, first the first run; total is from the start of the process to the first answer. "
    "Peak memory of the peers includes Python.",
    "Cosine: mean-pooled embeddings of Tests/Fixtures/minilm/sentences.txt against PyTorch in "
    "float32.",
)


def start_rows(model):
    rows = [
        ["", "import ms", "load", "first", "total", "RSS MB", "file MB", "cosine mean", "min"]
    ]
    for name, title in model["contenders"].items():
        start = model["starts"].get(name)
        cosine = model["fidelity"].get(name)
        row = [title]
        if start:
            keys = ("import_ms", "load_ms", "first_ms", "wall_ms")
            row += [milliseconds(start[key]) for key in keys]
            row.append(megabytes(start["rss_bytes"]))
        else:
            row += ["–"] * 5
        row.append(megabytes(model["byte_counts"][name]))
        if cosine:
            row += [f"{cosine['mean_cosine']:.5f}", f"{cosine['min_cosine']:.5f}"]
        else:
            row += ["–"] * 2
        rows.append(row)
    return rows


def start_title(result):
    return (
        f"starting, {result['start_tokens']} tokens, {thread_text(result['threads'][0])}, "
        f"median of {result['starts']}"
    )


def missing_lines(result):
    return [f"missing: {title}: {reason}" for title, reason in result["missing"].items()]


def text(result):
    lines = head(result)
    for model in result["models"]:
        rows = [["contender", "threads", "tokens", "median ms", "min", "p90", "×", "runs"]]
        for block in model["blocks"]:
            for name, one in block["latency"].items():
                rows.append([
                    model["contenders"][name], str(block["threads"]), str(block["tokens"]),
                    *(milliseconds(value) for value in (one.median, one.minimum, one.p90)),
                    f"{one.ratio:.2f}", str(one.run_count),
                ])
            fastest = fastest_peer(block)
            if fastest:
                title = "→ fastest peer: " + model["contenders"][fastest[0]]
                rows.append([title, "", "", "", "", "", f"{fastest[1].ratio:.2f}", ""])
        lines += ["", f"{model['title']}, batch 1", *aligned(rows)]
        lines += ["", f"{model['title']}, {start_title(result)}", *aligned(start_rows(model))]
    return "\n".join([*lines, "", *NOTES, *missing_lines(result)]) + "\n"


def latency_table(model, threads):
    blocks = [block for block in model["blocks"] if block["threads"] == threads]
    rows = [[
        f"{thread_text(threads)}: median / min / p90 ms, ×",
        *(f"{block['tokens']} tokens" for block in blocks),
    ]]
    for name, title in model["contenders"].items():
        row = [title]
        for block in blocks:
            one = block["latency"].get(name)
            if one is None:
                row.append("–")
                continue
            values = (one.median, one.minimum, one.p90)
            cell = " / ".join(milliseconds(value) for value in values)
            row.append(f"{cell}, {one.ratio:.2f}×")
        rows.append(row)
    fastest = [fastest_peer(block) for block in blocks]
    rows.append(
        ["**fastest peer ÷ first line**"]
        + [f"**{one[1].ratio:.2f}×**" if one else "–" for one in fastest]
    )
    return markdown_table(rows)


def markdown(result):
    lines = [*(f"* {line}" for line in head(result)), ""]
    for model in result["models"]:
        lines += [f"### {model['title']}, batch 1", ""]
        for threads in result["threads"]:
            lines += [*latency_table(model, threads), ""]
        rows = start_rows(model)
        rows[0][0] = start_title(result)
        lines += [*markdown_table(rows), ""]
    return "\n".join([*lines, *(f"* {line}" for line in (*NOTES, *missing_lines(result)))]) + "\n"


def json_document(result):
    """The same in types of JSON, with the median of every round."""
    models = []
    for model in result["models"]:
        blocks = []
        for block in model["blocks"]:
            fastest = fastest_peer(block)
            blocks.append({
                "threads": block["threads"],
                "tokens": block["tokens"],
                "fastest_peer": fastest[0] if fastest else None,
                "latency_ms": {name: asdict(one) for name, one in block["latency"].items()},
            })
        models.append(model | {"blocks": blocks})
    return result | {"models": models}
