#!/usr/bin/env python3
"""Makes tokenizer files of the vocabularies that ship with the source of llama.cpp, for tests.

    tools/make_tokenizer_vocabularies.py .../vendor/llama.cpp/models .build/models/vocabularies

For each ggml-vocab-NAME.gguf that is known the folder gets NAME/tokenizer.json, for those of
SentencePiece also NAME/tokenizer.model, and NAME/expected.jsonl: a text with its token ids a line.
The ids of the texts of the file .inp beside a vocabulary, which llama.cpp's authors took from
Hugging Face's tokenizer of the model, are those of its file .out; those of the other texts, from
Tests/EdgeTokenizerTests/Fixtures/decoders, come from `tokenizers`. That `tokenizers` with the
tokenizer.json written here agrees with .out is checked first.

Needs tokenizers==0.22.2 and, for the models of SentencePiece, sentencepiece==0.2.3.
"""

import json
import pathlib
import struct
import sys

import sentencepiece
import tokenizers
from tokenizers import Tokenizer

from make_decoder_tokenizer_cases import FOLDER, LLAMA3, QWEN2

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
              "use_regex": True}
SPACE = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
PREPEND = {"type": "Prepend", "prepend": "\u2581"}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def split(expression):
    return {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated",
         "invert": False}, {**BYTE_LEVEL, "use_regex": False}]}


# Name: the pre-tokenizer, the normalizer, other options of the model.
BYTE_VOCABULARIES = {
    "gpt-2": (BYTE_LEVEL, None, {}),
    "gpt-neox": (BYTE_LEVEL, {"type": "NFC"}, {}),
    "llama-bpe": (split(LLAMA3), None, {"ignore_merges": True}),
    "qwen2": (split(QWEN2), {"type": "NFC"}, {}),
    "starcoder": ({"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": True}, BYTE_LEVEL]}, None, {}),
}
# Name: whether normalization puts U+2581 before a text.
PIECE_VOCABULARIES = {"llama-spm": True, "phi-3": True, "gemma-4": False}
# What SentencePiece itself can read: others have more than one unknown token or no scores.
PIECE_MODELS = ("llama-spm",)


def read_metadata(path):
    """The key-value pairs of a GGUF file."""
    data = path.read_bytes()
    at = 0

    def take(layout):
        nonlocal at
        values = struct.unpack_from("<" + layout, data, at)
        at += struct.calcsize("<" + layout)
        return values[0]

    def text():
        nonlocal at
        size = take("Q")
        at += size
        return data[at - size:at].decode("utf-8")

    scalars = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q",
               12: "d"}

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            element, count = take("I"), take("Q")
            return [value(element) for _ in range(count)]
        return take(scalars[kind])

    if data[:4] != b"GGUF":
        sys.exit(f"{path} is no GGUF file")
    at = 8
    take("Q")
    pairs = {}
    for _ in range(take("Q")):
        name = text()
        pairs[name] = value(take("I"))
    return pairs


def added_tokens(tokens, types, kinds):
    return [{"id": id, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": kind == CONTROL}
            for id, (token, kind) in enumerate(zip(tokens, types)) if kind in kinds]


def byte_tokenizer(pairs, name):
    pre_tokenizer, normalizer, options = BYTE_VOCABULARIES[name]
    tokens, types = pairs["tokenizer.ggml.tokens"], pairs["tokenizer.ggml.token_type"]
    added = added_tokens(tokens, types, {CONTROL, USER_DEFINED})
    # Files of models list what was added behind the vocabulary only there.
    first = len(tokens)
    while first > 0 and types[first - 1] != NORMAL:
        first -= 1
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [token for token in added if types[token["id"]] != UNUSED],
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False, **options,
            "vocab": {token: id for id, token in enumerate(tokens[:first])},
            "merges": pairs["tokenizer.ggml.merges"]}}


