"""Prompts and tokens of CTranslate2.

    python -m benchmark.runtimes.ctranslate2_generation MODEL CONTEXT THREADS SECONDS

Prints one JSON object: milliseconds of a prompt of CONTEXT tokens, and of a token after it. A call
cannot be divided: the time of a token is that of a text of 33 tokens less that of one, by 32.
"""

import json
import statistics
import sys
from time import perf_counter

import ctranslate2

from benchmark.inputs import token_ids

NEW_TOKENS = 32


def main(path, context, threads, seconds):
    generator = ctranslate2.Generator(
        path, device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads)
    prompt = [f"t{token}" for token in token_ids(context)]

    def generate(count):
        start = perf_counter()
        generator.generate_batch(
            [prompt], min_length=count, max_length=count, sampling_topk=1,
            include_prompt_in_result=False)
        return (perf_counter() - start) * 1000

    def repeat(count):
        times, end = [], perf_counter() + seconds
        while len(times) < 3 or perf_counter() < end:
            times.append(generate(count))
        return times[1:]

    prompts = repeat(1)
    first = statistics.median(prompts)
    tokens = [(time - first) / NEW_TOKENS for time in repeat(1 + NEW_TOKENS)]
    print(json.dumps({"prompt_ms": sorted(prompts), "token_ms": sorted(tokens)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
