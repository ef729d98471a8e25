"""Writes a checkpoint with the shape of BERT-base and random weights, the same on every machine."""

import json
import shutil
import sys
from pathlib import Path

import numpy
from safetensors.numpy import save_file

LAYERS, HIDDEN, HEADS, INTERMEDIATE = 12, 768, 12, 3072
SEED = 20240601
# The standard deviation of BERT's own initialization (Devlin et al., 2018).
DEVIATION = 0.02


def tensors(vocabulary_size, position_count, type_count):
    generator = numpy.random.default_rng(SEED)

    def matrix(rows, columns):
        return generator.normal(0, DEVIATION, (rows, columns)).astype(numpy.float32)

    def vector(mean, count):
        return (mean + generator.normal(0, DEVIATION, count)).astype(numpy.float32)

    found = {
        "embeddings.word_embeddings.weight": matrix(vocabulary_size, HIDDEN),
        "embeddings.position_embeddings.weight": matrix(position_count, HIDDEN),
        "embeddings.token_type_embeddings.weight": matrix(type_count, HIDDEN),
        "embeddings.LayerNorm.weight": vector(1, HIDDEN),
        "embeddings.LayerNorm.bias": vector(0, HIDDEN),
    }
    for layer in range(LAYERS):
        linear = {
            "attention.self.query": (HIDDEN, HIDDEN),
            "attention.self.key": (HIDDEN, HIDDEN),
            "attention.self.value": (HIDDEN, HIDDEN),
            "attention.output.dense": (HIDDEN, HIDDEN),
            "intermediate.dense": (INTERMEDIATE, HIDDEN),
            "output.dense": (HIDDEN, INTERMEDIATE),
        }
        for name, (rows, columns) in linear.items():
            found[f"encoder.layer.{layer}.{name}.weight"] = matrix(rows, columns)
            found[f"encoder.layer.{layer}.{name}.bias"] = vector(0, rows)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            found[f"encoder.layer.{layer}.{name}.weight"] = vector(1, HIDDEN)
            found[f"encoder.layer.{layer}.{name}.bias"] = vector(0, HIDDEN)
    # Part of every BERT checkpoint; mean pooling does not read it.
    found["pooler.dense.weight"] = matrix(HIDDEN, HIDDEN)
    found["pooler.dense.bias"] = vector(0, HIDDEN)
    return found


def main(minilm, out):
    """Takes tokenizer, pooling and the sizes of the tables from the folder `minilm`."""
    configuration = json.loads((minilm / "config.json").read_text())
    configuration.update(
        hidden_size=HIDDEN,
        intermediate_size=INTERMEDIATE,
        num_attention_heads=HEADS,
        num_hidden_layers=LAYERS,
    )
    configuration.pop("_name_or_path", None)
    shutil.copytree(minilm, out, dirs_exist_ok=True, ignore=lambda _, names: [
        name for name in names if name in ("model.safetensors", ".complete", "README.md")
    ])
    pooling = out / "1_Pooling" / "config.json"
    settings = json.loads(pooling.read_text())
    settings["word_embedding_dimension"] = HIDDEN
    pooling.write_text(json.dumps(settings, indent=2) + "\n")
    (out / "config.json").write_text(json.dumps(configuration, indent=2) + "\n")
    save_file(
        tensors(
            configuration["vocab_size"],
            configuration["max_position_embeddings"],
            configuration["type_vocab_size"],
        ),
        out / "model.safetensors",
        metadata={"format": "pt"},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
