#!/usr/bin/env python3
"""Writes the expected token ids in Tests/EdgeTokenizerTests/Fixtures.

The reference is Hugging Face `tokenizers`; texts are drawn with a fixed seed. Every file is JSON
lines in ASCII, so that control characters survive.

    pip install tokenizers==0.22.1
    python3 tools/make_tokenizer_cases.py
"""

import itertools
import json
import pathlib
import random
import sys

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

PINNED = "0.22.1"
FIXTURES = pathlib.Path(__file__).parent.parent / "Tests/EdgeTokenizerTests/Fixtures"
VOCABULARY = FIXTURES / "bert-base-uncased-vocab.txt"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

SENTENCES = """
The quick brown fox jumps over the lazy dog.
CVE-2021-44228: Apache Log4j2 <=2.14.1 JNDI features do not protect against attacker controlled LDAP.
    def encode(self, text: str, *, max_length=512) -> list[int]:\treturn self._tok(text)  # TODO
for (int i = 0; i < n; ++i) { a[i] ^= (b[i] >> 3) & 0xFFu; } /* don't */
SELECT * FROM "users" WHERE name = 'O''Brien' AND id != 42; -- comment
https://example.org/a/b?c=d&e=%20f#g user@example.com C:\\Windows\\System32 ~/.bashrc
It's 5:30 p.m.; she'd've said "no"... $1,234.56 (approx. 99.9%) — or so
naïve café résumé Übergröße façade coöperate jalapeño Ångström Łódź Škoda
GROẞ Straße STRASSE ﬁne ﬂow oﬃce ﬆ ŉ ǆ ǅ Ǆ ĳ
İstanbul Iğdır ısı İİıı IĞDIR i̇ I̊
ΟΔΥΣΣΕΥΣ Ὀδυσσεύς σοφός ΣΑΣ ς Σ ᾳ ᾼ ΐ ΰ Ϊ́ ;· ` ´
Съешь же ещё этих мягких французских булок, да выпей чаю. ЙЁ Їжак ў
Tiếng Việt: Cửa Việt Nam Quốc ngữ đường phố ẤẦẨẪẬ
Tiê\u0301ng Viê\u0323t: o\u031b\u0301 o\u0301\u031b u\u031b\u0323 a\u0306\u0301
我想在apple工作1314151天～ 東京タワー ﾊﾝｶｸ カ゛ ガ が か\u3099 〆切 々 〇 ㍻ ㌔
한국어 문장입니다. 각 가\u11a8 \u1100\u1161\u11a8 ㄱㅏㄱ ﾡ 힣
العَرَبِيَّة مرحبا بالعالم ﷺ ﷲ لا ـــ ١٢٣ ،؟
שָׁלוֹם עולם \ufb2a \ufb1d יִ ־ ״
สวัสดีชาวโลก ภาษาไทย น้ำ ๑๒๓ ฿
नमस्ते दुनिया क़ ख़ ड़ क्षि हिन्दी १२३ ।
বাংলা ভাষা কো ো ৎ தமிழ் கொ తెలుగు ಕನ್ನಡ ಕೊ മലയാളം ക്ഷ සිංහල ලෝ
ქართული ენა ᲥᲐᲠᲗᲣᲚᲘ հայերեն և ՀԱՅ አማርኛ ᏣᎳᎩ ꭰ ខ្មែរ မြန်မာ བོད་སྐད་ ᠮᠣᠩᠭᠣᠯ ລາວ
😀 👩‍💻 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇯🇵 👍🏽 ❤️ ☺︎ 1️⃣ #️⃣ 🫠 🪿 🧌 🫨 🦙.cpp 😁
𝐇𝐞𝐥𝐥𝐨 𝓦𝓸𝓻𝓵𝓭 𝔘𝔫𝔦 𝟙𝟚𝟛 ℌ ℝ ℕ Å K Ω ℓ ⅷ Ⅷ ① ② Ⓐ ⓐ ½ ¼ ² ₂ ™ ®
Ｆｕｌｌｗｉｄｔｈ　ＴＥＸＴ，１２３！？ ｆｏｏ＿ｂａｒ ＃＠
zero\u200bwidth non\u200cjoiner joi\u200dner bom\ufeffin word\u2060joiner soft\u00adhyphen
left\u200eright\u200fmark \u202aembed\u202c \u2066isolate\u2069 \u061c \u180e
bell\u0007 esc\u001b[31m nul\u0000 del\u007f c1\u0085\u009b \ufffd \ufffe \uffff \U0010ffff \ue000
[CLS] x [MASK] y [SEP] [PAD][UNK][MASK][mask] [MASK [ MASK ] [[MASK]] a[SEP]b [CLS][CLS]
!!! ??? ... --- === *** +++ ~~~ ^^^ ``` $$$ ||| <<< >>> @@@ ### %%% &&& ___ ((( ))) {{{ }}} \\\\\\
¡¿§¶·«»‘’“”‹›…‰†‡•– — ― ‗ ‚ „ ‛ ‟ ′ ″ ‴ ⁂ ⁇ ⁈ 、。〈〉《》「」『』【】〜 ﹐﹑ ＂＇ ٪ ؉ ߷ ।॥ ໆ ፡ ። 
1 12 123 1234 12345 3.14159 1e-10 0xDEADBEEF 1_000 ١٢٣٤ 四 Ⅻ
""".split("\n")

