"""Exports a BERT checkpoint to ONNX in float32, mean pooling included."""

import sys
from pathlib import Path

import torch
from transformers import BertModel


class PooledEncoder(torch.nn.Module):
    """Token ids, attention mask and token types in, the mean of the last hidden state out."""

    def __init__(self, checkpoint):
        super().__init__()
        # The optimizers of the runtimes know attention by its single products.
        self.bert = BertModel.from_pretrained(
            checkpoint, dtype=torch.float32, attn_implementation="eager", add_pooling_layer=False
        )

    def forward(self, input_ids, attention_mask, token_type_ids):
        hidden = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        return hidden.mean(1)


def main(checkpoint, out):
    ids = torch.ones((1, 16), dtype=torch.int64)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        PooledEncoder(checkpoint).eval(),
        (ids, torch.ones_like(ids), torch.zeros_like(ids)),
        str(out / "model.onnx"),
        input_names=names,
        output_names=["embedding"],
        dynamic_axes={name: {0: "batch", 1: "tokens"} for name in names}
        | {"embedding": {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
