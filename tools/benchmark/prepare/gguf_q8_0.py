"""Writes a BERT checkpoint as GGUF with Q8_0 matrices, as llama.cpp reads architecture `bert`.

Names of tensors and metadata: `conversion/bert.py` and `src/models/bert.cpp` of llama.cpp.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy
from safetensors.numpy import load_file

TABLES = {
    "embeddings.word_embeddings": "token_embd",
    "embeddings.position_embeddings": "position_embd",
    "embeddings.token_type_embeddings": "token_types",
    "embeddings.LayerNorm": "token_embd_norm",
}
LAYER = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
# What llama.cpp's own conversion leaves in float.
FLOAT = ("position_embd.weight", "token_types.weight")


def tensor_names(layer_count):
    names = dict(TABLES)
    for layer in range(layer_count):
        for name, short in LAYER.items():
            names[f"encoder.layer.{layer}.{name}"] = f"blk.{layer}.{short}"
    return names


def vocabulary(checkpoint):
    """The tokens with the marks of llama.cpp: words begin with U+2581, pieces lose their `##`."""
    tokens, types = [], []
    for token in (checkpoint / "vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]:
        if token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"):
            types.append(gguf.TokenType.CONTROL)
        else:
            types.append(gguf.TokenType.NORMAL)
            token = token[2:] if token.startswith("##") else "\u2581" + token
        tokens.append(token)
    return tokens, types


def main(checkpoint, out):
    configuration = json.loads((checkpoint / "config.json").read_text())
    weights = load_file(checkpoint / "model.safetensors")
    writer = gguf.GGUFWriter(out / "model.gguf", "bert")
    writer.add_context_length(configuration["max_position_embeddings"])
    writer.add_embedding_length(configuration["hidden_size"])
    writer.add_feed_forward_length(configuration["intermediate_size"])
    writer.add_block_count(configuration["num_hidden_layers"])
    writer.add_head_count(configuration["num_attention_heads"])
    writer.add_layer_norm_eps(configuration["layer_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN)
    writer.add_token_type_count(configuration["type_vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    tokens, types = vocabulary(checkpoint)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_bos_token_id(tokens.index("[CLS]"))
    writer.add_eos_token_id(tokens.index("[SEP]"))
    writer.add_unk_token_id(tokens.index("[UNK]"))
    writer.add_sep_token_id(tokens.index("[SEP]"))
    writer.add_pad_token_id(tokens.index("[PAD]"))
    writer.add_mask_token_id(tokens.index("[MASK]"))
    prefix = "bert." if "bert.embeddings.word_embeddings.weight" in weights else ""
    for name, short in tensor_names(configuration["num_hidden_layers"]).items():
        for part in ("weight", "bias"):
            values = weights.get(f"{prefix}{name}.{part}")
            if values is None:
                continue
            values = values.astype(numpy.float32)
            if values.ndim == 2 and f"{short}.{part}" not in FLOAT:
                kind = gguf.GGMLQuantizationType.Q8_0
                writer.add_tensor(
                    f"{short}.{part}", gguf.quants.quantize(values, kind), raw_dtype=kind
                )
            else:
                writer.add_tensor(f"{short}.{part}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