BLOCKS = {
    "latin": [(0x20, 0x7E), (0xA0, 0x24F), (0x1E00, 0x1EFF)],
    "ipa": [(0x250, 0x2FF), (0x1D00, 0x1DBF), (0x61, 0x7A)],
    "marks": [(0x61, 0x66), (0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20F0)],
    "greek": [(0x370, 0x3FF), (0x1F00, 0x1FFF), (0x300, 0x314)],
    "cyrillic": [(0x400, 0x52F), (0x1C80, 0x1C88), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)],
    "semitic": [(0x590, 0x6FF), (0x700, 0x7FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFF)],
    "indic": [(0x900, 0xDFF)],
    "southeast": [(0xE00, 0xFFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1B00, 0x1BFF),
                  (0xA980, 0xA9DF), (0xA950, 0xA95F)],
    "hangul": [(0x1100, 0x11FF), (0xAC00, 0xD7A3), (0x3130, 0x318F), (0xA960, 0xA97F)],
    "cjk": [(0x3000, 0x30FF), (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0xF900, 0xFAFF)],
    "ideographs": [(0x20000, 0x2FA1F), (0x2A700, 0x2CEFF), (0x9FA0, 0x9FFF), (0x61, 0x7A)],
    "symbols": [(0x2000, 0x2BFF), (0xFE00, 0xFE6F), (0xFF00, 0xFFEF)],
    "emoji": [(0x1F000, 0x1FAFF), (0x200D, 0x200D), (0xFE0E, 0xFE0F), (0x1F1E6, 0x1F1FF)],
    "controls": [(0x0, 0x20), (0x7F, 0xA0), (0x2000, 0x206F), (0x61, 0x66), (0xFFF0, 0xFFFF)],
    "historic": [(0x10000, 0x11FFF), (0x16800, 0x16FFF), (0x1E000, 0x1E95F)],
    "music": [(0x1D100, 0x1D1FF), (0x1D165, 0x1D172), (0x300, 0x305), (0x61, 0x63)],
    "mathematics": [(0x1D400, 0x1D7FF), (0x2100, 0x214F)],
    "ascii": [(0x0, 0x7F)],
    "anything": [(0x0, 0xD7FF), (0xE000, 0x10FFFF), (0x0, 0x2FFFF - 0x20000)],
}

# Characters with a combining class that `strip_accents` keeps, some that it drops, starters.
REORDERED = [
    0x302E, 0x302F, 0x1D165, 0x1D166, 0x1D16D, 0x1D16E, 0x1D172, 0x1B44, 0x1BAA, 0x1BF2, 0xA953,
    0xA9C0, 0x111C0, 0x11235, 0x1134D, 0x116B6, 0x11442, 0x11446, 0x8D4, 0x8E0, 0x1DFB, 0x1E000,
    0x1E94A, 0x1E944, 0x300, 0x301, 0x316, 0x323, 0x327, 0x334, 0x345, 0x34F, 0x93C, 0x94D, 0x3099,
    0x5B0, 0x64B, 0x61, 0x6D, 0xE9, 0xAC01, 0x1100, 0x4E00, 0xF900, 0x958, 0x1D15E, 0x2E, 0x20,
    0x180B, 0x200D, 0x1C, 0xAD, 0x130, 0x3A3,
]
WHITESPACE = [*range(9, 14), *range(0x1C, 0x21), 0x85, 0xA0, 0x1680, 0x180E, *range(0x2000, 0x200C),
              0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF]


