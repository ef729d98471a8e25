#!/usr/bin/env python3
"""Reads an .atn container with nothing but formats/container.md, and checks all of it.

Of a tokenizer, without --json, it lists the sections (formats/tokenizer.md).

    tools/read_container.py model.atn [--json] [--tensor NAME] [--dump DIR]

Needs the packages numpy and zstandard. Exit status 3: the file breaks a rule, which one line names.
"""
import argparse
import hashlib
import json
import math
import os
import re
import struct
import sys

import numpy
import zstandard

NONE = 0xFFFFFFFF
MAGIC = bytes.fromhex("8941544e0d0a1a0a")
FEATURES = {b"decoder", b"int4-groups", b"int8-attention", b"int8-rows", b"kept-tokens",
            b"sparse-chunks", b"static-ranges"}
ENCODINGS = ["raw", "zstd", "sparse"]
TYPES = {1: ("f32", 4), 2: ("f16", 2), 3: ("bf16", 2), 4: ("i8", 1), 5: ("u8", 1)}
OPERANDS = ("inputs", "outputs", "tensors", "attributes")
ROLES = ["hiddenState", "embedding", "logits", "pooled", "nextLogits"]
# Name, and the numbers of inputs, tensors and attributes; embed has any number of tables, quantize two
# attributes or none, and attention may have a tensor and two more attributes.
OPCODES = {1: ("embed", 0, None, None), 2: ("linear", 2, 2, 1), 3: ("attention", 3, None, None),
           4: ("layerNorm", 2, 2, 1), 5: ("activate", 1, 0, 1), 6: ("add", 2, 0, 0),
           7: ("pool", 1, 0, 1), 8: ("normalizeL2", 1, 0, 1), 9: ("quantize", 1, 1, None),
           10: ("angles", 0, 1, 1), 11: ("rotate", 2, 0, 2), 12: ("rmsNorm", 1, 1, 1),
           13: ("multiply", 2, 0, 0), 14: ("scale", 1, 0, 1)}
# Which inputs and tensors may be absent.
OPTIONAL = {("linear", "inputs"): 1, ("linear", "tensors"): 1, ("layerNorm", "inputs"): 1,
            ("layerNorm", "tensors"): 1, ("quantize", "tensors"): 0}


class Invalid(Exception):
    """A rule of the format is broken."""


def need(condition, message):
    if not condition:
        raise Invalid(message)


