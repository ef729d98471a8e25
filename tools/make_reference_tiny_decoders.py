"""Writes Tests/Fixtures/tiny-decoders/: small random decoders and what PyTorch answers.

    python tools/make_reference_tiny_decoders.py

Every folder holds a checkpoint as Hugging Face stores it, and reference.json with
{"vocabulary", "prompts": [{"ids", "rows", "logits"}], "greedy": {"prompt", "ids"}}: the logits after
the tokens at `rows`, as base64 of little-endian float32, and the 64 tokens that greedy decoding adds.
They are computed in float32 by the eager attention from the stored weights, read back and upcast.

operations.json has inputs and outputs of single operations: rotary embeddings, normalizations of
groups, and attention with windows, slopes and caps, computed by numpy in float64.
"""

import argparse
import base64
import json
import shutil
from pathlib import Path

import numpy
import torch
import transformers
from safetensors.torch import load_file, save_file

FOLDER = Path(__file__).resolve().parent.parent / "Tests" / "Fixtures" / "tiny-decoders"
LENGTHS = (1, 2, 17, 63)
VOCABULARY = 96
NEW_TOKENS = 64
# Greedy decoding is compared token for token, so no two tokens may be about equally likely: this share
# of the largest logit lies between the two that are largest.
LEAST_MARGIN = 3e-4

LLAMA = dict(
    vocab_size=VOCABULARY,
    hidden_size=32,
    intermediate_size=40,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=None,
)
GPT2 = dict(
    vocab_size=VOCABULARY,
    n_embd=32,
    n_head=4,
    n_layer=2,
    n_positions=128,
    bos_token_id=3,
    eos_token_id=3,
)
SCALINGS = {
    "linear": dict(rope_type="linear", factor=2.5),
    "dynamic": dict(rope_type="dynamic", factor=3.0),
    "llama3": dict(
        rope_type="llama3",
        factor=8.0,
        low_freq_factor=1.0,
        high_freq_factor=4.0,
        original_max_position_embeddings=24,
    ),
    "yarn": dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32),
    "yarn-mscale": dict(
        type="yarn",
        factor=6.0,
        beta_fast=20.0,
        beta_slow=2.0,
        mscale=0.9,
        mscale_all_dim=0.4,
        original_max_position_embeddings=48,
        truncate=False,
    ),
    "longrope": dict(
        rope_type="longrope",
        short_factor=[1.0, 1.1, 1.7, 3.0],
        long_factor=[1.5, 2.0, 4.0, 9.0],
    ),
}


def variants():
    """Folder, class of the configuration, fields, stored type, seed."""
    float32, float16, bfloat16 = torch.float32, torch.float16, torch.bfloat16
    llama, mistral = transformers.LlamaConfig, transformers.MistralConfig
    qwen2, qwen3 = transformers.Qwen2Config, transformers.Qwen3Config
    yield "llama", llama, LLAMA, float32, 1
    biases = dict(attention_bias=True, mlp_bias=True, head_dim=12, num_attention_heads=3)
    biases |= dict(num_key_value_heads=3, tie_word_embeddings=True, rope_theta=500000.0)
    yield "llama-biases", llama, LLAMA | biases, float16, 2
    smollm = dict(hidden_size=48, num_attention_heads=3, num_key_value_heads=1)
    yield "smollm", llama, LLAMA | smollm | dict(tie_word_embeddings=True), bfloat16, 3
    for kind, fields in SCALINGS.items():
        changes = dict(rope_scaling=dict(fields))
        if kind == "longrope":
            changes |= dict(max_position_embeddings=512, original_max_position_embeddings=128)
        yield f"llama-{kind}", llama, LLAMA | changes, bfloat16, 4
    yield "mistral", mistral, LLAMA | dict(sliding_window=8, head_dim=16), bfloat16, 5
    windows = dict(use_sliding_window=True, sliding_window=7, max_window_layers=1)
    windows |= dict(num_hidden_layers=3, tie_word_embeddings=True)
    yield "qwen2", qwen2, LLAMA | windows, bfloat16, 6
    wide = dict(head_dim=16, num_key_value_heads=1, rope_theta=1000000.0)
    yield "qwen3", qwen3, LLAMA | wide, bfloat16, 7
    smollm3 = dict(num_hidden_layers=3, no_rope_layers=[1, 0, 1], tie_word_embeddings=True)
    yield "smollm3", transformers.SmolLM3Config, LLAMA | smollm3, bfloat16, 8
    phi3 = dict(partial_rotary_factor=0.5, num_attention_heads=2, num_key_value_heads=1)
    factors = {key: value for key, value in SCALINGS["longrope"].items() if key != "rope_type"}
    phi3 |= dict(rope_scaling=dict(factors, type="longrope"))
    phi3 |= dict(max_position_embeddings=512, original_max_position_embeddings=128)
    yield "phi3", transformers.Phi3Config, LLAMA | phi3, bfloat16, 14
    gemma = dict(head_dim=16, num_key_value_heads=1, hidden_activation="gelu_pytorch_tanh")
    yield "gemma", transformers.GemmaConfig, LLAMA | gemma, bfloat16, 9
    gemma2 = dict(head_dim=12, query_pre_attn_scalar=20, sliding_window=6, num_hidden_layers=3)
    caps = dict(attn_logit_softcapping=3.0, final_logit_softcapping=1.5)
    yield "gemma2", transformers.Gemma2Config, LLAMA | gemma2 | caps, bfloat16, 10
    gemma3 = dict(head_dim=12, query_pre_attn_scalar=10, sliding_window=5, num_hidden_layers=3)
    gemma3 |= dict(layer_types=["sliding_attention", "full_attention", "sliding_attention"])
    gemma3 |= dict(rope_local_base_freq=50.0, rope_scaling=dict(rope_type="linear", factor=8.0))
    yield "gemma3", transformers.Gemma3TextConfig, LLAMA | gemma3, bfloat16, 11
    yield "gpt2", transformers.GPT2Config, GPT2, float32, 12
    others = dict(n_inner=24, activation_function="relu", tie_word_embeddings=False)
    others |= dict(scale_attn_by_inverse_layer_idx=True, scale_attn_weights=False)
    yield "gpt2-variant", transformers.GPT2Config, GPT2 | others, float16, 13


