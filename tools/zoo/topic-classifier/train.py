"""Trains the topic classifier of this folder, on one CPU core, in about twenty minutes.

    python tools/zoo/topic-classifier/train.py --data DIR --teacher DIR --out DIR

`--data` holds train.jsonl, calibration.jsonl, evaluation.jsonl ({"text", "label"} per line) and
labels.json (the list of labels). Only train.jsonl is trained on; a part of it is held out to
choose the epoch whose weights are kept. The other two are only sampled into `--out`, and
evaluation.jsonl is read once more, at the end, to report the accuracy.
`--teacher` is a larger BertForSequenceClassification over the same labels, with its tokenizer.
The student starts from its word vectors, reduced to the student's width, and learns its logits on
the training texts and on shortened and spliced copies of them (Hinton et al. 2015,
"Distilling the Knowledge in a Neural Network"; Ba and Caruana 2014 for the logits' squares).
"""

import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import BertWordPieceTokenizer
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
)

MAX_LENGTH = 128
VOCABULARY = 4096


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def train_vocabulary(texts, folder):
    """A WordPiece vocabulary with BERT's normalisation: lower case, accents stripped."""
    pieces = BertWordPieceTokenizer(lowercase=True, strip_accents=True)
    pieces.train_from_iterator(
        texts, vocab_size=VOCABULARY, min_frequency=2, limit_alphabet=96, show_progress=False
    )
    pieces.save_model(str(folder))
    return BertTokenizerFast(
        str(folder / "vocab.txt"), do_lower_case=True, model_max_length=MAX_LENGTH
    )


def variants(texts, copies, generator):
    """Shortened and spliced copies: what the teacher says about them is a target, too."""
    result = []
    for _ in range(copies):
        for text in texts:
            words = text.split()
            size = max(4, int(len(words) * generator.uniform(0.3, 0.9)))
            start = generator.randint(0, max(0, len(words) - size))
            words = words[start : start + size]
            if generator.random() < 0.5:
                other = generator.choice(texts).split()
                size = max(4, int(len(other) * generator.uniform(0.2, 0.6)))
                start = generator.randint(0, max(0, len(other) - size))
                words = words + other[start : start + size]
            result.append(" ".join(w for w in words if generator.random() > 0.1))
    return result


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


def pad(rows):
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        mask[i, : len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def bfloat16():
    return torch.autocast("cpu", dtype=torch.bfloat16)


@torch.inference_mode()
def logits_of(model, rows, size=64):
    result = torch.zeros(len(rows), model.config.num_labels)
    for batch in batches(rows, size):
        result[batch] = model(**pad([rows[i] for i in batch])).logits.float()
    return result


def answers_of(teacher, tokenizer, texts, cache):
    """The teacher's logits for texts; from the cache where it holds those of the same texts."""
    if cache is not None and cache.exists():
        stored = torch.load(cache)
        if stored["texts"] == texts:
            return stored["logits"]
    rows = tokenizer(texts, truncation=True, max_length=96)["input_ids"]
    with bfloat16():
        logits = logits_of(teacher, rows)
    if cache is not None:
        torch.save({"texts": texts, "logits": logits}, cache)
    return logits


def accuracy(logits, targets):
    return (logits.argmax(1) == targets).float().mean().item()


def initial_embeddings(vocabulary, teacher, tokenizer, size):
    """The teacher's word vectors for our word pieces, reduced to `size` principal components."""
    table = teacher.bert.embeddings.word_embeddings.weight.detach()
    rows = []
    for piece in vocabulary:
        known = tokenizer.convert_tokens_to_ids(piece)
        if known == tokenizer.unk_token_id and piece != tokenizer.unk_token:
            ids = tokenizer.encode(piece.removeprefix("##"), add_special_tokens=False)
        else:
            ids = [known]
        rows.append(table[ids or [tokenizer.unk_token_id]].mean(0))
    rows = torch.stack(rows)
    rows = rows - rows.mean(0)
    _, _, components = torch.linalg.svd(rows, full_matrices=False)
    reduced = rows @ components[:size].T
    return reduced * (0.2 / reduced.std())


def loss_of(logits, teacher, labels, original):
    """Cross entropy with the teacher, plus the squared distance of the logits; a text that was
    not cut or spliced also has its own label, which counts for three tenths."""
    soft = -(teacher.softmax(1) * logits.log_softmax(1)).sum(1)
    soft = soft + 0.1 * (logits - teacher).square().mean(1)
    hard = F.cross_entropy(logits, labels, reduction="none", label_smoothing=0.05)
    return torch.where(original, 0.7 * soft + 0.3 * hard, soft).mean()


def train(model, rows, teacher, labels, held, options):
    """Leaves in `model` the averaged weights of the epoch that did best on the held-out texts."""
    generator = random.Random(options.seed)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}],
        lr=options.rate,
        betas=(0.9, 0.98),
        eps=1e-6,
        fused=True,
    )
    current = list(model.state_dict().values())
    average = [value.clone() for value in current]
    best, kept = math.inf, None
    step, steps = 0, options.epochs * math.ceil(len(rows) / options.batch)
    began = time.time()
    for epoch in range(options.epochs):
        model.train()
        for batch in batches(rows, options.batch, generator):
            rate = min(1, step / (0.06 * steps)) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            for group in optimizer.param_groups:
                group["lr"] = options.rate * rate
            with bfloat16():
                logits = model(**pad([rows[i] for i in batch])).logits
            index = torch.tensor(batch)
            own = labels[index % len(labels)]
            loss = loss_of(logits.float(), teacher[index], own, index < len(labels))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            with torch.no_grad():
                torch._foreach_lerp_(average, current, 1 - min(0.995, (1 + step) / (10 + step)))
        trained = [value.clone() for value in current]
        with torch.no_grad():
            torch._foreach_copy_(current, average)
        answers = logits_of(model.eval(), held[0])
        distance = F.cross_entropy(answers, held[1]).item()
        print(
            f"epoch {epoch + 1}: held out: accuracy {accuracy(answers, held[1]):.4f}, "
            f"cross entropy {distance:.4f}; {time.time() - began:.0f} s",
            flush=True,
        )
        if distance < best:
            best, kept = distance, [value.clone() for value in current]
        with torch.no_grad():
            torch._foreach_copy_(current, trained)
    with torch.no_grad():
        torch._foreach_copy_(current, kept)


