"""Attenuate from Python, with ctypes alone:

    with Model("model.atn") as model:
        print(model.classify("a text"))

Run as a program, it prints a JSON line for each text:

    tools/build-library host
    ATTENUATE_LIBRARY=.build/device/host/lib/libattenuate.so \\
        python3 tools/examples/attenuate.py model.atn "a text" "another text"

`attenuate.h` says what the functions do and which threads may call them; while one computes, other
threads of Python go on.
"""

import array
import ctypes
import json
import os
import sys
from ctypes import POINTER, byref, c_char, c_char_p, c_float, c_int32, c_size_t, c_uint64, c_void_p

OK, TOO_SMALL = 0, 11
DEFAULT, EMBED, CLASSIFY, RAW = 0, 1, 2, 3


class Error(ctypes.Structure):
    _fields_ = [("message", c_char * 256)]


class Options(ctypes.Structure):
    _fields_ = [("thread_count", c_int32), ("reserved_flags", c_int32),
                ("memory_limit", c_uint64), ("instruction_set", c_char_p),
                ("reserved", c_uint64 * 4)]


class Info(ctypes.Structure):
    _fields_ = [(name, c_int32) for name in (
        "task", "maximum_tokens", "vocabulary_size", "type_count", "has_tokenizer",
        "embedding_size", "class_count", "raw_row_count", "raw_column_count", "thread_count")]
    _fields_ += [("memory_bytes", c_uint64), ("instruction_set", c_char_p),
                 ("reserved", c_uint64 * 4)]


class Result(ctypes.Structure):
    _fields_ = [("row_count", c_size_t), ("column_count", c_size_t), ("token_count", c_size_t),
                ("total_token_count", c_size_t), ("best_class", c_int32)]


def load(path):
    library = ctypes.CDLL(path)
    model, error, numbers = c_void_p, POINTER(Error), POINTER(c_int32)
    text = [c_char_p, c_size_t, c_char_p, c_size_t]
    output = [POINTER(c_float), c_size_t, POINTER(Result), error]
    for name, result, arguments in (
            ("version", c_char_p, []),
            ("open_file", c_int32, [c_char_p, POINTER(Options), POINTER(model), error]),
            ("open_memory", c_int32,
             [c_void_p, c_size_t, POINTER(Options), POINTER(model), error]),
            ("close", None, [POINTER(model)]),
            ("get_info", c_int32, [model, POINTER(Info), error]),
            ("label", c_char_p, [model, c_int32]),
            ("tokenize", c_int32,
             [model, *text, numbers, numbers, c_size_t, POINTER(c_size_t), POINTER(c_size_t),
              error]),
            ("run_text", c_int32, [model, c_int32, *text, *output]),
            ("run_ids", c_int32, [model, c_int32, numbers, numbers, c_size_t, *output])):
        function = getattr(library, "attenuate_" + name)
        function.restype, function.argtypes = result, arguments
    return library


LIBRARY = load(os.environ.get("ATTENUATE_LIBRARY", "libattenuate.so"))


class AttenuateError(Exception):
    """What the library refuses, in its words; `status` is its number in attenuate.h."""

    def __init__(self, status, error):
        super().__init__(error.message.decode("utf-8", "replace"))
        self.status = status


def check(status, error):
    if status != OK:
        raise AttenuateError(status, error)


class Model:
    """A model of a file, or of bytes, which are kept until it is closed."""

    def __init__(self, source, threads=0, memory_limit=0, instruction_set=None):
        options = Options(thread_count=threads, memory_limit=memory_limit,
                          instruction_set=instruction_set and instruction_set.encode())
        self.handle, error = c_void_p(), Error()
        if isinstance(source, bytes):
            self.bytes = source
            status = LIBRARY.attenuate_open_memory(
                source, len(source), byref(options), byref(self.handle), byref(error))
        else:
            status = LIBRARY.attenuate_open_file(
                os.fsencode(source), byref(options), byref(self.handle), byref(error))
        check(status, error)
        self.info = Info()
        check(LIBRARY.attenuate_get_info(self.handle, byref(self.info), byref(error)), error)
        self.labels = [LIBRARY.attenuate_label(self.handle, index).decode()
                       for index in range(self.info.class_count)]

    def close(self):
        LIBRARY.attenuate_close(byref(self.handle))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def tokenize(self, text, pair=None):
        """The token ids of a text or a pair, cut to what the model takes, and their types."""
        text, pair = text.encode(), pair and pair.encode()
        capacity = self.info.maximum_tokens
        ids, types = (c_int32 * capacity)(), (c_int32 * capacity)()
        count, error = c_size_t(), Error()
        check(LIBRARY.attenuate_tokenize(
            self.handle, text, len(text), pair, len(pair or b""), ids, types, capacity,
            byref(count), None, byref(error)), error)
        return ids[:count.value], types[:count.value]

    def run(self, source, pair=None, task=DEFAULT, types=None):
        """The result and the numbers, row by row, of a text or of a list of token ids."""
        if isinstance(source, str):
            text, pair = source.encode(), pair and pair.encode()

            def call(*output):
                return LIBRARY.attenuate_run_text(
                    self.handle, task, text, len(text), pair, len(pair or b""), *output)
        else:
            ids = (c_int32 * len(source))(*source)
            types = types and (c_int32 * len(source))(*types)

            def call(*output):
                return LIBRARY.attenuate_run_ids(
                    self.handle, task, ids, types, len(source), *output)
        result, error = Result(), Error()
        status = call(None, 0, byref(result), byref(error))
        if status != TOO_SMALL:
            check(status, error)
        count = result.row_count * result.column_count
        values = array.array("f", bytes(4 * count))
        buffer = (c_float * count).from_buffer(values)
        check(call(buffer, count, byref(result), byref(error)), error)
        return result, values

    def embed(self, text, pair=None):
        return self.run(text, pair, EMBED)[1]

    def classify(self, text, pair=None):
        """The most probable label and the probability of each."""
        result, scores = self.run(text, pair, CLASSIFY)
        return self.labels[result.best_class], dict(zip(self.labels, scores))


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: attenuate.py model.atn text...")
    try:
        with Model(sys.argv[1]) as model:
            for text in sys.argv[2:]:
                if model.info.class_count > 0:
                    label, scores = model.classify(text)
                    print(json.dumps({"label": label, "scores": scores}))
                else:
                    print(json.dumps({"embedding": list(model.embed(text))}))
    except AttenuateError as error:
        sys.exit(f"attenuate.py: {error}")


if __name__ == "__main__":
    main()
