"""Writes tools/zoo/topic-classifier/reference.jsonl: what the classifier answers, from PyTorch.

    python tools/make_reference_topics.py

One line for each of the first 32 lines of evaluation.jsonl: {"input_ids", "logits"}. The F16
weights are upcast to float32 and computed with in float32; each logit is written with the fewest
digits that read back to the same float32.
"""

import argparse
import json
from pathlib import Path

import numpy
import torch
from transformers import AutoTokenizer, BertForSequenceClassification

FOLDER = Path(__file__).resolve().parent / "zoo" / "topic-classifier"


def floats(values):
    numbers = values.detach().numpy().astype(numpy.float32)
    text = "[" + ",".join(numpy.format_float_scientific(n, trim="-") for n in numbers) + "]"
    assert numpy.array_equal(numpy.array(json.loads(text)).astype(numpy.float32), numbers)
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--count", type=int, default=32)
    options = parser.parse_args()
    torch.set_num_threads(1)

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model = BertForSequenceClassification.from_pretrained(
        options.model, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    assert all(value.dtype == torch.float32 for value in model.parameters())

    lines = (options.model / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    correct = 0
    with open(options.model / "reference.jsonl", "w", encoding="utf-8") as file:
        for number, line in enumerate(map(json.loads, lines)):
            ids = tokenizer(line["text"], truncation=True)["input_ids"]
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([ids])).logits[0]
            correct += model.config.id2label[logits.argmax().item()] == line["label"]
            if number < options.count:
                ids = json.dumps(ids, separators=(",", ":"))
                file.write(f'{{"input_ids":{ids},"logits":{floats(logits)}}}\n')
    print(f"{correct} of {len(lines)} lines right: {correct / len(lines):.4f}")


if __name__ == "__main__":
    main()
