"""Trains the text generator of this folder, on one CPU core, in about a quarter of an hour.

    python tools/zoo/description-writer/train.py --data DIR --out DIR

`--data` holds train.jsonl and evaluation.jsonl ({"text", …} per line). Only train.jsonl is trained
on; a part of it is held out to choose the epoch whose weights are kept. evaluation.jsonl is read
once, at the end: to report the perplexity, and to sample some of its lines into `--out`.

A document is the token <s>, a text, and </s>. Texts that the data cut at 400 characters end at
their last whole word and without </s>, so the model learns to end where authors did.
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

CONTEXT = 256
VOCABULARY = 2048
BEGIN, END = "<s>", "</s>"
# Where the data cut its texts, and their length if that left a space at the end.
CUT = (399, 400)
IGNORED = -100


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def whole(text):
    """The text up to its last whole word, and whether that is its own end."""
    if len(text) in CUT:
        return text[: text.rfind(" ")], False
    return text, True


def train_tokenizer(texts):
    """Byte-level BPE with GPT-2's rule for words; every text begins with BEGIN."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", pair=f"{BEGIN} $A $B", special_tokens=[(BEGIN, 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def encode(tokenizer, texts):
    """Token ids of each document; those longer than the context are cut."""
    rows = []
    for text, ends in map(whole, texts):
        row = tokenizer(text, truncation=True)["input_ids"] + [tokenizer.eos_token_id] * ends
        rows.append(row[:CONTEXT])
    return rows


def batches(rows, size, generator=None):
    """Groups rows of similar length, so that little padding is computed."""
    order = list(range(len(rows)))
    if generator is None:
        order.sort(key=lambda i: len(rows[i]))
        return [order[i : i + size] for i in range(0, len(order), size)]
    generator.shuffle(order)
    result = []
    for start in range(0, len(order), 32 * size):
        chunk = sorted(order[start : start + 32 * size], key=lambda i: len(rows[i]))
        result += [chunk[i : i + size] for i in range(0, len(chunk), size)]
    generator.shuffle(result)
    return result


def losses(model, rows):
    """The cross entropy of every predicted token, in nats, one after the other.

    Padding stands behind a text, where the causal mask keeps it from the tokens that count.
    """
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        labels[i, : len(row)] = ids[i, : len(row)]
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    counts = labels[:, 1:] != IGNORED
    logits = model.lm_head(hidden[counts])
    return F.cross_entropy(logits, labels[:, 1:][counts], reduction="none")


@torch.inference_mode()
def total_loss(model, rows, size=32):
    """The sum over all predicted tokens, in nats, and their number."""
    total, count = 0.0, 0
    for batch in batches(rows, size):
        values = losses(model, [rows[i] for i in batch])
        total, count = total + values.double().sum().item(), count + len(values)
    return total, count


def train(model, rows, held, options):
    """Leaves in `model` the averaged weights of the epoch that did best on the held-out texts."""
    generator = random.Random(options.seed)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=options.rate,
        betas=(0.9, 0.98),
        eps=1e-8,
        fused=True,
    )
    current = [p.data for p in model.parameters()]
    average = [value.clone() for value in current]
    best, kept = math.inf, None
    step, steps = 0, options.epochs * len(batches(rows, options.batch, random.Random(0)))
    began = time.process_time()
    for epoch in range(options.epochs):
        model.train()
        sum_of_losses, count = 0.0, 0
        for batch in batches(rows, options.batch, generator):
            factor = min(1, step / (0.03 * steps)) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = options.rate * factor
            values = losses(model, [rows[i] for i in batch])
            optimizer.zero_grad()
            values.mean().backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            sum_of_losses, count = sum_of_losses + values.sum().item(), count + len(values)
            if step % 100 == 0:
                print(
                    f"step {step} of {steps}: {sum_of_losses / count:.4f} nats per token; "
                    f"{time.process_time() - began:.0f} s of the CPU",
                    flush=True,
                )
                sum_of_losses, count = 0.0, 0
            torch._foreach_lerp_(average, current, 1 - min(0.99, (1 + step) / (10 + step)))
        trained = [value.clone() for value in current]
        torch._foreach_copy_(current, average)
        total, tokens = total_loss(model.eval(), held)
        print(f"epoch {epoch + 1}: held out: {total / tokens:.4f} nats per token", flush=True)
        if total < best:
            best, kept = total, [value.clone() for value in current]
        torch._foreach_copy_(current, trained)
    torch._foreach_copy_(current, kept)


def report(model, tokenizer, texts, name):
    """How well the model foresees texts, the end of each included, by token and by byte."""
    rows = encode(tokenizer, texts)
    total, count = total_loss(model, rows)
    size = sum(len(tokenizer.decode(row, skip_special_tokens=True).encode()) for row in rows)
    print(
        f"{name}: {len(texts)} texts, {count} tokens, {size} bytes: "
        f"perplexity {math.exp(total / count):.2f} per token, "
        f"{total / math.log(2) / size:.4f} bits per byte",
        flush=True,
    )


def sample(source, target, count):
    """`count` texts of a file, chosen by a fixed seed, in their order in the file."""
    texts = read(source)
    chosen = sorted(random.Random(2021).sample(range(len(texts)), count))
    with open(target, "w", encoding="utf-8") as file:
        for i in chosen:
            line = {"text": whole(texts[i])[0]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--held-out", type=int, default=500)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)

    texts = read(options.data / "train.jsonl")
    random.Random(options.seed).shuffle(texts)
    held, texts = texts[: options.held_out], texts[options.held_out :]
    tokenizer = train_tokenizer([whole(text)[0] for text in texts])
    tokenizer.save_pretrained(options.out)

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=5,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        intermediate_size=352,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        initializer_range=0.05,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        use_cache=True,
    )
    model = LlamaForCausalLM(config)
    rows = encode(tokenizer, texts)
    print(
        f"{sum(p.numel() for p in model.parameters())} weights; {len(rows)} texts, "
        f"{sum(map(len, rows))} tokens",
        flush=True,
    )
    train(model, rows, encode(tokenizer, held), options)

    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id
    )
    model.half().save_pretrained(options.out)
    sample(options.data / "evaluation.jsonl", options.out / "evaluation.jsonl", 50)
    model = model.float().eval()
    report(model, tokenizer, held, "held out of training")
    report(model, tokenizer, read(options.data / "evaluation.jsonl"), "evaluation split")
    print(f"{time.process_time():.0f} s of the CPU")


if __name__ == "__main__":
    main()
