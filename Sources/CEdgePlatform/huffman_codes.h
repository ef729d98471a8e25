// Huffman codes as zstd stores them (RFC 8878, 4.2), and streams of bits.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /// Bits of the longest code that zstd itself writes.
    EDGEP_CODE_BITS = 11,
    EDGEP_CODE_ENTRIES = 1 << EDGEP_CODE_BITS,
};

/// Bits of a stream that is read backwards: those below the next ones.
typedef struct {
    const uint8_t *bytes;
    int64_t bits;
} edgep_bit_stream;

static inline int edgep_highest_bit(uint32_t x) {
    return 31 - __builtin_clz(x);
}

/// The next `count` ≤ 11 bits; zeros follow the last one.
uint32_t edgep_next_bits(const edgep_bit_stream *stream, int count);

/// Fills the table of a code from its description: by the next bits, the length of the code that they
/// start with in the low byte, what it stands for in the high one. Returns the bytes that the
/// description takes, or 0.
size_t edgep_read_codes(
    const uint8_t *bytes, size_t byte_count, uint16_t codes[EDGEP_CODE_ENTRIES]);
