#!/usr/bin/env python3
"""Writes Tests/EdgeTokenizerTests/Fixtures/decoders: small tokenizers of the kinds that decoders
use, texts, and the token ids and texts that the reference makes of them.

The reference is Hugging Face `tokenizers` for every tokenizer.json and `sentencepiece` for every
.model. All texts are drawn with a fixed seed. Files are JSON lines in ASCII, so that control
characters survive; the lines of NAME.ids.jsonl belong to those of texts.jsonl.

    pip install tokenizers==0.22.2 sentencepiece==0.2.3
    python3 tools/make_decoder_tokenizer_cases.py
"""

import io
import json
import pathlib
import random
import sys

import sentencepiece
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

from make_tokenizer_cases import BLOCKS, SENTENCES, block_line, digest, read_vocabulary, scalar

PINNED = {"tokenizers": "0.22.2", "sentencepiece": "0.2.3"}
FOLDER = pathlib.Path(__file__).parent.parent / "Tests/EdgeTokenizerTests/Fixtures/decoders"

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

SPACES = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\r", "\t", "\u00a0", "\u3000", "\u2028",
          "\u000b", "\u0085", "\u200b", "\u1680", "\u2009", "\ufeff", "\u001c", "\u0000"]
SUFFIXES = ["s", "S", "\u017f", "t", "T", "re", "RE", "rE", "Re", "ve", "VE", "m", "M", "ll", "LL",
            "lL", "d", "D", "r", "v", "l", "\u017fs", "k", "\u212a", "x", "", "st", "s9", "e", "\u2019s"]
DIGITS = ["0", "1", "23", "456", "7890", "12345", "\u0660\u0661", "\u0966", "\uff11\uff12", "\u2167",
          "\u00bd", "\u00b2", "\u3007", "\u4e94", "\U0001d7d8", "\u0be7", "\u2460", "1,000.5", "0x1F"]
MARKS = ["e\u0301", "\u00e9", "o\u031b\u0301", "\u01a1\u0301", "\u1edb", "a\u0323\u0302", "\u1ead",
         "\u1100\u1161\u11a8", "\uac00\u11a8", "\uac01", "\u1100\u1161", "\u212b", "A\u030a", "\u2126",
         "\uf900", "\u0958", "\u0915\u093c", "\u0344", "\u0308\u0301", "q\u0307\u0323", "\u1e9b\u0323",
         "\u0300", "\u0345\u0301", "\u30ab\u3099", "\u0dd9\u0dcf\u0dca", "\U0001d15e", "\u2adc",
         "\u0f73", "\U0001611e\U0001611e", "a\u0315\u0300\u05ae\u0062", "\u09c7\u09be", "x\u0338\u0323"]
EMOJI = ["\U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea",
         "\u2764\ufe0f", "\U0001f44d\U0001f3fd", "\U0001f3f4\u200d\u2620\ufe0f", "#\ufe0f\u20e3",
         "\U0001f9d1\U0001f3ff\u200d\U0001f680", "\U0001fae8", "\u263a"]
SPECIAL = ["<|endoftext|>", "<s>", "</s>", "<unk>", "<pad>", "<mask>", "<|begin_of_text|>",
           "<|im_start|>", "<|im_end|>", "<tool>", "<0x41>", "<0xE2>", "\u2581", "\u2581\u2581", "<0x0A>",
           "<user>", "<b>", "</b>", "NORM", "<|end", "\u2047", " \u2047 ", "<bos>", "<eos>"]
WORDS = ["Hello", "world", "I", "don", "we", "they", "it", "the", "token", "x", "naïve", "für", "a",
         "return", "def", "for", "Việt", "мир", "世界", "안녕", "مرحبا", "שלום", "ไทย"]
SYMBOLS = [".", ",", "!", "?", "...", "==", "->", "{", "}", "();", "//", "#", "$", "--", "\u2014",
           "\u00ab", "\u201c", "\u3002", "_", "__init__", "@", "\\n", "\"", "''", "'", "`", "|", "~"]


def pick(source, *lists):
    return source.choice(source.choice(lists))