def piece_tokenizer(pairs, has_prefix):
    tokens, types = pairs["tokenizer.ggml.tokens"], pairs["tokenizer.ggml.token_type"]
    scores = pairs["tokenizer.ggml.scores"]
    ids = {token: id for id, token in enumerate(tokens)}
    merges = pairs.get("tokenizer.ggml.merges")
    if merges is None:
        found = []
        for id, token in enumerate(tokens):
            if types[id] == NORMAL:
                cuts = ((token[:cut], token[cut:]) for cut in range(1, len(token)))
                found += [(-scores[id], ids[left], left, right) for left, right in cuts
                          if left in ids and right in ids]
        merges = [[left, right] for _, _, left, right in sorted(found)]
    steps = [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
             {"type": "ByteFallback"}, {"type": "Fuse"}]
    if has_prefix:
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": added_tokens(tokens, types, {UNKNOWN, CONTROL, USER_DEFINED}),
        "normalizer": {"type": "Sequence", "normalizers": [PREPEND, SPACE]} if has_prefix else SPACE,
        "pre_tokenizer": None if has_prefix else {
            "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious",
            "invert": False},
        "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": steps},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>",
            "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
            "byte_fallback": True, "ignore_merges": False, "vocab": ids,
            "merges": merges}}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """A field of Protocol Buffers: an integer, a float or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def piece_model(pairs):
    """SentencePiece's ModelProto with the rules of Llama 2."""
    pieces = zip(pairs["tokenizer.ggml.tokens"], pairs["tokenizer.ggml.scores"],
                 pairs["tokenizer.ggml.token_type"])
    data = b"".join(
        field(1, field(1, token.encode()) + field(2, float(score)) + field(3, kind))
        for token, score, kind in pieces)
    trainer = field(3, 2) + field(35, 1) + field(40, 0) + field(41, 1) + field(42, 2)
    normalizer = field(1, b"identity") + field(3, 1) + field(4, 0) + field(5, 1)
    return data + field(2, trainer) + field(3, normalizer)


def vendor_cases(path):
    texts = pathlib.Path(f"{path}.inp").read_text("utf-8").split("\n__ggml_vocab_test__\n")
    lines = pathlib.Path(f"{path}.out").read_text("utf-8").split("\n")
    return [(text, [int(id) for id in line.split()]) for text, line in zip(texts, lines)]


def write(folder, name, cases):
    with open(folder / name, "w", encoding="ascii") as file:
        for text, ids in cases:
            file.write(json.dumps([text, ids], separators=(",", ":")) + "\n")


def main():
    if len(sys.argv) != 3 or tokenizers.__version__ != "0.22.2":
        sys.exit(__doc__)
    source, target = map(pathlib.Path, sys.argv[1:])
    texts = [json.loads(line) for line in open(FOLDER / "texts.jsonl", encoding="ascii")]
    failures = 0
    for name in (*BYTE_VOCABULARIES, *PIECE_VOCABULARIES):
        path = source / f"ggml-vocab-{name}.gguf"
        pairs = read_metadata(path)
        folder = target / name
        folder.mkdir(parents=True, exist_ok=True)
        is_pieces = name in PIECE_VOCABULARIES
        state = (piece_tokenizer(pairs, PIECE_VOCABULARIES[name]) if is_pieces
                 else byte_tokenizer(pairs, name))
        (folder / "tokenizer.json").write_text(
            json.dumps(state, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

        def encode(text):
            return tokenizer.encode(text, add_special_tokens=False).ids

        cases = []
        if pathlib.Path(f"{path}.inp").exists():
            cases = vendor_cases(path)
        for text, ids in cases:
            if encode(text) != ids:
                failures += 1
                print(f"{name}: {text!r}: {encode(text)} instead of {ids}")
        print(f"{name}: {len(cases)} texts of llama.cpp, {len(texts)} others")
        write(folder, "expected.jsonl", cases + [(text, encode(text)) for text in texts])
        if name in PIECE_MODELS:
            model = piece_model(pairs)
            (folder / "tokenizer.model").write_bytes(model)
            processor = sentencepiece.SentencePieceProcessor(model_proto=model)
            write(folder, "expected-model.jsonl",
                  [(text, processor.encode(text)) for text, _ in cases]
                  + [(text, processor.encode(text)) for text in texts])
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
