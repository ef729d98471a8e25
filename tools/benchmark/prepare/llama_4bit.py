"""Quantizes a GGUF file of Q8_0 matrices to Q4_K_M, by the C functions of llama-cpp-python.

    python -m benchmark.prepare.llama_4bit MODEL.gguf OUT.gguf

What is quantized twice is less exact, which the speed does not depend on.
"""

import os
import sys

import llama_cpp

from benchmark.runtimes.llama import _silence


def main(source, target):
    llama_cpp.llama_log_set(_silence, None)
    llama_cpp.llama_backend_init()
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M
    options.allow_requantize = True
    partial = target + ".tmp"
    status = llama_cpp.llama_model_quantize(source.encode(), partial.encode(), options)
    if status != 0:
        sys.exit(f"llama.cpp does not quantize {source}: {status}")
    os.replace(partial, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