def scalar(random_source, blocks):
    while True:
        first, last = random_source.choice(blocks)
        c = random_source.randint(first, last)
        if not 0xD800 <= c < 0xE000:
            return chr(c)


def block_line(random_source, name):
    words = []
    for _ in range(random_source.randint(1, 8)):
        words.append("".join(
            scalar(random_source, BLOCKS[name]) for _ in range(random_source.randint(1, 9))))
    return random_source.choice([" ", "", "  ", ", ", "\u3000"]).join(words)


def reordered_line(random_source):
    return "".join(
        chr(random_source.choice(REORDERED)) for _ in range(random_source.randint(2, 24)))


def vocabulary_line(random_source, tokens):
    words = []
    for _ in range(random_source.randint(1, 14)):
        word = random_source.choice(tokens).removeprefix("##")
        if random_source.random() < 0.3:
            word += random_source.choice(tokens).removeprefix("##")
        form = random_source.randrange(5)
        words.append([word, word, word.upper(), word.title(), word.swapcase()][form])
    return random_source.choice([" ", " ", " ", "-", ""]).join(words)


def mixed_line(random_source, tokens):
    parts = []
    for _ in range(random_source.randint(2, 7)):
        kind = random_source.randrange(6)
        if kind == 0:
            parts.append(random_source.choice(SPECIAL))
        elif kind == 1:
            parts.append(chr(random_source.choice(WHITESPACE)) * random_source.randint(1, 3))
        elif kind == 2:
            parts.append(vocabulary_line(random_source, tokens))
        else:
            parts.append(block_line(random_source, random_source.choice(list(BLOCKS))))
    return "".join(parts)


def long_words():
    lines = []
    for length in (1, 2, 98, 99, 100, 101, 102, 199, 200, 1000):
        for unit in ("a", "é", "e\u0301", "ß", "İ", "한", "我", "\U0001d400", "1", "-", "\u302e",
                     "ab", "\u00ad", "я", "क्", "x\u200d"):
            lines.append(unit * length)
            lines.append("x " + unit * length + " y")
    for length in (97, 98, 99, 100, 101):
        lines += ["unaffable" + "s" * length, "q" * length + "\u0300" * 50, "\u0300" * length + "q"]
        lines += ["w" * length + "[MASK]" + "w" * length, "w" * length + "我" + "w" * length]
    return lines


def texts(random_source, tokens, scale):
    lines = [line for line in SENTENCES]
    lines += ["", " ", "   ", "\n", "\t\r\n", "\u3000", "\u0000", "\u0000\u0000 \u0000", "\ufffd",
              "\u00ad", "\u0300", "\u034f", "a", "##ing", "# # ing", "[", "]", "[MASK", "[MASK]"]
    lines += [a + chr(c) + b for c in WHITESPACE for a, b in (("", ""), ("a", "b"), ("[SEP]", "x"))]
    lines += long_words()
    for name in BLOCKS:
        lines += [block_line(random_source, name) for _ in range(scale)]
    lines += [reordered_line(random_source) for _ in range(4 * scale)]
    lines += [vocabulary_line(random_source, tokens) for _ in range(8 * scale)]
    lines += [mixed_line(random_source, tokens) for _ in range(8 * scale)]
    return lines


def read_vocabulary():
    lines = VOCABULARY.read_text(encoding="utf-8").split("\n")
    return {token: id for id, token in enumerate(lines[:-1])}


def bert_tokenizer(vocabulary, **options):
    tokenizer = Tokenizer(models.WordPiece(
        vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(**options)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])])
    return tokenizer


def words(tokenizer, text):
    normalized = tokenizer.normalizer.normalize_str(text)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normalized)]


def write(name, cases):
    with open(FIXTURES / name, "w", encoding="ascii") as file:
        for case in cases:
            file.write(json.dumps(case, separators=(",", ":")) + "\n")
    print(f"{name}: {len(cases)} cases")


def make_uncased(random_source, vocabulary):
    tokenizer = bert_tokenizer(vocabulary)
    lines = texts(random_source, list(vocabulary), 60)
    write("uncased.jsonl", [
        {"text": line, "ids": tokenizer.encode(line).ids} for line in lines])


