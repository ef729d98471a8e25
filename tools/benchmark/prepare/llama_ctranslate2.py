"""Converts the checkpoint of a Llama's shape for CTranslate2, weights in int8.

    python -m benchmark.prepare.llama_ctranslate2 CHECKPOINT OUT

The checkpoint has no tokenizer, which CTranslate2's own converter wants: the parts of its
specification are filled here. Tokens are called t0, t1, …
"""

import json
import sys
from pathlib import Path

import numpy
from ctranslate2.specs import common_spec, transformer_spec
from safetensors.numpy import load_file


def main(checkpoint, out):
    configuration = json.loads((checkpoint / "config.json").read_text())
    stored = load_file(checkpoint / "model.safetensors")
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        configuration["num_hidden_layers"], configuration["num_attention_heads"],
        activation=common_spec.Activation.SWISH, pre_norm=True, ffn_glu=True, rms_norm=True,
        rotary_dim=0, rotary_interleave=False, rotary_base=configuration["rope_theta"],
        num_heads_kv=configuration["num_key_value_heads"])
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = stored["model.embed_tokens.weight"]
    decoder.projection.weight = stored["lm_head.weight"]
    decoder.layer_norm.gamma = stored["model.norm.weight"]
    for index, layer in enumerate(decoder.layer):
        def weight(name):
            return stored[f"model.layers.{index}.{name}.weight"]

        attention = layer.self_attention
        attention.layer_norm.gamma = weight("input_layernorm")
        attention.linear[0].weight = numpy.concatenate(
            [weight(f"self_attn.{name}_proj") for name in "qkv"])
        attention.linear[1].weight = weight("self_attn.o_proj")
        layer.ffn.layer_norm.gamma = weight("post_attention_layernorm")
        layer.ffn.linear_0.weight = weight("mlp.gate_proj")
        layer.ffn.linear_0_noact.weight = weight("mlp.up_proj")
        layer.ffn.linear_1.weight = weight("mlp.down_proj")
    spec.register_vocabulary([f"t{token}" for token in range(configuration["vocab_size"])])
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = "t1", "t2", "t0"
    spec.config.layer_norm_epsilon = configuration["rms_norm_eps"]
    spec.validate()
    spec.optimize(quantization="int8")
    out.mkdir(parents=True, exist_ok=True)
    spec.save(str(out))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
