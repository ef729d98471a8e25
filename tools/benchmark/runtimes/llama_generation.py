"""Prompts and tokens of llama.cpp, by way of the C functions of llama-cpp-python.

    python -m benchmark.runtimes.llama_generation MODEL.gguf CONTEXT THREADS SECONDS

Prints one JSON object: milliseconds of a prompt of CONTEXT tokens, and of each token after it.
"""

import json
import sys
from time import perf_counter

import llama_cpp

from benchmark.inputs import token_ids
from benchmark.runtimes.llama import _silence

NEW_TOKENS = 256


def main(path, context, threads, seconds):
    llama_cpp.llama_log_set(_silence, None)
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(
        path.encode(), llama_cpp.llama_model_default_params())
    if not model:
        sys.exit(f"llama.cpp does not load {path}")
    options = llama_cpp.llama_context_default_params()
    options.n_ctx = context + NEW_TOKENS
    options.n_batch = options.n_ubatch = context
    options.n_threads = options.n_threads_batch = threads
    state = llama_cpp.llama_init_from_model(model, options)
    ids = token_ids(context)
    batch = llama_cpp.llama_batch_init(context, 0, 1)

    def decode(tokens, first):
        batch.n_tokens = len(tokens)
        for place, token in enumerate(tokens):
            batch.token[place] = token
            batch.pos[place] = first + place
            batch.n_seq_id[place] = 1
            batch.seq_id[place][0] = 0
            batch.logits[place] = place == len(tokens) - 1
        start = perf_counter()
        if llama_cpp.llama_decode(state, batch) != 0:
            sys.exit("llama_decode fails")
        llama_cpp.llama_get_logits_ith(state, len(tokens) - 1)
        return (perf_counter() - start) * 1000

    def forget():
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(state), True)

    prompts, tokens = [], []
    end = perf_counter() + seconds
    while len(prompts) < 3 or perf_counter() < end:
        forget()
        prompts.append(decode(ids, 0))
    end = perf_counter() + seconds
    place = context
    while len(tokens) < 4 or perf_counter() < end:
        if place == context + NEW_TOKENS:
            forget()
            decode(ids, 0)
            place = context
        tokens.append(decode([ids[place % context]], place))
        place += 1
    print(json.dumps({"prompt_ms": sorted(prompts[1:]), "token_ms": sorted(tokens[1:])}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