def make_options(random_source, vocabulary):
    cases = []
    combinations = itertools.product([True, False], [True, False], [None, True, False],
                                     [True, False])
    for clean, chinese, accents, lowercase in combinations:
        options = dict(clean_text=clean, handle_chinese_chars=chinese, strip_accents=accents,
                       lowercase=lowercase)
        tokenizer = bert_tokenizer(vocabulary, **options)
        lines = SENTENCES + [
            block_line(random_source, name) for name in BLOCKS for _ in range(2)]
        lines += [reordered_line(random_source) for _ in range(30)]
        for line in lines:
            plain = line
            for token in SPECIAL:
                plain = plain.replace(token, "")
            cases.append({"options": options, "text": plain, "words": words(tokenizer, plain),
                          "ids": tokenizer.encode(plain).ids})
    write("options.jsonl", cases)


def make_pairs(random_source, vocabulary):
    cases = []
    for direction in ("right", "left"):
        tokenizer = bert_tokenizer(vocabulary)
        for number in range(250):
            first, second = (
                " ".join(random_source.choice(["the", "cat", "unaffable", "我", ".", "x"])
                         for _ in range(random_source.choice([0, 1, 2, 3, 5, 9, 20])))
                for _ in range(2))
            is_pair = random_source.random() < 0.8
            maximum = random_source.choice([None, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 30, 64])
            tokenizer.no_truncation()
            arguments = (first, second) if is_pair else (first,)
            whole = tokenizer.encode(*arguments)
            if maximum is not None:
                tokenizer.enable_truncation(maximum, direction=direction)
            encoding = tokenizer.encode(*arguments)
            case = {"text": first, "left": direction == "left", "ids": encoding.ids,
                    "type_ids": encoding.type_ids, "count": len(whole.ids)}
            if is_pair:
                case["pair"] = second
            if maximum is not None:
                case["maximum"] = maximum
            cases.append(case)
    write("pairs.jsonl", cases)


def make_bytes(random_source, vocabulary):
    """Ill-formed UTF-8; Python replaces maximal subparts, too."""
    tokenizers_by_cleaning = {
        clean: bert_tokenizer(vocabulary, clean_text=clean) for clean in (True, False)}
    pieces = [b"a", b"b ", b"\x80", b"\xbf", b"\xc0", b"\xc1", b"\xc2", b"\xc3\xa9", b"\xdf",
              b"\xe0", b"\xe0\x80", b"\xe0\xa0", b"\xe2\x82", b"\xe2\x82\xac", b"\xed\xa0\x80",
              b"\xed\x9f\xbf", b"\xef\xbf", b"\xf0", b"\xf0\x80", b"\xf0\x90\x80", b"\xf0\x9f\x98",
              b"\xf0\x9f\x98\x80", b"\xf4\x8f\xbf\xbf", b"\xf4\x90", b"\xf5", b"\xff", b"\xfe",
              b"[MASK]", b"\xe6\x88\x91", b"\x00"]
    cases = []
    for _ in range(300):
        data = b"".join(random_source.choice(pieces) for _ in range(random_source.randint(1, 9)))
        if random_source.random() < 0.3:
            data = random_source.randbytes(random_source.randint(1, 24))
        for clean, tokenizer in tokenizers_by_cleaning.items():
            text = data.decode("utf-8", errors="replace")
            cases.append({"hex": data.hex(), "clean_text": clean,
                          "ids": tokenizer.encode(text).ids})
    write("bytes.jsonl", cases)