def texts(source, words):
    lines = list(SENTENCES)
    lines += ["", " ", "  ", "\n", "\r\n", " \n", "\n ", "a", " a", "a ", "  a", "\u2581", " \u2581", "'",
              "'s", " 's", "''s", "\u0000", "\ufffd", "\u0301", " \u0301", "\ufeffa", "\u3000a\u3000"]
    lines += [special + tail for special in SPECIAL for tail in ("", " a", "a")]
    lines += [head + special for special in SPECIAL for head in (" ", "a", "a ", "a  ", "\u00a0")]
    lines += [word + "'" + suffix + tail for suffix in SUFFIXES
              for word, tail in (("it", ""), (" We", " x"), ("", "1"), ("\u4e16", "a"))]
    lines += [a + space + b for space in SPACES for a, b in (("", ""), ("a", "b"), ("a ", ""),
                                                             ("", " 1"), ("?", "!"), ("1", "\n"))]
    for name in BLOCKS:
        lines += [block_line(source, name)[:40] for _ in range(16)]
    for _ in range(250):
        lines.append("".join(
            pick(source, SPACES, SPACES, WORDS, DIGITS, SYMBOLS) for _ in range(source.randint(2, 9))))
    for _ in range(200):
        lines.append("".join(
            pick(source, MARKS, MARKS, EMOJI, SPACES, WORDS) for _ in range(source.randint(1, 7))))
    for _ in range(200):
        lines.append("".join(
            pick(source, SPECIAL, SPACES, WORDS, SYMBOLS) for _ in range(source.randint(2, 7))))
    for _ in range(150):
        lines.append("".join(pick(source, DIGITS, SPACES, ["'"], SUFFIXES, ["-", "a"])
                             for _ in range(source.randint(2, 8))))
    for _ in range(250):
        lines.append(source.choice([" ", " ", "  ", "\n"]).join(
            source.choice(words) for _ in range(source.randint(1, 10))))
    for _ in range(120):
        lines.append("".join(scalar(source, [(0, 0x10ffff)]) for _ in range(source.randint(1, 6))))
    for length in (2, 15, 16, 17, 63, 64, 200, 400):
        lines += [unit * length for unit in ("a", "ab", " ", "\n", "\u00e9", "\u4e16", "!", "1", "\u2581")]
    return lines


# A unit and how often it is repeated: words and runs of white space that are far too long.
LONG = [("a", 200_000), ("ab c", 30_000), (" ", 100_000), ("\n", 50_000), ("\r\n", 20_000),
        ("\u00e9", 50_000), ("1", 70_000), ("'s", 20_000), ("\u2581", 20_000), ("\U0001f600", 20_000),
        ("e\u0301\u0323", 20_000), ("!?", 40_000), ("\u4e16\u754c", 30_000), ("the ", 20_000)]

ILL_FORMED = [b"a", b"b ", b"\x80", b"\xbf", b"\xc0", b"\xc2", b"\xc3\xa9", b"\xdf", b"\xe0\x80",
              b"\xe0\xa0", b"\xe2\x82", b"\xe2\x82\xac", b"\xed\xa0\x80", b"\xef\xbf", b"\xf0",
              b"\xf0\x90\x80", b"\xf0\x9f\x98", b"\xf0\x9f\x98\x80", b"\xf4\x90", b"\xf5", b"\xff",
              b"\xe6\x88\x91", b" ", b"\xe2\x96\x81", b"\xe2\x96", b"'s", b"\x00", b"<s>"]


def ill_formed(source):
    return [b"".join(source.choice(ILL_FORMED) for _ in range(source.randint(1, 9)))
            if source.random() < 0.8 else source.randbytes(source.randint(1, 16))
            for _ in range(250)]


def corpus(source, words):
    lines = list(SENTENCES) * 3
    for _ in range(4000):
        lines.append(" ".join(source.choice(words) for _ in range(source.randint(3, 12))))
    for _ in range(300):
        lines.append("    " * source.randint(1, 4) + source.choice(WORDS) + source.choice(SYMBOLS)
                     + source.choice(DIGITS) + "\n")
    return lines


# Tokenizers

def byte_level(lines, pre_tokenizer, size=800, normalizer=None, special=(), **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(lines, trainer)
    return tokenizer


def token(content, **options):
    return AddedToken(content, **{"normalized": False, "special": True, **options})


def split(expression):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(expression), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def template(tokenizer, single, pair, *names):
    return processors.TemplateProcessing(
        single=single, pair=pair,
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in names])


