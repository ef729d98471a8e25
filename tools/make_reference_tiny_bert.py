"""Writes Tests/Fixtures/tiny-bert/: small random BERT checkpoints and what PyTorch answers.

    python tools/make_reference_tiny_bert.py

Every folder holds a checkpoint as Hugging Face or an older converter would have stored it, and
expected.json with {"cases": [{"input_ids", "token_type_ids", "last_hidden_state",
"pooler_output", "logits"}]}. The expected values are computed in float32 from the stored weights,
read back and upcast; each is written with the fewest digits that read back to the same float32.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "tiny-bert"
LENGTHS = (1, 7, 23, 40)


def configuration(**changes):
    """Weights ten times larger than BERT's start, so that attention and GELU are not linear."""
    values = dict(
        vocab_size=100,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=40,
        hidden_act="gelu",
        initializer_range=0.2,
    )
    return BertConfig(**(values | changes))


def create(kind, config, seed):
    """A seeded model whose biases and norms are random, too: zeros and ones would hide errors."""
    torch.manual_seed(seed)
    model = kind(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("LayerNorm.weight"):
                parameter.uniform_(0.5, 1.5)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.1)
    return model


def inputs(seed):
    """Token ids and type ids: all types 0, except the third case, whose second half has type 1."""
    generator = numpy.random.default_rng(seed)
    for length in LENGTHS:
        ids = generator.integers(0, 100, length).tolist()
        second = length // 2 if length == 23 else 0
        yield ids, [0] * (length - second) + [1] * second


def floats(values):
    """Nested lists of float32, each with the fewest digits that read back to the same bits."""
    if values is None:
        return "null"
    values = values.detach().numpy().astype(numpy.float32)
    if values.ndim > 1:
        return "[" + ",\n".join(floats(torch.from_numpy(row)) for row in values) + "]"
    text = "[" + ",".join(numpy.format_float_scientific(n, trim="-") for n in values) + "]"
    assert numpy.array_equal(numpy.array(json.loads(text)).astype(numpy.float32), values)
    return text


def load(kind, config, folder):
    """The stored weights, upcast to float32, in a model whose every parameter they fill."""
    weights = {}
    for file in sorted(folder.glob("*.safetensors")):
        weights |= load_file(file)
    names = {".gamma": ".weight", ".beta": ".bias"}
    for old, new in names.items():
        weights = {
            name.replace("LayerNorm" + old, "LayerNorm" + new): value
            for name, value in weights.items()
        }
    weights = {name: value.float() for name, value in weights.items()}
    model = kind._from_config(config, dtype=torch.float32, attn_implementation="eager")
    missing, unexpected = model.load_state_dict(weights, strict=False)
    tied = {"cls.predictions.decoder.weight", "cls.predictions.decoder.bias"}
    assert set(missing) <= tied and not unexpected, (missing, unexpected)
    model.tie_weights()
    assert all(value.dtype == torch.float32 for value in model.parameters())
    return model.eval()


@torch.inference_mode()
def expect(kind, config, folder, seed):
    model = load(kind, config, folder)
    encoder = model if kind is BertModel else model.bert
    cases = []
    for ids, types in inputs(seed):
        tensors = dict(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types]))
        answer = encoder(**tensors)
        pooled = None if answer.pooler_output is None else answer.pooler_output[0]
        logits = None
        if kind is BertForSequenceClassification:
            logits = model(**tensors).logits[0]
        hidden = answer.last_hidden_state[0]
        assert hidden.shape == (len(ids), config.hidden_size) and hidden.std() > 0.3
        cases.append(
            f'{{"input_ids":{json.dumps(ids)},\n"token_type_ids":{json.dumps(types)},\n'
            f'"last_hidden_state":{floats(hidden)},\n'
            f'"pooler_output":{floats(pooled)},\n"logits":{floats(logits)}}}'
        )
    text = '{"cases":[\n' + ",\n".join(cases) + "\n]}\n"
    (folder / "expected.json").write_text(text, encoding="utf-8")


def rename(folder, change):
    """Stores the weights again under other names, as an old converter wrote them."""
    file = folder / "model.safetensors"
    weights = {change(name): value for name, value in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})


def old_name(name):
    for new, old in ((".weight", ".gamma"), (".bias", ".beta")):
        name = name.replace("LayerNorm" + new, "LayerNorm" + old)
    return name


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(1)

    labels = {0: "no", 1: "perhaps", 2: "yes"}
    classes = dict(id2label=labels, label2id={name: index for index, name in labels.items()})
    # folder, model, changes to the configuration, stored type, seed of the weights
    variants = [
        ("plain", BertModel, {}, torch.float32, 1),
        ("classifier", BertForSequenceClassification, classes, torch.float16, 2),
        ("bf16-sharded", BertModel, {}, torch.bfloat16, 3),
        ("gelu-new", BertModel, {"hidden_act": "gelu_new"}, torch.float32, 4),
        ("relu", BertModel, {"hidden_act": "relu"}, torch.float32, 5),
        ("prefixed", BertForMaskedLM, {}, torch.float32, 6),
        ("old-names", BertModel, {}, torch.float32, 1),
    ]
    for name, kind, changes, stored, seed in variants:
        folder = options.out / name
        shutil.rmtree(folder, ignore_errors=True)
        config = configuration(**changes)
        size = "20KB" if name == "bf16-sharded" else "1GB"
        create(kind, config, seed).to(stored).save_pretrained(folder, max_shard_size=size)
        (folder / "generation_config.json").unlink(missing_ok=True)
        if name == "old-names":
            rename(folder, old_name)
        expect(kind, config, folder, 1 if name == "old-names" else seed)


if __name__ == "__main__":
    main()
