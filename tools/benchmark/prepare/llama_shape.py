"""Writes a checkpoint of a Llama's shape with random weights, and the same as GGUF with Q8_0 matrices.

    python -m benchmark.prepare.llama_shape OUT

12 layers × 768, 12 heads, FFN 2048, vocabulary 32000, from a fixed seed. OUT gets checkpoint/ and
model.gguf. Names of tensors and metadata: `gguf-py/gguf/constants.py` of llama.cpp. Its conversion of
rotary positions pairs neighbouring columns, so queries and keys are stored in that order there.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy
from safetensors.numpy import save_file

SEED = 20240602
HIDDEN, FFN, LAYERS, HEADS, VOCABULARY, CONTEXT = 768, 2048, 12, 12, 32000, 4096
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
NORMS = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def weights():
    """Each weight with its names in the checkpoint and in GGUF."""
    random = numpy.random.default_rng(SEED)

    def matrix(rows, columns):
        return random.standard_normal((rows, columns), dtype=numpy.float32) * numpy.float32(0.02)

    def ones():
        return numpy.ones(HIDDEN, numpy.float32)

    yield "model.embed_tokens.weight", "token_embd.weight", matrix(VOCABULARY, HIDDEN)
    yield "lm_head.weight", "output.weight", matrix(VOCABULARY, HIDDEN)
    yield "model.norm.weight", "output_norm.weight", ones()
    for layer in range(LAYERS):
        for name, short in NAMES.items():
            rows = FFN if short in ("ffn_gate", "ffn_up") else HIDDEN
            columns = FFN if short == "ffn_down" else HIDDEN
            yield (f"model.layers.{layer}.{name}.weight", f"blk.{layer}.{short}.weight",
                   matrix(rows, columns))
        for name, short in NORMS.items():
            yield (f"model.layers.{layer}.{name}.weight", f"blk.{layer}.{short}.weight", ones())


def neighbours(matrix):
    """Rows in the order in which the two of each rotated pair lie side by side."""
    size = HIDDEN // HEADS
    return matrix.reshape(HEADS, 2, size // 2, HIDDEN).swapaxes(1, 2).reshape(HIDDEN, HIDDEN)


def main(out):
    (out / "checkpoint").mkdir(parents=True, exist_ok=True)
    configuration = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": HIDDEN,
        "intermediate_size": FFN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS, "vocab_size": VOCABULARY, "rms_norm_eps": 1e-5,
        "max_position_embeddings": CONTEXT, "rope_theta": 10000.0, "hidden_act": "silu",
        "tie_word_embeddings": False, "bos_token_id": 1, "eos_token_id": 2,
    }
    (out / "checkpoint" / "config.json").write_text(json.dumps(configuration, indent=2) + "\n")
    writer = gguf.GGUFWriter(out / "model.gguf", "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FFN)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_tokenizer_model("no_vocab")
    stored = {}
    for name, short, values in weights():
        stored[name] = values
        if values.ndim == 1:
            writer.add_tensor(short, values)
            continue
        if "attn_q" in short or "attn_k" in short:
            values = neighbours(values)
        kind = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(short, gguf.quants.quantize(values, kind), raw_dtype=kind)
    save_file(stored, out / "checkpoint" / "model.safetensors")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
