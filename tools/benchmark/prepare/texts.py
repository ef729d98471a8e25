"""The token ids of the sentences that fidelity is measured with, and of those for calibration."""

import json
from pathlib import Path

from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[3]
SENTENCES = ROOT / "Tests" / "Fixtures" / "minilm" / "sentences.txt"
# Other texts than those that fidelity is measured with.
CALIBRATION = ROOT / "tools" / "zoo" / "topic-classifier" / "calibration.jsonl"
MAXIMUM_TOKENS = 256


def _encode(checkpoint, texts):
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAXIMUM_TOKENS)
    return [encoding.ids for encoding in tokenizer.encode_batch(texts)]


def sentences(checkpoint):
    return _encode(checkpoint, SENTENCES.read_text(encoding="utf-8").splitlines())


def calibration(checkpoint, count):
    lines = CALIBRATION.read_text(encoding="utf-8").splitlines()[:count]
    return _encode(checkpoint, [json.loads(line)["text"] for line in lines])