CRC = list(range(256))
for _ in range(8):
    CRC = [entry >> 1 ^ (0x82F63B78 if entry & 1 else 0) for entry in CRC]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in bytes(data):
        crc = CRC[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Fields:
    """Little-endian fields, one after the other, of a range of bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count, what):
        need(count <= len(self.data) - self.at, f"{what} runs past the end")
        self.at += count
        return self.data[self.at - count:self.at]

    def unpack(self, layout, what):
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout), what))

    def count(self, what, entry, limit):
        number, = self.unpack("I", what)
        need(number <= limit, f"{what} is {number}, the limit is {limit}")
        need(number * entry <= len(self.data) - self.at, f"{what} {number} runs past the end")
        return number

    def text(self, count, what):
        try:
            return bytes(self.take(count, what)).decode("utf-8")
        except UnicodeDecodeError:
            raise Invalid(f"{what} is not valid UTF-8") from None

    def zeros(self, count, what):
        need(not any(self.take(count, what)), f"{what} is not zero")

    def end(self, what):
        need(self.at == len(self.data), f"{len(self.data) - self.at} bytes follow {what}")


def ascending(names, what):
    keys = [name.encode() if isinstance(name, str) else name for name in names]
    need(all(a < b for a, b in zip(keys, keys[1:])), f"{what} do not ascend")


def read_header(file):
    magic = bytes(file[:8])
    mangled = magic[1:4] == b"ATN" and magic[0] in (0x89, 0x09)
    need(magic == MAGIC, "damaged by text mode" if mangled else "not a container")
    need(len(file) >= 128, "the header is cut")
    (read, write, size, reserved, _unused, file_size, offset, directory_size, digest,
     directory_crc) = struct.unpack("<HHIIIQQQ32sI", file[8:84])
    need(read <= 2, f"needs a reader of version {read}, this one has version 2")
    need(crc32c(file[:124]) == struct.unpack("<I", file[124:128])[0], "header checksum is wrong")
    need(read == 2, f"read version is {read}, expected 2")
    need(write >= read, f"versions {read} and {write} contradict")
    need(size == 128 and reserved == 0 and not any(file[84:124]), "reserved fields are not zero")
    need(file_size == len(file), f"file size is {len(file)}, expected {file_size}")
    need(directory_size <= 64 << 20, f"directory size {directory_size} is over the limit")
    need(offset >= 128 and offset + directory_size == file_size, "the directory is misplaced")
    need(crc32c(file[offset:]) == directory_crc, "directory checksum is wrong")
    return {"readVersion": read, "writeVersion": write, "fileSize": file_size,
            "directoryOffset": offset, "directorySize": directory_size,
            "contentDigest": digest.hex(), "directoryChecksum": directory_crc}


def read_sections(directory):
    known, fields, last = {}, Fields(directory), b""
    while fields.at < len(directory):
        tag, flags, size = fields.unpack("4sIQ", "section")
        need(last < tag, f"section {tag} is repeated or out of order")
        need(flags <= 1, f"reserved flags of section {tag}")
        last, payload = tag, fields.take(size, f"section {tag}")
        fields.zeros(-size % 8, "section padding")
        if tag in (b"CHNK", b"FEAT", b"META", b"PROG", b"TENS"):
            need(flags == 1, f"section {tag} is not marked as required")
            known[tag.decode()] = Fields(payload)
        else:
            need(flags == 0, f"needs section {tag}, which this version does not know")
    need(len(known) == 5, "a section is missing")
    return known


def read_features(fields):
    names = []
    for _ in range(fields.count("feature count", 2, 64)):
        names.append(fields.text(fields.unpack("H", "feature length")[0], "feature"))
        need(names[-1].encode() in FEATURES, f"needs feature '{names[-1]}', which is unknown")
    ascending(names, "features")
    fields.end("features")
    return names


def read_metadata(fields):
    entries, texts_left = [], 1 << 20

    def text():
        return fields.text(fields.unpack("I", "text length")[0], "metadata text")

    for _ in range(fields.count("metadata count", 3, 1024)):
        key = fields.text(fields.unpack("H", "key length")[0], "metadata key")
        kind, = fields.unpack("B", "metadata type")
        need(1 <= kind <= 3, f"unknown metadata type {kind}")
        if kind == 3:
            count = fields.count("metadata list count", 4, texts_left)
            texts_left -= count
            entries.append((key, [text() for _ in range(count)]))
        else:
            entries.append((key, text() if kind == 1 else fields.unpack("q", "integer")[0]))
    ascending([key for key, _ in entries], "metadata keys")
    fields.end("metadata")
    return dict(entries)


def read_chunks(fields):
    chunks = []
    count = fields.count("chunk count", 0, 1 << 24)
    fields.zeros(4, "chunk padding")
    need(count * 24 == len(fields.data) - 8, "the chunk table has another size")
    for _ in range(count):
        offset, stored, raw, checksum, encoding = fields.unpack("QIIIB", "chunk")
        fields.zeros(3, "chunk padding")
        need(1 <= raw <= 1 << 20 and 1 <= stored <= raw, f"chunk sizes {stored} and {raw}")
        need(encoding <= 2, f"unknown chunk encoding {encoding}")
        need(encoding > 0 or stored == raw, "stored size of a raw chunk")
        chunks.append((offset, stored, raw, checksum, encoding))
    return chunks


def read_tensors(fields):
    tensors = []
    count = fields.count("tensor count", 48, 1 << 16)
    name_bytes, = fields.unpack("I", "size of names")
    records = Fields(fields.take(48 * count, "tensors"))
    names = Fields(fields.take(name_bytes, "names"))
    fields.end("tensors")
    for _ in range(count):
        at, length, kind, rank, *shape = records.unpack("IHBB4I", "tensor")
        first, chunk_count, per_chunk = records.unpack("III", "tensor")
        scheme, = records.unpack("B", "scheme")
        records.zeros(3, "tensor padding")
        scales, = records.unpack("I", "scales")
        multipliers = None
        if scheme == 2:
            multipliers, = records.unpack("I", "multipliers")
        else:
            records.zeros(4, "tensor padding")
        need(at == names.at, "tensor names leave a hole")
        name = names.text(length, "tensor name")
        need(kind in TYPES, f"tensor '{name}': unknown element type {kind}")
        need(rank <= 4 and not any(shape[rank:]), f"tensor '{name}': rank {rank}")
        need(scheme <= 2, f"tensor '{name}': unknown quantization scheme {scheme}")
        shape = shape[:rank]
        for axes in range(rank):
            need(math.prod(shape[:axes + 1]) <= 1 << 48, f"tensor '{name}' is too large")
        tensors.append({"name": name, "type": TYPES[kind][0], "shape": shape, "scheme": scheme,
                        "scales": None if scales == NONE else scales,
                        "multipliers": multipliers, "firstChunk": first,
                        "chunkCount": chunk_count, "chunkRawBytes": per_chunk})
    ascending([tensor["name"] for tensor in tensors], "tensor names")
    names.end("tensor names")
    for tensor in tensors:
        index = tensor["scales"]
        if tensor["scheme"] == 0:
            need(index is None, f"tensor '{tensor['name']}' has scales but no codes")
        else:
            scales = tensors[index] if index is not None and index < count else tensor
            need(tensor["type"] == "i8" and len(tensor["shape"]) == 2 and scales["type"] == "f32"
                 and scales["scheme"] == 0 and scales["shape"] == tensor["shape"][:1],
                 f"tensor '{tensor['name']}': codes and scales do not fit")
        if tensor["scheme"] == 2:
            index = tensor["multipliers"]
            multipliers = tensors[index] if index < count else tensor
            rows, columns = tensor["shape"]
            need(multipliers["type"] == "i8" and multipliers["scheme"] == 0
                 and multipliers["shape"] == [rows, -(-columns // 32)],
                 f"tensor '{tensor['name']}': codes and multipliers do not fit")
        need(tensor["name"] != "tokenizer" or tensor["type"] == "u8" and len(tensor["shape"]) == 1,
             "the tokenizer is not a row of bytes")
    return tensors


def check_placement(file, header, tensors, chunks):
    end, used = 128, 0

    def advance(alignment):
        start = -(-end // alignment) * alignment
        need(start <= header["directoryOffset"], "data runs into the directory")
        need(not any(file[end:start]), f"padding at {end} is not zero")
        return start

    for tensor in tensors:
        name, size = tensor["name"], dict(TYPES.values())[tensor["type"]]
        row = math.prod(tensor["shape"][1:]) * size
        left, per_chunk = math.prod(tensor["shape"]) * size, tensor["chunkRawBytes"]
        if left == 0:
            need((tensor["chunkCount"], per_chunk) == (0, 0), f"'{name}' is empty, has chunks")
        else:
            need(0 < per_chunk <= min(left, 1 << 20) and per_chunk % row == 0,
                 f"tensor '{name}': bytes per chunk")
            need(tensor["chunkCount"] == -(-left // per_chunk), f"tensor '{name}': chunk count")
        need(tensor["firstChunk"] == used, f"tensor '{name}': first chunk")
        need(used + tensor["chunkCount"] <= len(chunks), f"'{name}' has too many chunks")
        for number in range(tensor["chunkCount"]):
            offset, stored, raw, _, encoding = chunks[used + number]
            need(encoding < 2 or tensor["type"] == "i8", f"tensor '{name}': a sparse chunk")
            end = advance(64 if number == 0 else size)
            need(offset == end, f"tensor '{name}': chunk at {offset}, expected {end}")
            need(raw == min(per_chunk, left), f"tensor '{name}': raw size {raw} of a chunk")
            end, left = end + stored, left - raw
            need(end <= header["directoryOffset"], "a chunk runs into the directory")
        used += tensor["chunkCount"]
    need(used == len(chunks), "there are more chunks than tensors use")
    need(advance(64) == header["directoryOffset"], "the directory does not follow the data")


def read_program(fields, tensor_count):
    tokens, vocabulary, types = fields.unpack("3I", "program")
    value_count, count, output_count = fields.unpack("3I", "program")
    need(1 <= tokens <= 1 << 24, f"maximum tokens {tokens}")
    need(1 <= vocabulary < 1 << 31, f"vocabulary size {vocabulary}")
    need(value_count <= 1 << 13 and count <= 1 << 16 and output_count <= 256,
         "a table of the program is over its limit")
    values, outputs, instructions = [], [], []
    for _ in range(value_count):
        kind, rows_kind = fields.unpack("BB", "value")
        fields.zeros(2, "value padding")
        rows, columns = fields.unpack("II", "value")
        need(kind <= 1 and rows_kind <= 1, f"unknown kind of value {kind}, {rows_kind}")
        need(1 <= rows <= 1 << 24 if rows_kind else rows == 0, f"rows {rows} of a value")
        need(columns <= 1 << 24, f"columns {columns} of a value")
        values.append({"kind": ["floats", "codes"][kind], "rows": rows or None,
                       "columns": columns})
    need(sum((value["rows"] or tokens) * value["columns"] for value in values) <= 1 << 48,
         "the values have too many elements")
    for _ in range(output_count):
        role, = fields.unpack("B", "output")
        fields.zeros(3, "output padding")
        value, = fields.unpack("I", "output")
        need(role < len(ROLES) and value < value_count, f"output {role} of value {value}")
        need(not outputs or ROLES.index(outputs[-1]["role"]) < role, "outputs do not ascend")
        outputs.append({"role": ROLES[role], "value": value})
    for index in range(count):
        opcode, *counts = fields.unpack("H4B", "instruction")
        fields.zeros(2, "instruction padding")
        need(opcode in OPCODES, f"unknown opcode {opcode}")
        name, inputs, weights, attributes = OPCODES[opcode]
        if name == "embed":
            # A term of kind 3 has a second tensor, behind all tables.
            tables = counts[3] // 2
            need(1 <= tables <= 8, f"{tables} tables of an embedding")
            words = fields.data[fields.at + 4 * sum(counts[:3]):]
            need(len(words) >= 8 * tables, "operands runs past the end")
            kinds = struct.unpack_from(f"<{2 * tables}I", words)[::2]
            weights, attributes = tables + kinds.count(3), 2 * tables
        if name == "quantize":
            attributes = 2 if counts[3] else 0
        if name == "attention":
            weights, attributes = min(1, counts[2]), 7 if counts[3] == 7 else 9
        need(counts == [inputs, 1, weights, attributes], f"instruction {index}: operand counts")
        record = {"opcode": name}
        limits = (value_count, value_count, tensor_count, None)
        for field, number, limit in zip(OPERANDS, counts, limits):
            words = fields.unpack(f"{number}I", "operands")
            for place, word in enumerate(words if limit is not None else ()):
                absent = word == NONE and OPTIONAL.get((name, field)) == place
                need(word < limit or absent, f"instruction {index}: {field} {word}")
            record[field] = [None if word == NONE and limit is not None else word for word in words]
        instructions.append(record)
    fields.end("program")
    return {"maximumTokens": tokens, "vocabularySize": vocabulary, "typeCount": types,
            "values": values, "outputs": outputs, "instructions": instructions}


def check_order(program):
    values, written = program["values"], set()
    for index, step in enumerate(program["instructions"]):
        for value in step["inputs"]:
            need(value is None or value in written,
                 f"instruction {index} reads value {value}, which no earlier instruction writes")
        output, = step["outputs"]
        need(output not in written, f"value {output} is written twice")
        written.add(output)
    need(len(written) == len(values), "a value is never written")
    need(all(values[output["value"]]["kind"] == "floats" for output in program["outputs"]),
         "an output is not floats")


def check_operands(program, tensors):
    values = program["values"]
    for index, step in enumerate(program["instructions"]):
        name, attributes = step["opcode"], step["attributes"]
        inputs = [None if value is None else values[value] for value in step["inputs"]]
        weights = [None if tensor is None else tensors[tensor] for tensor in step["tensors"]]
        x, y = (inputs or [None])[0], values[step["outputs"][0]]

        def rule(condition, what):
            need(condition, f"instruction {index} ({name}): {what}")

        def shape(value):
            return value["rows"], value["columns"]

        def vector(tensor, count):
            rule(tensor is None or (tensor["type"], tensor["shape"]) == ("f32", [count]),
                 f"needs a vector of {count}")

        def matrix(tensor, schemes=(1,)):
            rule(len(tensor["shape"]) == 2
                 and (tensor["scheme"] in schemes or tensor["type"] in ("f32", "f16", "bf16")),
                 "needs a matrix of numbers")

        def real(word):
            return struct.unpack("<f", struct.pack("<I", word))[0]

        codes_in = name == "linear" and weights[0]["scheme"] != 0
        kinds = ["codes" if codes_in else "floats", "floats", "floats"]
        rule(all(value is None or value["kind"] == kind for value, kind in zip(inputs, kinds)),
             "kind of an input")
        rule(y["kind"] == ("codes" if name == "quantize" else "floats"), "kind of the output")
        if name in ("layerNorm", "activate", "add", "normalizeL2", "quantize", "rmsNorm", "multiply",
                    "scale"):
            rule(all(shape(value) == shape(y) for value in inputs if value), "shapes differ")
        if name == "embed":
            rule(y["rows"] is None, "rows of the output")
            counts = [program["vocabularySize"], max(1, program["typeCount"]),
                      program["maximumTokens"], 1]
            kinds = attributes[::2]
            for kept in weights[len(kinds):]:
                rule((kept["type"], kept["shape"]) == ("u8", [-(-counts[0] // 8)]),
                     "kept tokens have one bit for each token")
            for table, kind, offset in zip(weights, kinds, attributes[1::2]):
                matrix(table)
                rule(kind <= 3 and table["shape"][1] == y["columns"]
                     and counts[kind] + offset <= table["shape"][0],
                     "a table is too small")
        elif name == "linear":
            matrix(weights[0], schemes=(1, 2))
            rule(weights[0]["shape"] == [y["columns"], x["columns"]] and x["columns"] <= 65536,
                 "shape of the weight")
            vector(weights[1], y["columns"])
            rule(x["rows"] == y["rows"] and (inputs[1] is None or shape(inputs[1]) == shape(y)),
                 "shapes differ")
        elif name == "attention":
            heads, key_heads, size, value_size, scale, causal, arithmetic = attributes[:7]
            q, k, v = inputs
            rule(heads <= 1 << 16 and size <= 4096 and value_size <= 4096, "a size is too large")
            rule(key_heads <= heads and (heads == 0 or key_heads > 0 and heads % key_heads == 0),
                 "key heads")
            rule((q["columns"], y["columns"]) == (heads * size, heads * value_size)
                 and k["columns"] == key_heads * size and v["columns"] == key_heads * value_size,
                 "columns")
            rule(q["rows"] == y["rows"] and k["rows"] == v["rows"]
                 and (not causal or q["rows"] in (k["rows"], q["rows"] or -1)),
                 "rows")
            window, cap = attributes[7:] or (0, 0)
            rule(window == 0 or causal and window <= 1 << 24, "window")
            rule(cap == 0 or 2.0 ** -60 <= real(cap) <= 2.0 ** 60, "cap")
            for slopes in weights:
                vector(slopes, heads)
            rule(causal <= 1 and arithmetic <= 1 and math.isfinite(real(scale)), "mask or scale")
        elif name == "layerNorm":
            for weight in weights:
                vector(weight, y["columns"])
            rule(y["columns"] > 0, "no columns")
        elif name == "pool":
            rule(y["rows"] == 1 and x["columns"] == y["columns"] and attributes[0] <= 3, "pooling")
        elif name == "angles":
            vector(weights[0], y["columns"] // 2)
            rule(y["rows"] is None and y["columns"] % 2 == 0
                 and math.isfinite(real(attributes[0])), "angles")
        elif name == "rotate":
            size, pairing = attributes
            rule(shape(x) == shape(y) and inputs[1]["rows"] == y["rows"], "shapes differ")
            rule(size > 0 and y["columns"] % size == 0 and inputs[1]["columns"] <= size
                 and pairing <= 1, "heads or pairing")
        elif name == "rmsNorm":
            count, = weights[0]["shape"]
            vector(weights[0], count)
            rule(count > 0 and y["columns"] % count == 0, "groups")
        elif name == "scale":
            rule(math.isfinite(real(attributes[0])), "factor")
        elif name == "quantize":
            vector(weights[0], x["columns"])
            if attributes:
                low, high = map(real, attributes)
                rule(low <= 0 <= high and 2.0 ** -100 <= numpy.float32(high) - numpy.float32(low)
                     < math.inf, "range")
        if name in ("linear", "activate"):
            rule(attributes[0] <= 6, "unknown activation")
        if name in ("layerNorm", "normalizeL2", "rmsNorm"):
            rule(math.isfinite(real(attributes[0])) and real(attributes[0]) >= 0, "epsilon")


def check_features(features, program, tensors, chunks):
    def is_of_decoders(step):
        name, attributes = step["opcode"], step["attributes"]
        return (name in ("angles", "rotate", "rmsNorm", "multiply", "scale")
                or name == "pool" and attributes[0] == 3
                or name == "attention" and (step["tensors"] or any(attributes[7:])))

    used = {"decoder": any(map(is_of_decoders, program["instructions"]))
            or any(output["role"] == "nextLogits" for output in program["outputs"]),
            "int4-groups": any(tensor["scheme"] == 2 for tensor in tensors),
            "int8-attention": any(step["opcode"] == "attention" and step["attributes"][6] == 1
                                  for step in program["instructions"]),
            "int8-rows": any(tensor["scheme"] == 1 for tensor in tensors),
            "kept-tokens": any(step["opcode"] == "embed" and 3 in step["attributes"][::2]
                               for step in program["instructions"]),
            "sparse-chunks": any(chunk[-1] == 2 for chunk in chunks),
            "static-ranges": any(step["opcode"] == "quantize" and step["attributes"]
                                 for step in program["instructions"])}
    for name, is_used in used.items():
        need(not is_used or name in features, f"feature '{name}' is used and not listed")


def decode_frame(data, raw, index):
    try:
        frame = zstandard.get_frame_parameters(data)
        need(data[:4] == b"\x28\xb5\x2f\xfd" and frame.content_size == raw and frame.dict_id == 0,
             f"chunk {index} is another frame")
        decoder = zstandard.ZstdDecompressor().decompressobj()
        result = decoder.decompress(data)
        need(decoder.eof and not decoder.unused_data and len(result) == raw,
             f"chunk {index} is not one frame")
        return result
    except zstandard.ZstdError as error:
        raise Invalid(f"chunk {index}: {error}") from None


def decode_sparse(data, raw, index):
    """The codes of a sparse chunk."""
    def part(stored, size):
        return stored if len(stored) == size else decode_frame(stored, size, index)

    need(len(data) > 4, f"chunk {index} is too short for a mask")
    mask_size, = struct.unpack("<I", data[:4])
    need(0 < mask_size <= min(-(-raw // 8), len(data) - 4),
         f"chunk {index} has a mask of {mask_size} bytes")
    mask, values = part(data[4:4 + mask_size], -(-raw // 8)), data[4 + mask_size:]
    is_value = numpy.unpackbits(numpy.frombuffer(mask, "u1"), bitorder="little").astype(bool)
    need(not is_value[raw:].any(), f"chunk {index} has bits behind its mask")
    count = int(is_value.sum())
    need(len(values) <= count, f"chunk {index} has {len(values)} bytes for {count} values")
    values = numpy.frombuffer(part(values, count), "u1")
    need(values.all(), f"chunk {index} lists a zero among its values")
    codes = numpy.zeros(raw, "u1")
    codes[is_value[:raw]] = values
    return codes.tobytes()


def decode(file, chunk, index):
    offset, stored, raw, checksum, encoding = chunk
    data = bytes(file[offset:offset + stored])
    need(crc32c(data) == checksum, f"chunk {index} is damaged")
    if encoding == 0:
        return data
    return (decode_frame if encoding == 1 else decode_sparse)(data, raw, index)


TOKENIZER_SECTIONS = {
    1: "vocabulary", 2: "normalization", 3: "added tokens", 4: "templates", 5: "special tokens",
    16: "word piece", 17: "composition", 18: "splitting", 19: "merges", 20: "SentencePiece"}
SHARED_SECTIONS = [1, 2, 3, 4, 5]
TOKENIZER_KINDS = {1: ("WordPiece", SHARED_SECTIONS + [16]),
                   2: ("byte-pair encoding", SHARED_SECTIONS + [17, 18, 19]),
                   3: ("byte-pair encoding of SentencePiece", SHARED_SECTIONS + [19, 20])}


def tokenizer_summary(blob):
    """Kind, tokens and sections of a tokenizer (formats/tokenizer.md), its directory checked."""
    need(len(blob) >= 24 and blob[:4] == b"ATOK", "the tokenizer is none")
    version, kind, size, tokens, flags, count = struct.unpack_from("<HHIIII", blob, 4)
    need(version == 1 and kind in TOKENIZER_KINDS, f"tokenizer version {version}, kind {kind}")
    name, sections = TOKENIZER_KINDS[kind]
    need(size == len(blob) and flags < 4 and count == len(sections), "header of the tokenizer")
    yield f"tokenizer: {name}, {tokens} tokens" + (", trimmed" if flags & 2 else "")
    end = 24 + 12 * count
    need(end <= size, "directory of the tokenizer")
    for index, expected in enumerate(sections):
        section, offset, length = struct.unpack_from("<III", blob, 24 + 12 * index)
        need(section == expected and offset == end and length <= size - end,
             f"section {section} of the tokenizer")
        end = -(-(offset + length) // 4) * 4
        need(end <= size and not any(blob[offset + length:end]), "padding of the tokenizer")
        yield f"tokenizer section {section}, {TOKENIZER_SECTIONS[section]}: {length} bytes"
    need(end == size, "end of the tokenizer")


class Container:
    """A container that passed every check but those of `check_contents`."""

    def __init__(self, file):
        self.file = file
        self.header = read_header(file)
        sections = read_sections(file[self.header["directoryOffset"]:])
        self.features = read_features(sections["FEAT"])
        self.metadata = read_metadata(sections["META"])
        self.chunks = read_chunks(sections["CHNK"])
        self.tensors = read_tensors(sections["TENS"])
        self.program = read_program(sections["PROG"], len(self.tensors))
        check_placement(file, self.header, self.tensors, self.chunks)
        check_features(self.features, self.program, self.tensors, self.chunks)
        check_order(self.program)
        check_operands(self.program, self.tensors)

    def raw_bytes(self, tensor):
        first = tensor["firstChunk"]
        return b"".join(decode(self.file, self.chunks[index], index)
                        for index in range(first, first + tensor["chunkCount"]))

    def array(self, tensor):
        """The stored elements; bf16 as the f32 of the same value."""
        kinds = {"f32": "<f4", "f16": "<f2", "bf16": "<u2", "i8": "i1", "u8": "u1"}
        elements = numpy.frombuffer(self.raw_bytes(tensor), kinds[tensor["type"]])
        if tensor["type"] == "bf16":
            elements = (elements.astype("<u4") << 16).view("<f4")
        return elements.reshape(tensor["shape"])

    def check_contents(self):
        """Level 4: digest, every chunk, range of codes and scales. Adds each tensor's SHA-256."""
        need(hashlib.sha256(self.file[128:]).hexdigest() == self.header["contentDigest"],
             "content digest is wrong")
        for tensor in self.tensors:
            tensor["sha256"] = hashlib.sha256(self.raw_bytes(tensor)).hexdigest()
            if tensor["scheme"] != 0:
                self.check_codes(tensor)
                scales = self.array(self.tensors[tensor["scales"]])
                need((numpy.isfinite(scales) & (scales >= 0)).all(),
                     f"tensor '{tensor['name']}' has a bad scale")

        self.check_kept_tokens()

    def check_codes(self, tensor):
        name, codes = tensor["name"], self.array(tensor).astype(int)
        if tensor["scheme"] == 1:
            need(not (codes == -128).any(), f"tensor '{name}' has a code of -128")
            return
        multipliers = self.array(self.tensors[tensor["multipliers"]]).astype(int)
        need(not ((codes < -8) | (codes > 7)).any(), f"tensor '{name}' has a code beyond 4 bits")
        need(not (multipliers == -128).any(), f"tensor '{name}' has a multiplier of -128")
        weights = codes * numpy.repeat(multipliers, 32, axis=1)[:, :codes.shape[1]]
        need((255 * numpy.abs(weights).sum(axis=1) < 2**31).all(),
             f"tensor '{name}': products can leave 32 bits")

    def check_kept_tokens(self):
        size = self.program["vocabularySize"]
        for index, step in enumerate(self.program["instructions"]):
            kinds = step["attributes"][::2] if step["opcode"] == "embed" else []
            kept = iter(step["tensors"][len(kinds):])
            for table, kind in zip(step["tensors"], kinds):
                if kind != 3:
                    continue
                bits = numpy.unpackbits(self.array(self.tensors[next(kept)]), bitorder="little")
                need(not bits[size:].any(), f"instruction {index}: a kept token is no token")
                need(bits.sum() == self.tensors[table]["shape"][0],
                     f"instruction {index}: {bits.sum()} tokens are kept, not the table's rows")

    def value(self):
        keys = ("offset", "storedSize", "rawSize", "checksum", "encoding")
        return {"header": self.header, "features": self.features, "metadata": self.metadata,
                "chunks": [dict(zip(keys, chunk)) for chunk in self.chunks],
                "tensors": self.tensors, "program": self.program}

    def summary(self):
        header, program = self.header, self.program
        yield f"{header['fileSize']} bytes"
        yield f"content {header['contentDigest']}"
        for key, value in self.metadata.items():
            yield f"{key}: {', '.join(value) if isinstance(value, list) else value}"
        for tensor in self.tensors:
            first = tensor["firstChunk"]
            chunks = self.chunks[first:first + tensor["chunkCount"]]
            stored = sum(chunk[1] for chunk in chunks)
            ways = "+".join(ENCODINGS[way] for way in sorted({chunk[4] for chunk in chunks}))
            codes = ("", " rows", " groups")[tensor["scheme"]]
            yield (f"{tensor['name']}  {tensor['type']}{codes} {tensor['shape']}  "
                   f"{stored} bytes {ways}")
            if tensor["name"] == "tokenizer":
                try:
                    yield from tokenizer_summary(self.raw_bytes(tensor))
                except Invalid as error:
                    yield f"tokenizer: unknown ({error})"
        for index, step in enumerate(program["instructions"]):
            operands = " ".join(f"{key}={step[key]}" for key in OPERANDS if step[key])
            yield f"{index}: {step['opcode']} {operands}"
        for output in program["outputs"]:
            yield f"{output['role']}: value {output['value']}"


def main():
    parser = argparse.ArgumentParser(description="Checks a container and says what is in it.")
    parser.add_argument("file")
    parser.add_argument("--json", action="store_true", help="print all but the elements as JSON")
    parser.add_argument("--tensor", metavar="NAME", help="print the elements of a tensor")
    parser.add_argument("--dump", metavar="DIR", help="write the tensors as .npy files")
    options = parser.parse_args()
    try:
        with open(options.file, "rb") as file:
            container = Container(memoryview(file.read()))
        container.check_contents()
        named = {tensor["name"]: tensor for tensor in container.tensors}
        if options.tensor is not None:
            need(options.tensor in named, f"there is no tensor '{options.tensor}'")
            elements = numpy.atleast_2d(container.array(named[options.tensor]))
            numpy.savetxt(sys.stdout, elements, fmt="%.9g")
        if options.dump is not None:
            os.makedirs(options.dump, exist_ok=True)
            for index, tensor in enumerate(container.tensors):
                # Names come from the file: none may lead out of the folder.
                safe = re.sub("[^A-Za-z0-9._-]", "_", tensor["name"])[:150]
                path = os.path.join(options.dump, f"{index:05}-{safe}.npy")
                numpy.save(path, container.array(tensor))
    except (Invalid, OSError) as error:
        print(f"read_container: {options.file}: {error}", file=sys.stderr)
        return 3
    if options.json:
        value = container.value()
        print(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    elif options.tensor is None:
        print("\n".join(container.summary()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
