"""Writes the embeddings that PyTorch computes in float32, and the token ids they belong to."""

import json
import sys
from pathlib import Path

import torch
from transformers import BertModel

from benchmark.prepare import texts


def main(checkpoint, out):
    torch.set_num_threads(1)
    model = BertModel.from_pretrained(checkpoint, dtype=torch.float32).eval()
    cases = []
    for ids in texts.sentences(checkpoint):
        with torch.inference_mode():
            hidden = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
        cases.append({"ids": ids, "embedding": hidden.mean(0).tolist()})
    (out / "reference.json").write_text(json.dumps(cases))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
