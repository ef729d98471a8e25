#!/usr/bin/env python3
"""Writes Sources/Packaging/Tokenizer/UnicodeTables.swift.

Every fact is observed by running the Rust code of the `tokenizers` package over all Unicode
scalar values, so that the tables have exactly the Unicode versions of its crates (they differ
from each other and from Swift's).

    pip install tokenizers==0.22.1
    python3 tools/make_unicode_tables.py
"""

import base64
import pathlib
import sys
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

PINNED = "0.22.1"
OUTPUT = pathlib.Path(__file__).parent.parent / "Sources/Packaging/Tokenizer/UnicodeTables.swift"
SCALARS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xD7A4)


def bert_normalizer(**options):
    defaults = dict(
        clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**defaults, **options})


def observe_classes():
    """Sets of scalar values: removed by clean_text, white space, punctuation, spaced as CJK."""
    clean = bert_normalizer(clean_text=True)
    chinese = bert_normalizer(handle_chinese_chars=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    removed, whitespace, punctuation, ideographs = [], [], [], []
    for c in SCALARS:
        text = chr(c)
        cleaned = clean.normalize_str(text)
        words = [word for word, _ in splitter.pre_tokenize_str("a" + text + "b")]
        if words == ["a", "b"]:
            whitespace.append(c)
        elif words == ["a", text, "b"]:
            punctuation.append(c)
        else:
            assert words == ["a" + text + "b"], hex(c)
        if cleaned == "":
            removed.append(c)
        else:
            assert cleaned == (" " if words == ["a", "b"] else text), hex(c)
        spaced = chinese.normalize_str(text)
        if spaced != text:
            assert spaced == " " + text + " ", hex(c)
            ideographs.append(c)
    return removed, whitespace, punctuation, ideographs


def observe_decompositions():
    """Canonical decompositions other than those of Hangul syllables, and non-spacing marks."""
    decompose = normalizers.NFD().normalize_str
    strip = bert_normalizer(strip_accents=True).normalize_str
    decompositions, marks = {}, []
    for c in SCALARS:
        text = chr(c)
        decomposed = decompose(text)
        if c in HANGUL:
            assert decomposed == hangul(c), hex(c)
        elif decomposed != text:
            decompositions[c] = [ord(x) for x in decomposed]
        elif strip(text) == "":
            marks.append(c)
    kept = set(marks)
    for c in SCALARS:
        expected = "".join(x for x in decompose(chr(c)) if ord(x) not in kept)
        assert strip(chr(c)) == expected, hex(c)
    return decompositions, marks


def hangul(c):
    index = c - 0xAC00
    parts = [0x1100 + index // 588, 0x1161 + index % 588 // 28]
    if index % 28:
        parts.append(0x11A7 + index % 28)
    return "".join(map(chr, parts))


def observe_combining_classes(decompositions):
    """Canonical combining classes, found by asking which pairs the canonical order exchanges."""
    decompose = normalizers.NFD().normalize_str
    low, high = "\u0334", "\u0345"  # classes 1 and 240, the smallest and the largest

    def exchanged(a, b):
        return a != b and decompose(a + b) == b + a

    candidates = [
        chr(c) for c in SCALARS
        if c not in decompositions and c not in HANGUL
        and (exchanged(chr(c), low) or exchanged(high, chr(c)))
    ] + [high]
    candidates = sorted(set(candidates + [low]))
    representatives = {}
    for x in candidates:
        number = unicodedata.combining(x)
        assert number > 0, hex(ord(x))
        representatives.setdefault(number, x)
    classes = {}
    for x in candidates:
        equal = [
            n for n, r in representatives.items() if not exchanged(x, r) and not exchanged(r, x)]
        assert len(equal) == 1, hex(ord(x))
        classes[ord(x)] = equal[0]
    return classes


def observe_lowercase():
    lower = bert_normalizer(lowercase=True)
    table = {c: [ord(x) for x in lower.normalize_str(chr(c))] for c in SCALARS}
    return {c: value for c, value in table.items() if value != [c]}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value):
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def runs(items, step):
    """Splits ascending code points into [first, last] runs of equal distance `step`."""
    out = []
    for c in items:
        if out and c == out[-1][1] + step:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def encode_set(items):
    """Per run: distance from the end of the previous run, length - 1."""
    out, previous = b"", 0
    for first, last in runs(items, 1):
        out += varint(first - previous) + varint(last - first)
        previous = last + 1
    return out


def encode_classes(classes):
    """Per run: distance from the end of the previous run, length - 1, class."""
    out, previous, run = b"", 0, None
    for c in sorted(classes) + [None]:
        if run and c is not None and c == run[1] + 1 and classes[c] == run[2]:
            run[1] = c
            continue
        if run:
            out += varint(run[0] - previous) + varint(run[1] - run[0]) + varint(run[2])
            previous = run[1] + 1
        run = [c, c, classes[c]] if c is not None else None
    return out


def encode_mappings(mappings):
    """Per mapping: distance from the previous one, length, scalars as signed differences from
    the scalar at the same place of the previous mapping."""
    out, previous, last = b"", 0, [0] * 8
    for c in sorted(mappings):
        value = mappings[c]
        out += varint(c - previous) + varint(len(value))
        for place, scalar in enumerate(value):
            out += signed(scalar - last[place])
            last[place] = scalar
        previous = c
    return out


def encode_shifts(mappings):
    """Per run of mappings to one scalar with the same shift: distance from the previous run's
    end, (length - 1) * 2 + (step - 1), signed shift; the step between code points is 1 or 2."""
    single = {c: v[0] - c for c, v in mappings.items() if len(v) == 1}
    out, previous = b"", 0
    items = sorted(single)
    at = 0
    while at < len(items):
        best = (1, 1)
        for step in (1, 2):
            length = 1
            while (at + length < len(items) and items[at + length] == items[at] + step * length
                   and single[items[at + length]] == single[items[at]]):
                length += 1
            if length > best[0]:
                best = (length, step)
        length, step = best
        out += varint(items[at] - previous)
        out += varint((length - 1) * 2 + step - 1) + signed(single[items[at]])
        previous = items[at + length - 1] + 1
        at += length
    return out


def swift_string(data):
    text = base64.b64encode(data).decode()
    lines = [text[i:i + 88] for i in range(0, len(text), 88)]
    return "\n".join("        " + line for line in lines)


def main():
    if tokenizers.__version__ != PINNED:
        sys.exit(f"needs tokenizers=={PINNED}, found {tokenizers.__version__}")
    removed, whitespace, punctuation, ideographs = observe_classes()
    decompositions, marks = observe_decompositions()
    classes = observe_combining_classes(decompositions)
    lowercase = observe_lowercase()
    tables = [
        ("removedByCleaning", "Code points that `clean_text` removes.", encode_set(removed)),
        ("whitespace", "Code points that separate words.", encode_set(whitespace)),
        ("punctuation", "Code points that are words of their own.", encode_set(punctuation)),
        ("ideographs", "Code points that `handle_chinese_chars` puts between spaces.",
         encode_set(ideographs)),
        ("nonspacingMarks", "Code points that `strip_accents` removes.", encode_set(marks)),
        ("combiningClasses", "Canonical combining classes other than 0.",
         encode_classes(classes)),
        ("decompositions", "Full canonical decompositions, without Hangul syllables.",
         encode_mappings(decompositions)),
        ("lowercaseShifts", "Lower-case mappings to one code point.", encode_shifts(lowercase)),
        ("lowercaseSequences", "Lower-case mappings to several code points.",
         encode_mappings({c: v for c, v in lowercase.items() if len(v) != 1})),
    ]
    parts = [
        "// Generated by tools/make_unicode_tables.py from tokenizers==" + PINNED
        + "; do not edit.\n",
        "/// Unicode facts as the Rust crates of Hugging Face `tokenizers` " + PINNED
        + " know them.\n///\n/// Each is a base64 text of variable-length integers; "
        "`UnicodeFacts` reads them.\nenum UnicodeTables {",
    ]
    members = []
    for name, summary, data in tables:
        members.append(
            f'    /// {summary}\n    static let {name}: StaticString = """\n'
            f'{swift_string(data)}\n        """')
    text = "\n".join(parts) + "\n" + "\n\n".join(members) + "\n}\n"
    OUTPUT.write_text(text)
    for name, _, data in tables:
        print(f"{name}: {len(data)} bytes")
    print(f"{OUTPUT}: {len(text)} bytes")


if __name__ == "__main__":
    main()