def create(config, seed):
    """A seeded model with weights so large that nothing is linear or alike."""
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config)
    adds_one = "gemma" in config.model_type
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                parameter.normal_(0, 0.2)
            elif parameter.ndim == 1:
                parameter.uniform_(-0.5, 0.5) if adds_one else parameter.uniform_(0.5, 1.5)
            elif "embed_tokens" in name or "wte" in name or "wpe" in name:
                # Gemma multiplies the rows with the root of their length.
                parameter.normal_(0, 0.1 if adds_one else 0.4)
            else:
                parameter.normal_(0, 0.25)
    return model


def load(config, folder):
    """The stored weights, upcast to float32, in a model whose every parameter they fill."""
    model = transformers.AutoModelForCausalLM.from_config(
        config, dtype=torch.float32, attn_implementation="eager"
    )
    weights = {}
    for name, value in load_file(folder / "model.safetensors").items():
        if config.model_type == "gpt2":
            if name.endswith(".attn.bias"):
                continue
            if not name.startswith(("transformer.", "lm_head.")):
                name = "transformer." + name
        weights[name] = value.float()
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not unexpected, (missing, unexpected)
    assert not missing or config.tie_word_embeddings
    model.tie_weights()
    assert all(value.dtype == torch.float32 for value in model.parameters())
    return model.eval()


def base64_of(values):
    return base64.b64encode(numpy.asarray(values, dtype="<f4").tobytes()).decode()


def continued(model, generator):
    """A prompt and what follows it, where no choice is close and the text does not repeat itself."""
    for _ in range(100):
        prompt = generator.integers(0, VOCABULARY, 5).tolist()
        # Without a mask a token of the prompt that is the padding token would count as padding.
        answer = model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False,
            max_new_tokens=NEW_TOKENS, eos_token_id=None, pad_token_id=0, output_logits=True,
            return_dict_in_generate=True,
        )
        greedy = answer.sequences[0, len(prompt) :].tolist()
        assert len(greedy) == NEW_TOKENS
        best = torch.cat(answer.logits).topk(2).values
        margins = (best[:, 0] - best[:, 1]) / best[:, 0].abs()
        if margins.min() > LEAST_MARGIN and len(set(greedy)) >= 8:
            return prompt, greedy
    raise SystemExit("no prompt leads to a clear text")


@torch.inference_mode()
def expect(config, folder, seed):
    model = load(config, folder)
    generator = numpy.random.default_rng(seed)
    prompts = []
    for length in LENGTHS:
        ids = generator.integers(0, VOCABULARY, length).tolist()
        rows = list(range(length)) if length < 20 else list(range(length - 1, -1, -5))[::-1]
        logits = model(input_ids=torch.tensor([ids])).logits[0].numpy()
        assert logits.shape == (length, VOCABULARY) and logits.std() > 0.2, logits.std()
        prompts.append(dict(ids=ids, rows=rows, logits=base64_of(logits[rows])))
    prompt, greedy = continued(model, generator)
    print(f"{folder.name}: {len(set(greedy))} different tokens")
    reference = dict(
        vocabulary=VOCABULARY, prompts=prompts, greedy=dict(prompt=prompt, ids=greedy)
    )
    text = json.dumps(reference, separators=(",", ":"))
    (folder / "reference.json").write_text(text + "\n", encoding="utf-8")


