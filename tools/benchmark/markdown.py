"""The results as Markdown: for each model the table of the README, then the whole."""

from textwrap import fill

from benchmark.report import (
    NOTES, bits_lines, cosines, doubt, fastest_peer, head, milliseconds, missing_lines,
    share_text, start_rows, start_title, thread_text,
)


def table(rows):
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in escaped]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return lines


def paragraph(text):
    return fill(text, 100, break_long_words=False, break_on_hyphens=False).split("\n")


class Summary:
    """The table of the README: a column for each length, in a cell all thread counts."""

    def __init__(self, result, model):
        self.result = result
        self.model = model
        self.blocks = {(one["threads"], one["tokens"]): one for one in model["blocks"]}
        self.lengths = list(dict.fromkeys(one["tokens"] for one in model["blocks"]))

    def row(self, title, name, cell):
        """`cell` makes the text of a contender in one block."""
        row = [title]
        for tokens in self.lengths:
            cells = []
            for threads in self.result["threads"]:
                block = self.blocks[threads, tokens]
                one = block["latency"].get(name)
                cells.append(cell(block, one) if one else "–")
            row.append(" / ".join(cells))
        return row

    def ratio(self, name):
        def cell(block, one):
            text = f"{one.ratio:.2f}"
            return f"**{text}**" if name == fastest_peer(self.model, block) else text

        return cell

    def rows(self):
        model = self.model
        threads = " / ".join(thread_text(count) for count in self.result["threads"])
        lengths = [str(tokens) for tokens in self.lengths]
        rows = [[threads, f"{lengths[0]} tokens", *lengths[1:], "cosine, mean / min"]]
        own, *others = model["contenders"]
        cosine = " / ".join(cosines(model, own)) if own in model["fidelity"] else "–"
        for title, cell in (
            ("Attenuate, median ms", lambda block, one: milliseconds(one.median)),
            ("Attenuate, minimum ms", lambda block, one: milliseconds(one.minimum)),
        ):
            rows.append([*self.row(title, own, cell), cosine])
            cosine = ""
        if model["peak_gmacs"]:
            part = self.row(
                "Attenuate, share of the int8 peak", own,
                lambda block, one: share_text(model, block, one),
            )
            rows.append([*part, ""])
        absent = dict(model["absent"])
        for name in others:
            title = model["contenders"][name]
            if not any(name in block["latency"] for block in model["blocks"]):
                absent[title] = model["missing"][title]
                continue
            row = self.row(title, name, self.ratio(name))
            rows.append([
                *row, " / ".join(cosines(model, name)) if name in model["fidelity"] else "–"
            ])
        for title, reason in absent.items():
            rows.append([f"{title}: not raced, {reason}", *["–"] * len(lengths), "–"])
        return rows

    def lines(self):
        result, model = self.result, self.model
        host = result["host"]
        return [
            *paragraph(
                f"Against other runtimes, {model['title']}, int8, batch 1, all in turn in one "
                f"run of `tools/bench` ({result['rounds']} rounds of {result['milliseconds']} ms, "
                f"{host['cpu']}, {host['processors']} cores, "
                f"{model['contenders'][model['own'][0]]}, {result['date'][:10]}; how many times "
                "slower than Attenuate each one is, so below 1 it is faster; **bold**: the "
                "fastest peer):"
            ),
            "", *table(self.rows()), "", *paragraph(self.start_sentence()),
        ]

    def start_sentence(self):
        result, model = self.result, self.model
        walls = {
            name: model["starts"][name]["wall_ms"] for name in model["contenders"]
            if name in model["starts"]
        }
        own, *others = walls.items()
        said = f"{milliseconds(own[1])} ms"
        if others:
            peers = sorted(others, key=lambda pair: pair[1])
            said += "; " + "; ".join(
                f"{model['contenders'][name]}: {wall:.0f} ms" for name, wall in peers
            )
        return (
            "From the start of the process to the first answer of "
            f"{result['start_tokens']} tokens: {said}; Python's imports included."
        )


def latency_table(model, threads):
    blocks = [block for block in model["blocks"] if block["threads"] == threads]
    rows = [[
        f"{thread_text(threads)}: median / min ms, ×",
        *(f"{block['tokens']} tokens" for block in blocks),
    ]]
    for name, title in model["contenders"].items():
        row = [title]
        for block in blocks:
            one = block["latency"].get(name)
            if one is None:
                row.append("–")
                continue
            cell = f"{milliseconds(one.median)} / {milliseconds(one.minimum)}, {one.ratio:.2f}×"
            row.append(f"**{cell}**" if name == fastest_peer(model, block) else cell)
        rows.append(row)
    fastest = [fastest_peer(model, block) for block in blocks]
    if any(fastest):
        rows.append(["fastest peer", *(model["contenders"].get(name, "–") for name in fastest)])
    return table(rows)


def document(result):
    said = doubt(result)
    lines = [f"**{said}**", ""] if said else []
    for model in result["models"]:
        lines += [*Summary(result, model).lines(), ""]
    for model in result["models"]:
        lines += [f"### {model['title']}, batch 1", ""]
        for threads in result["threads"]:
            lines += [*latency_table(model, threads), ""]
        rows = start_rows(model)
        rows[0][0] = start_title(result)
        lines += [*table(rows), ""]
        said = [f"* {line}" for line in (*bits_lines(model), *missing_lines(model))]
        lines += [*said, ""] if said else []
    return "\n".join([*lines, *(f"* {line}" for line in (*head(result), *NOTES))]) + "\n"