def toy_tokenizer(processor, flags):
    tokens = ["<s>", "<pad>", "</s>", "[UNK]", "a", "##b", "b", "c", "##c", "mask", "<", ">", "x",
              ".", "\u00e9", "e\u0301", "##\u00e9", "\u8c48", "\uf900", "##", "##ab", "ab", "abc"]
    tokenizer = Tokenizer(models.WordPiece(
        {token: id for id, token in enumerate(tokens)}, unk_token="[UNK]",
        max_input_chars_per_word=7))
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    added = [
        tokenizers.AddedToken(content, special=special, **{"normalized": False, **options})
        for content, special, options in flags]
    tokenizer.add_tokens(added)
    if processor == "roberta":
        tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    elif processor == "bert":
        tokenizer.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 0))
    elif processor == "template":
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s>:3 $A:4", pair="$B:1 <s>:2 $A:5 </s>:6",
            special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def make_added(random_source):
    """Added tokens that strip white space, overlap or are new to the vocabulary."""
    left, right, both = dict(lstrip=True), dict(rstrip=True), dict(lstrip=True, rstrip=True)
    normalized = dict(normalized=True)
    variants = [
        ("roberta", [("<s>", True, {}), ("</s>", True, {}), ("<mask>", True, left)]),
        ("bert", [("<s>", True, right), ("</s>", True, both), ("<mask>", True, {}),
                  ("<mask><s>", False, {}), ("ab", False, {})]),
        ("template", [("a", False, both), ("aa", False, {}), ("aab", False, left),
                      ("\u00e9", False, right), ("b a", False, {})]),
        ("none", [(" ", False, right), ("  x", False, both), ("\u2003c", False, {}),
                  ("NEW", True, left)]),
        ("bert", [("<UNK>", True, normalized), ("A", False, normalized), ("aB.", False, normalized),
                  ("\u00c9", False, {**left, **normalized}), ("<mask>", True, {})]),
        ("none", [("b", False, normalized), ("bc", False, {**both, **normalized}),
                  ("x<", False, normalized), ("New", True, normalized), ("a", False, right),
                  ("\u302e", False, normalized)]),
    ]
    pieces = ["<s>", "</s>", "<mask>", "a", "aa", "aab", "b", "ab", " ", "  ", "\u2003", "\u000b",
              "\u0085", "x", "\u00e9", "e\u0301", "E\u0301", "NEW", "new", "c", ".", "<", "\uf900",
              "\u8c48", "abcabca", "abcabcab", "\u3000", "\u001c", "\u200b", "<unk>", "<UNK>",
              "\u00c9", "bc", "New", "\u302e", "\U0001d165", "\u00ad"]
    cases, sources = [], []
    for number, (processor, flags) in enumerate(variants):
        tokenizer = toy_tokenizer(processor, flags)
        sources.append(json.loads(tokenizer.to_str()))
        for _ in range(300):
            line, pair = (
                "".join(random_source.choice(pieces) for _ in range(random_source.randint(0, 12)))
                for _ in range(2))
            single, double = tokenizer.encode(line), tokenizer.encode(line, pair)
            cases.append({
                "tokenizer": number, "text": line, "pair": pair, "ids": single.ids,
                "type_ids": single.type_ids, "pair_ids": double.ids,
                "pair_type_ids": double.type_ids})
    write("added-tokenizers.jsonl", sources)
    write("added.jsonl", cases)


def digest(parts):
    """FNV-1a with 64 bits."""
    value = 0xCBF29CE484222325
    for part in parts:
        for byte in part:
            value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def scalar_text(first):
    """256 scalar values, each alone and between two letters."""
    scalars = (chr(c) for c in range(first, first + 256) if not 0xD800 <= c < 0xE000)
    return "".join(f"{c} a{c}b " for c in scalars)


def make_scalars(vocabulary):
    """A digest of the words of every 4096 scalar values, and one of the ids."""
    cases = []
    for clean, chinese, accents, lowercase in [
            (True, True, True, True), (True, True, False, False), (True, False, True, False),
            (False, False, False, True), (False, True, True, True), (False, False, False, False)]:
        options = dict(clean_text=clean, handle_chinese_chars=chinese, strip_accents=accents,
                       lowercase=lowercase)
        tokenizer = bert_tokenizer(vocabulary, **options)
        word_digests, id_digests = [], []
        for block in range(0, 0x110000, 4096):
            chunks = [scalar_text(first) for first in range(block, block + 4096, 256)]
            word_digests.append("%016x" % digest(
                word.encode() + b"\xff" for chunk in chunks for word in words(tokenizer, chunk)))
            id_digests.append("%016x" % digest(
                id.to_bytes(4, "little") for chunk in chunks
                for id in tokenizer.encode(chunk, add_special_tokens=False).ids))
        cases.append({"options": options, "words": word_digests, "ids": id_digests})
    write("scalars.jsonl", cases)


def main():
    if tokenizers.__version__ != PINNED:
        sys.exit(f"needs tokenizers=={PINNED}, found {tokenizers.__version__}")
    random_source = random.Random(20240607)
    vocabulary = read_vocabulary()
    make_uncased(random_source, vocabulary)
    make_options(random_source, vocabulary)
    make_pairs(random_source, vocabulary)
    make_bytes(random_source, vocabulary)
    make_added(random_source)
    make_scalars(vocabulary)


if __name__ == "__main__":
    main()