def make_gpt2(lines):
    tokenizer = byte_level(lines, pre_tokenizers.ByteLevel(add_prefix_space=False))
    tokenizer.add_special_tokens([token("<|endoftext|>", normalized=True)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def make_roberta(lines):
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer = byte_level(lines, pre_tokenizers.ByteLevel(add_prefix_space=True), special=[
        token(x, normalized=True) for x in special])
    tokenizer.add_special_tokens([token("<mask>", lstrip=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def make_llama3(lines):
    tokenizer = byte_level(lines, split(LLAMA3), ignore_merges=True)
    # Tokens that only `ignore_merges` finds: their merges are gone.
    state = json.loads(tokenizer.to_str())
    state["model"]["merges"] = state["model"]["merges"][:-120]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_special_tokens([
        token("<|begin_of_text|>"), token("<|endoftext|>"), token("<|im_start|>")])
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        template(tokenizer, "<|begin_of_text|> $A", "<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
                 "<|begin_of_text|>")])
    return tokenizer


def make_qwen2(lines):
    tokenizer = byte_level(lines, split(QWEN2), normalizer=normalizers.NFC())
    tokenizer.add_special_tokens([
        token("<|endoftext|>"), token("<|im_start|>"), token("<|im_end|>")])
    tokenizer.add_tokens([AddedToken("<tool>", normalized=True)])
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def make_smollm(lines):
    tokenizer = byte_level(lines, pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)]),
        special=[token("<|endoftext|>"), token("<|im_start|>"), token("<|im_end|>")])
    return tokenizer


def train_pieces(lines, **options):
    """A .model of SentencePiece as bytes."""
    result = io.BytesIO()
    defaults = dict(
        model_type="bpe", vocab_size=1000, byte_fallback=True, character_coverage=0.995,
        normalization_rule_name="identity", remove_extra_whitespaces=False, num_threads=1,
        split_digits=True, allow_whitespace_only_pieces=True, minloglevel=2)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=result, **{**defaults, **options})
    return result.getvalue()


def piece_tokenizer(model, unknown="<unk>", **options):
    """The vocabulary of a .model as tokenizers' BPE: each way to cut a piece in two is a merge."""
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    count = processor.get_piece_size()
    vocabulary = {processor.id_to_piece(id): id for id in range(count)}
    merges = []
    for piece, id in vocabulary.items():
        if processor.is_control(id) or processor.is_unknown(id) or processor.is_byte(id):
            continue
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in vocabulary and right in vocabulary:
                merges.append((-processor.get_score(id), vocabulary[left], left, right))
    merges.sort()
    defaults = dict(unk_token=unknown, fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(models.BPE(
        vocabulary, [(left, right) for _, _, left, right in merges], **{**defaults, **options}))
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps + [decoders.Strip(" ", 1, 0)])
    return tokenizer


def make_llama2(model):
    tokenizer = piece_tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.add_special_tokens([token("<unk>"), token("<s>"), token("</s>", normalized=True)])
    tokenizer.add_tokens([AddedToken("<pad>", normalized=False), AddedToken("NORM x")])
    tokenizer.post_processor = template(
        tokenizer, "<s> $A", "<s> $A <s>:1 $B:1", "<s>")
    return tokenizer


def make_mistral(model):
    tokenizer = piece_tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme="first", split=False)
    tokenizer.add_special_tokens([token("<unk>"), token("<s>"), token("</s>")])
    tokenizer.post_processor = template(
        tokenizer, "<s> $A </s>", "<s> $A </s> <s>:1 $B:1 </s>:1", "<s>", "</s>")
    return tokenizer


def make_gemma(model):
    tokenizer = piece_tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    steps = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens([token(x) for x in ("<pad>", "<eos>", "<bos>", "<unk>")])
    tokenizer.post_processor = template(tokenizer, "<bos> $A", "<bos> $A $B:1", "<bos>")
    return tokenizer