def rename_as_first_published(folder):
    """GPT-2 as OpenAI's weights were first converted: no prefix, and the mask as a buffer."""
    file = folder / "model.safetensors"
    weights = {}
    for name, value in load_file(file).items():
        weights[name.removeprefix("transformer.")] = value
    for layer in range(2):
        weights[f"h.{layer}.attn.bias"] = torch.tril(torch.ones(8, 8)).view(1, 1, 8, 8)
    save_file(weights, file, metadata={"format": "pt"})


# Single operations


def rotated(values, positions, frequencies, head_size, adjacent, scale):
    """Each pair of columns as a complex number, multiplied by the unit number of its angle."""
    heads = values.reshape(len(values), -1, head_size).astype(float)
    count = len(frequencies)
    left = numpy.arange(count) * 2 if adjacent else numpy.arange(count)
    right = left + 1 if adjacent else left + count
    turn = scale * numpy.exp(1j * numpy.outer(positions, frequencies))[:, None, :]
    turned = (heads[..., left] + 1j * heads[..., right]) * turn
    heads[..., left], heads[..., right] = turned.real, turned.imag
    return heads.reshape(values.shape)


def attended(query, key, value, heads, shared, scale, window, slopes, cap):
    count, size = len(query), query.shape[1] // heads
    width = value.shape[1] // shared
    output = numpy.zeros((count, heads * width))
    for head in range(heads):
        group = head // (heads // shared)
        q = query[:, head * size : (head + 1) * size].astype(float)
        k = key[:, group * size : (group + 1) * size].astype(float)
        for i in range(count):
            first = 0 if window is None else max(0, i - window + 1)
            scores = scale * (k[first : i + 1] @ q[i])
            if cap is not None:
                scores = cap * numpy.tanh(scores / cap)
            if slopes is not None:
                scores = scores + slopes[head] * (numpy.arange(first, i + 1) - i)
            shares = numpy.exp(scores - scores.max())
            shares /= shares.sum()
            columns = slice(group * width, (group + 1) * width)
            output[i, head * width : (head + 1) * width] = shares @ value[first : i + 1, columns]
    return output


def operations():
    generator = numpy.random.default_rng(99)

    def numbers(*shape):
        return generator.normal(size=shape).astype(numpy.float32)

    def nested(array):
        return numpy.asarray(array, dtype=numpy.float32).tolist()

    cases = dict(rotary=[], rms=[], attention=[])
    # Sequences of 5 and 3 tokens one after the other.
    positions = [0, 1, 2, 3, 4, 0, 1, 2]
    for adjacent, head_size, pairs, scale in [
        (False, 6, 3, 1.0), (False, 8, 2, 1.0), (True, 6, 3, 1.0), (True, 8, 3, 1.25),
    ]:
        values = numbers(8, 2 * head_size)
        frequencies = (10.0 ** -numpy.arange(pairs)).astype(numpy.float32)
        output = rotated(values, positions, frequencies, head_size, adjacent, scale)
        cases["rotary"].append(
            dict(
                pairing="adjacent" if adjacent else "halves", headSize=head_size, scale=scale,
                frequencies=nested(frequencies), input=nested(values), output=nested(output),
            )
        )
    for columns, group in [(8, 8), (12, 4)]:
        values, gamma = numbers(3, columns), numbers(group)
        groups = values.reshape(3, -1, group).astype(float)
        mean = (groups**2).mean(axis=-1, keepdims=True)
        output = groups / numpy.sqrt(mean + 0.01) * gamma
        cases["rms"].append(
            dict(
                gamma=nested(gamma), epsilon=0.01, input=nested(values),
                output=nested(output.reshape(3, columns)),
            )
        )
    for shared, window, slopes, cap in [
        (4, None, None, None), (2, 3, None, None), (1, 1, None, None),
        (4, None, [2.0**-2, 2.0**-4, 2.0**-6, 2.0**-8], None), (2, None, None, 1.5),
        (2, 4, [0.5, 0.25, 0.125, 0.0625], 2.0),
    ]:
        query, key, value = numbers(7, 4 * 6), numbers(7, shared * 6), numbers(7, shared * 5)
        output = attended(query, key, value, 4, shared, 0.75, window, slopes, cap)
        cases["attention"].append(
            dict(
                heads=4, keyValueHeads=shared, headSize=6, valueSize=5, scale=0.75, window=window,
                slopes=slopes, scoreCap=cap, query=nested(query), key=nested(key),
                value=nested(value), output=nested(output),
            )
        )
    return cases


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(1)
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    for name, kind, fields, stored, seed in variants():
        folder = options.out / name
        config = kind(**fields)
        model = create(config, seed).to(stored)
        model.generation_config.eos_token_id = [2, 5] if name == "llama" else fields["eos_token_id"]
        model.save_pretrained(folder)
        if name == "mistral":
            (folder / "generation_config.json").unlink()
        if name == "gpt2-variant":
            rename_as_first_published(folder)
        expect(config, folder, seed)
    text = json.dumps(operations(), separators=(",", ":"))
    (options.out / "operations.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
