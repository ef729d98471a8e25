"""Writes a checkpoint with the shape of BERT-base and random weights from a fixed seed."""

import json
import shutil
import sys
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

SEED = 20240601
# Not of the other model: its weights, its shape and the text about it.
OTHERS = ("model.safetensors", "config.json", ".complete", "README.md")


def main(minilm, out):
    """Takes tokenizer and pooling from the folder `minilm`, whose vocabulary BERT-base has too."""
    shutil.copytree(
        minilm, out, dirs_exist_ok=True, ignore=lambda folder, names: [
            name for name in names if Path(folder) == minilm and name in OTHERS
        ]
    )
    torch.manual_seed(SEED)
    configuration = BertConfig(
        vocab_size=30522,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        max_position_embeddings=512,
    )
    BertModel(configuration).eval().save_pretrained(out)
    pooling = out / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text())
    settings["word_embedding_dimension"] = configuration.hidden_size
    pooling.write_text(json.dumps(settings, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