def variants(lines, model):
    """Options that no tokenizer above has."""
    neox = byte_level(lines, pre_tokenizers.ByteLevel(add_prefix_space=False), 500,
                      normalizer=normalizers.NFC())
    neox.add_tokens([AddedToken("  ", normalized=False), AddedToken("NORM", normalized=True)])
    digits = byte_level(lines, pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=True)]), 500)
    whole = byte_level(
        lines[:200], pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=False), 500)
    gaps = {}
    for fuses in (False, True):
        gaps[fuses] = byte_level(lines, pre_tokenizers.ByteLevel(add_prefix_space=False), 400)
        state = json.loads(gaps[fuses].to_str())
        kept = {chr(c) for c in range(0x21, 0x7f)} | {"\u0120"}
        names = [x for x in state["model"]["vocab"] if set(x) <= kept] + ["<unk>"]
        state["model"]["vocab"] = {x: id for id, x in enumerate(names)}
        state["model"]["merges"] = [
            x for x in state["model"]["merges"] if "".join(x) in state["model"]["vocab"]]
        state["model"]["unk_token"] = "<unk>" if fuses else None
        state["model"]["fuse_unk"] = fuses
        gaps[fuses] = Tokenizer.from_str(json.dumps(state))
    always = piece_tokenizer(model, byte_fallback=False, fuse_unk=False)
    always.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme="always", split=True)
    fused = piece_tokenizer(model, byte_fallback=False)
    fused.pre_tokenizer = pre_tokenizers.Metaspace("\u2581", prepend_scheme="never", split=True)
    fused.add_tokens([AddedToken("<b>", lstrip=True, rstrip=True), AddedToken("</b>", rstrip=True),
                      AddedToken("\u00e9", normalized=False)])
    plain = piece_tokenizer(model)
    return {"neox": neox, "digits": digits, "whole": whole, "gaps": gaps[False],
            "unknown": gaps[True], "always": always, "fused": fused, "plain": plain}


# Files

def compact(value):
    return json.dumps(value, separators=(",", ":")) + "\n"


def write(name, values):
    with open(FOLDER / name, "w", encoding="ascii") as file:
        file.writelines(compact(value) for value in values)


def ids_digest(ids):
    return "%016x" % digest(id.to_bytes(4, "little") for id in ids)