def sample(source, target, count):
    """`count` lines of a file, chosen by a fixed seed, in their order in the file."""
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    chosen = sorted(random.Random(2020).sample(range(len(lines)), count))
    target.write_text("".join(lines[i] for i in chosen), encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="keeps the teacher's logits between runs")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--copies", type=int, default=2, help="cut or spliced copies per text")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--held-out", type=int, default=700)
    options = parser.parse_args()

    began = time.time()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    generator = random.Random(options.seed)
    options.out.mkdir(parents=True, exist_ok=True)

    names = json.loads((options.data / "labels.json").read_text(encoding="utf-8"))
    lines = read(options.data / "train.jsonl")
    generator.shuffle(lines)
    held, lines = lines[: options.held_out], lines[options.held_out :]
    texts = [line["text"] for line in lines]
    tokenizer = train_vocabulary(texts, options.out)
    tokenizer.save_pretrained(options.out)

    def encode(texts):
        return tokenizer(texts, truncation=True, max_length=MAX_LENGTH)["input_ids"]

    def targets(lines):
        return torch.tensor([names.index(line["label"]) for line in lines])

    teacher = BertForSequenceClassification.from_pretrained(
        options.teacher, dtype=torch.float32
    ).eval()
    assert [teacher.config.id2label[i] for i in range(len(names))] == names
    teacher_tokenizer = AutoTokenizer.from_pretrained(options.teacher)
    texts = texts + variants(texts, options.copies, generator)
    teacher_logits = answers_of(teacher, teacher_tokenizer, texts, options.cache)
    print(f"teacher: {len(texts)} texts; {time.time() - began:.0f} s", flush=True)

    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=512,
        max_position_embeddings=MAX_LENGTH,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.05,
        id2label=dict(enumerate(names)),
        label2id={name: index for index, name in enumerate(names)},
    )
    model = BertForSequenceClassification._from_config(config, attn_implementation="eager")
    pieces = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    vectors = initial_embeddings(pieces, teacher, teacher_tokenizer, config.hidden_size)
    model.bert.embeddings.word_embeddings.weight.data.copy_(vectors)
    held = (encode([line["text"] for line in held]), targets(held))
    train(model, encode(texts), teacher_logits, targets(lines), held, options)

    model.half().save_pretrained(options.out)
    sample(options.data / "evaluation.jsonl", options.out / "evaluation.jsonl", 400)
    sample(options.data / "calibration.jsonl", options.out / "calibration.jsonl", 128)
    model = model.float().eval()
    for name in (options.data / "evaluation.jsonl", options.out / "evaluation.jsonl"):
        lines = read(name)
        answers = logits_of(model, encode([line["text"] for line in lines]))
        print(f"{name}: {len(lines)} lines, accuracy {accuracy(answers, targets(lines)):.4f}")
    print(f"{time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
