"""Writes tools/zoo/description-writer/reference.jsonl: how the model's texts go on, by PyTorch.

    python tools/make_reference_descriptions.py

One line for each prompt: {"text", "input_ids", "greedy", "continuation", "margins", "rows",
"logits"}. `greedy` are the tokens that follow when the best one is taken, up to the end token or
32; `continuation` is what they say; `margins` tell how far each one's logit lies above the second
best. `logits` are those of the positions `rows` and of each 8th token of the vocabulary, row-major
little-endian float32 in base64. The F16 weights are upcast to float32 and computed with in float32.

It also prints the perplexity of the texts of evaluation.jsonl, without the end of each, as
tools/perplexity computes it for containers.
"""

import argparse
import base64
import json
import math
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from transformers import AutoTokenizer, LlamaForCausalLM

FOLDER = Path(__file__).resolve().parent / "zoo" / "description-writer"
NEW_TOKENS = 32
COLUMN_STEP = 8
ROW_STEP = 16
# Far above what the order of additions changes in a logit.
LEAST_MARGIN = 1e-3

PROMPTS = [
    "",
    "library",
    "graphical interface for",
    "simple command line tool to",
    "documentation for",
    "Perl module to",
    "Python 3 library",
    "C++11 bindings (x86_64, v2.0): <https://example.org/>",
    "Fonts für Ελληνικά, кириллица und 日本語 – naïve ☺ 🙂",
]


def encoded(values):
    return base64.b64encode(values.numpy().astype("<f4").tobytes()).decode()


def prompts(lines):
    """The list above, and held-out texts: the beginning of one, a whole one, some in a row."""
    whole = [text for text in lines if text.endswith(".")]
    long = max(whole, key=len)
    return [*PROMPTS, long[: len(long) * 3 // 4], whole[0], " ".join(whole[1:3])]


@torch.inference_mode()
def reference(model, tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    greedy, margins = [], []
    end = tokenizer.eos_token_id
    logits = None
    while len(greedy) < NEW_TOKENS and end not in greedy:
        answer = model(input_ids=torch.tensor([ids + greedy]), use_cache=False).logits[0]
        logits = answer if logits is None else logits
        best = answer[-1].topk(2)
        greedy.append(best.indices[0].item())
        margins.append((best.values[0] - best.values[1]).item())
    assert min(margins) > LEAST_MARGIN, (text, min(margins))
    assert len(ids) + len(greedy) <= model.config.max_position_embeddings
    rows = list(range(len(ids) - 1, -1, -ROW_STEP))[::-1]
    return {
        "text": text,
        "input_ids": ids,
        "greedy": greedy,
        "continuation": tokenizer.decode(greedy, skip_special_tokens=True),
        "margins": [round(margin, 4) for margin in margins],
        "rows": rows,
        "logits": encoded(logits[rows, ::COLUMN_STEP]),
    }


@torch.inference_mode()
def perplexity(model, tokenizer, lines):
    total, count = 0.0, 0
    for text in lines:
        ids = torch.tensor(tokenizer(text)["input_ids"])
        logits = model(input_ids=ids[None, :-1]).logits[0]
        total += F.cross_entropy(logits.double(), ids[1:], reduction="sum").item()
        count += len(ids) - 1
    return math.exp(total / count), count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(1)

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = LlamaForCausalLM.from_pretrained(
        options.model, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    assert all(value.dtype == torch.float32 for value in model.parameters())

    lines = (options.model / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    lines = [json.loads(line)["text"] for line in lines]
    with open(options.model / "reference.jsonl", "w", encoding="utf-8") as file:
        for text in prompts(lines):
            line = reference(model, tokenizer, text)
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")
            print(
                f"{len(line['input_ids']):4} + {len(line['greedy']):2} tokens, "
                f"least margin {min(line['margins']):.4f}: "
                f"{text[-40:]!r} + {line['continuation']!r}"
            )
    value, count = perplexity(model, tokenizer, lines)
    print(f"evaluation.jsonl: {len(lines)} texts, {count} tokens, perplexity {value:.4f}")


if __name__ == "__main__":
    main()