class Reference:
    """What the tests need to know of a tokenizer, of either package."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.is_pieces = isinstance(tokenizer, sentencepiece.SentencePieceProcessor)

    def encode(self, text):
        if self.is_pieces:
            return self.tokenizer.encode(text)
        if isinstance(text, bytes):
            text = text.decode("utf-8", errors="replace")
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids, skip=False):
        if self.is_pieces:
            return self.tokenizer.decode(ids)
        return self.tokenizer.decode(ids, skip_special_tokens=skip)

    @property
    def size(self):
        if self.is_pieces:
            return self.tokenizer.get_piece_size()
        return self.tokenizer.get_vocab_size(with_added_tokens=True)


def random_ids(source, reference):
    """Ids as a model might give them: all kinds, runs of bytes, special ones at the start."""
    size = reference.size
    low = min(size, 400)
    ids = [source.randrange(size if source.random() < 0.5 else low)
           for _ in range(source.randint(0, 12))]
    if source.random() < 0.3:
        ids = [source.randrange(min(size, 8))] + ids
    return ids


def decoding_cases(source, reference, texts, count):
    cases = []
    for number in range(count):
        ids = random_ids(source, reference)
        if number % 3 == 0:
            # A text that loses a token in its middle.
            ids = reference.encode(source.choice(texts))[:40]
            if ids:
                del ids[source.randrange(len(ids))]
        case = {"ids": ids, "text": reference.decode(ids)}
        if not reference.is_pieces:
            case["skipped"] = reference.decode(ids, skip=True)
        cases.append(case)
    return cases


def write_kind(source, name, tokenizer, lines, hexed):
    reference = Reference(tokenizer)
    encodings = [reference.encode(line) for line in lines]
    write(f"{name}.ids.jsonl", encodings)
    more = {
        "long": [[len(ids), ids_digest(ids)] for ids in (
            reference.encode(unit * count) for unit, count in LONG)],
        "illFormed": [reference.encode(data) for data in hexed],
        # Texts that do not come back as they were.
        "decoded": [[number, reference.decode(ids)] for number, (line, ids) in enumerate(
            zip(lines, encodings)) if reference.decode(ids) != line],
        "decoding": decoding_cases(source, reference, lines, 400),
    }
    if not reference.is_pieces:
        more["templates"] = []
        for number in range(0, 300, 5):
            pair = tokenizer.encode(lines[number], lines[number + 1])
            more["templates"].append({
                "line": number, "single": tokenizer.encode(lines[number]).ids,
                "pair": pair.ids, "typeIDs": pair.type_ids})
    write(f"{name}.more.jsonl", [more])
    print(f"{name}: {reference.size} tokens, {len(lines)} lines")


# The bytes that the characters of byte-level tokenizers stand for.
BYTES = {byte: byte for byte in [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]}
for byte in range(256):
    if byte not in BYTES:
        BYTES[0x100 + sum(code >= 0x100 for code in BYTES)] = byte


def words_digest(tokenizer, texts):
    """Of the words of texts in which no added token stands."""
    words = []
    for text in texts:
        if tokenizer.normalizer:
            text = tokenizer.normalizer.normalize_str(text)
        words += [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)]
    return "%016x" % digest(bytes(BYTES[ord(c)] for c in word) + b"\xff" for word in words)


def scalar_text(first):
    """256 scalar values, each beside the characters that the rules look at."""
    scalars = (chr(c) for c in range(first, first + 256) if not 0xD800 <= c < 0xE000)
    return "".join(f"{c} a{c}b {c}{c}1{c}'{c}s' {c}\n{c}" for c in scalars)


def make_words(tokenizers_by_name, lines):
    """A digest of the words of every 4,096 scalar values, and one of those of every 100 lines."""
    cases = []
    for name, tokenizer in tokenizers_by_name.items():
        added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
        plain = ["" if any(token in line for token in added) else line for line in lines]
        cases.append({
            "name": name,
            "scalars": [words_digest(tokenizer, map(scalar_text, range(block, block + 4096, 256)))
                        for block in range(0, 0x110000, 4096)],
            "lines": [words_digest(tokenizer, plain[start:start + 100])
                      for start in range(0, len(plain), 100)],
            "added": added})
    write("words.jsonl", cases)


def write_tokenizer(name, tokenizer):
    state = json.loads(tokenizer.to_str())
    (FOLDER / f"{name}.tokenizer.json").write_text(
        json.dumps(state, separators=(",", ":")), encoding="ascii")


def main():
    for package, version in PINNED.items():
        found = sys.modules[package].__version__
        if found != version:
            sys.exit(f"needs {package}=={version}, found {found}")
    FOLDER.mkdir(exist_ok=True)
    source = random.Random(20250321)
    words = [word for word in read_vocabulary() if word.isalpha() and len(word) > 2][3000:7000]
    lines = texts(source, words)
    hexed = ill_formed(source)
    write("texts.jsonl", lines)
    write("shared.jsonl", [{"long": LONG, "illFormed": [data.hex() for data in hexed]}])
    training = corpus(source, words)
    pieces = train_pieces(training)
    made = {
        "gpt2": make_gpt2(training), "roberta": make_roberta(training),
        "llama3": make_llama3(training), "qwen2": make_qwen2(training),
        "smollm": make_smollm(training), "llama2": make_llama2(pieces),
        "mistral": make_mistral(pieces),
        "gemma": make_gemma(train_pieces(
            training, pad_id=0, eos_id=1, bos_id=2, unk_id=3, bos_piece="<bos>", eos_piece="<eos>",
            vocab_size=900)),
    }
    for name, tokenizer in made.items():
        write_tokenizer(name, tokenizer)
        write_kind(source, name, Tokenizer.from_str(tokenizer.to_str()), lines, hexed)
    make_words({name: made[name] for name in ("gpt2", "roberta", "llama3", "qwen2", "smollm")}, lines)
    symbols = ["<user>", "\u2581\u2581", "\u2581\u2581\u2581\u2581", "\n", "<b>", "</b>", "\u00e9x"]
    models_made = {
        "identity": pieces,
        "nfkc": train_pieces(
            training, normalization_rule_name="nmt_nfkc", remove_extra_whitespaces=True,
            user_defined_symbols=["<user>", "<b>", "\ufb01", "\u3000x"], vocab_size=900),
        "symbols": train_pieces(
            training, add_dummy_prefix=False, user_defined_symbols=symbols, byte_fallback=True,
            pad_id=3, control_symbols=["<tool>"], vocab_size=900),
        "unknown": train_pieces(
            training, byte_fallback=False, vocab_size=700, unk_surface=" ?? ",
            normalization_rule_name="nfkc_cf", remove_extra_whitespaces=True, split_digits=False),
    }
    for name, model in models_made.items():
        (FOLDER / f"{name}.model").write_bytes(model)
        write_kind(source, name, sentencepiece.SentencePieceProcessor(model_proto=model),
                   lines, hexed)
    chosen = source.sample(lines, 400) + lines[:120]
    write("variants.jsonl", [
        {"name": name, "tokenizer": tokenizer.to_str(), "texts": chosen if number == 0 else None,
         "ids": [Reference(tokenizer).encode(line) for line in chosen],
         "decoding": decoding_cases(source, Reference(tokenizer), chosen, 100)}
        for number, (name, tokenizer) in enumerate(variants(training, pieces).items())])


if __name__ == "__main__":
    main()
