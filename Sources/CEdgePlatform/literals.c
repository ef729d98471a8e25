// Decodes Huffman codes of zstd (RFC 8878, 4.2) from two blocks at once. The four streams of a block
// leave a processor waiting: each code has to be looked up before the next one is known, so it takes
// the time of a load and two shifts. Eight streams keep it busy.
#include "literals.h"

#include <stdatomic.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#if UINTPTR_MAX < UINT64_MAX || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__

bool edgep_decode_literals(
    edgep_literals *scratch, const uint8_t *frame, size_t frame_byte_count, uint8_t *raw,
    size_t raw_byte_count
) {
    // Bits are read in words of 64.
    (void)scratch, (void)frame, (void)frame_byte_count, (void)raw, (void)raw_byte_count;
    return false;
}

#else

#define ALWAYS_INLINE __attribute__((always_inline)) static inline
/// What is done a few times for a block.
#define SMALL __attribute__((minsize, noinline)) static

enum {
    STREAMS = 4,
    LARGEST_BLOCK = 128 << 10,
    /// Codes that surely fit the bits of a word, less up to 7 of its first byte.
    CODES_PER_WORD = 5,
    LARGEST_STEP = 7,
};

static uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

// MARK: Streams

/// A stream on its way: `bits` are those at `next`, without those that were used; the lowest one set
/// tells how many these are.
typedef struct {
    uint64_t bits;
    const uint8_t *next, *start;
    uint8_t *target, *end;
    const uint16_t *codes;
} lane;

/// How many words all lanes have and can write.
SMALL int64_t rounds_of(const lane *lanes, int count) {
    int64_t rounds = INT64_MAX;
    for (int i = 0; i < count; i++) {
        int64_t words = (lanes[i].next - lanes[i].start) / LARGEST_STEP;
        int64_t places = (lanes[i].end - lanes[i].target) / CODES_PER_WORD;
        if (words < rounds) rounds = words;
        if (places < rounds) rounds = places;
    }
    return rounds;
}

/// Decodes words of all lanes. What changes is kept in variables of its own: the bytes that are
/// written could be anything else.
ALWAYS_INLINE void run_lanes(lane *lanes, int count, int64_t rounds) {
    enum { MOST = 2 * STREAMS };
    uint64_t bits[MOST];
    const uint8_t *next[MOST];
    uint8_t *target[MOST];
    const uint16_t *codes[2] = {lanes[0].codes, lanes[count - 1].codes};
    for (int i = 0; i < count; i++) {
        bits[i] = lanes[i].bits;
        next[i] = lanes[i].next;
        target[i] = lanes[i].target;
    }
    for (; rounds > 0; rounds--) {
        // What a loop takes is done while codes are looked up.
#pragma clang loop unroll(disable)
        for (int k = 0; k < CODES_PER_WORD; k++) {
            for (int i = 0; i < count; i++) {
                uint16_t code = codes[i / STREAMS][bits[i] >> (64 - EDGEP_CODE_BITS)];
                bits[i] <<= code & 63;
                target[i][k] = (uint8_t)(code >> 8);
            }
        }
        for (int i = 0; i < count; i++) {
            int used = __builtin_ctzll(bits[i]);
            next[i] -= used / 8;
            target[i] += CODES_PER_WORD;
            bits[i] = (word_at(next[i]) | 1) << used % 8;
        }
    }
    for (int i = 0; i < count; i++) {
        lanes[i].bits = bits[i];
        lanes[i].next = next[i];
        lanes[i].target = target[i];
    }
}

#define RUN __attribute__((noinline)) static

RUN void run_block(lane *lanes, int64_t rounds) {
    run_lanes(lanes, STREAMS, rounds);
}

#if defined(__x86_64__)

// With BMI2, shifts by a number in a register are one instruction instead of three. Only then two
// blocks at once are worth their code.

#define BMI2 __attribute__((target("bmi2")))

BMI2 RUN void run_block_bmi2(lane *lanes, int64_t rounds) {
    run_lanes(lanes, STREAMS, rounds);
}

BMI2 RUN void run_two_blocks(lane *lanes, int64_t rounds) {
    run_lanes(lanes, 2 * STREAMS, rounds);
}

SMALL bool has_bmi2(void) {
    enum { UNKNOWN, NO, YES };
    // Asking takes a virtual machine long.
    static _Atomic int answer = UNKNOWN;
    int known = atomic_load_explicit(&answer, memory_order_relaxed);
    if (known == UNKNOWN) {
        unsigned a, b = 0, c, d;
        known = __get_cpuid_count(7, 0, &a, &b, &c, &d) && b & bit_BMI2 ? YES : NO;
        atomic_store_explicit(&answer, known, memory_order_relaxed);
    }
    return known == YES;
}

#else

RUN void run_two_blocks(lane *lanes, int64_t rounds) {
    run_lanes(lanes, 2 * STREAMS, rounds);
}

#define run_block_bmi2 run_block
#define has_bmi2() true

#endif

/// Decodes all lanes of one block or two as far as there are whole words.
SMALL void run(lane *lanes, int count) {
    bool is_fast = has_bmi2();
    int64_t rounds;
    while (count > STREAMS && is_fast && (rounds = rounds_of(lanes, count)) > 0) {
        run_two_blocks(lanes, rounds);
    }
    // One of the blocks may be longer.
    for (int i = 0; i < count; i += STREAMS) {
        while ((rounds = rounds_of(lanes + i, STREAMS)) > 0) {
            (is_fast ? run_block_bmi2 : run_block)(lanes + i, rounds);
        }
    }
}

/// Decodes the rest of a lane; false unless it ends with its stream.
SMALL bool finish_lane(lane *lane) {
    edgep_bit_stream stream = {
        lane->start, 8 * (lane->next - lane->start) + 64 - __builtin_ctzll(lane->bits)};
    for (; lane->target < lane->end; lane->target++) {
        uint16_t code = lane->codes[edgep_next_bits(&stream, EDGEP_CODE_BITS)];
        stream.bits -= code & 63;
        if (stream.bits < 0) return false;
        *lane->target = (uint8_t)(code >> 8);
    }
    return stream.bits == 0;
}

// MARK: Blocks

/// Where the next block is, and what it needs.
typedef struct {
    const uint8_t *block, *end;
    uint8_t *raw;
    size_t raw_left, largest_block;
    /// The code of the block before, or null.
    const uint16_t *codes;
    bool is_last;
} reader;

/// Opens the lanes of the next block; false if it is of another kind.
SMALL bool open_block(reader *reader, uint16_t *own_codes, lane lanes[STREAMS]) {
    const uint8_t *bytes = reader->block;
    // The headers of a block and of its literals, and the numbers of bytes of three streams.
    if (reader->end - bytes < 3 + 5 + 6) return false;
    uint32_t header = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
    size_t byte_count = header >> 3;
    bytes += 3;
    if ((header >> 1 & 3) != 2 || byte_count > (size_t)(reader->end - bytes)) return false;
    reader->is_last = header & 1;
    reader->block = bytes + byte_count;

    int kind = bytes[0] & 3, format = bytes[0] >> 2 & 3;
    if (kind < 2 || format == 0) return false;
    int header_bytes = format + 2, size_bits = format == 1 ? 10 : format == 2 ? 14 : 18;
    uint64_t sizes = word_at(bytes) >> 4;
    size_t raw_size = sizes & ((UINT64_C(1) << size_bits) - 1);
    size_t size = sizes >> size_bits & ((UINT64_C(1) << size_bits) - 1);
    // A last byte says that there are no sequences.
    if (raw_size == 0 || raw_size > reader->raw_left) return false;
    if (raw_size > reader->largest_block || byte_count > reader->largest_block) return false;
    if (byte_count != (size_t)header_bytes + size + 1 || bytes[byte_count - 1] != 0) return false;
    bytes += header_bytes;
    if (kind == 2) {
        size_t used = edgep_read_codes(bytes, size, own_codes);
        if (used == 0) return false;
        bytes += used;
        size -= used;
        reader->codes = own_codes;
    }
    if (reader->codes == NULL || size < 6) return false;

    size_t share = (raw_size + STREAMS - 1) / STREAMS, left = size - 6, raw_left = raw_size;
    const uint8_t *start = bytes + 6;
    for (int i = 0; i < STREAMS; i++) {
        size_t count = i < 3 ? bytes[2 * i] | (size_t)bytes[2 * i + 1] << 8 : left;
        size_t places = i < 3 ? share : raw_left;
        if (count < 8 || count > left || places > raw_left || start[count - 1] == 0) return false;
        lanes[i] = (lane){
            .next = start + count - 8, .start = start, .target = reader->raw,
            .end = reader->raw + places, .codes = reader->codes,
        };
        lanes[i].bits = (word_at(lanes[i].next) | 1) << (8 - edgep_highest_bit(start[count - 1]));
        start += count;
        left -= count;
        reader->raw += places;
        raw_left -= places;
    }
    reader->raw_left -= raw_size;
    return true;
}

__attribute__((minsize)) bool edgep_decode_literals(
    edgep_literals *scratch, const uint8_t *frame, size_t frame_byte_count, uint8_t *raw,
    size_t raw_byte_count
) {
    // A descriptor, a window unless the frame is one segment, and the size of the content.
    if (frame_byte_count < 5) return false;
    uint8_t descriptor = frame[4];
    bool is_segment = descriptor >> 5 & 1;
    int content_bytes = (descriptor >> 6 == 0 ? is_segment : 1 << (descriptor >> 6));
    size_t header_bytes = 5 + !is_segment + (size_t)content_bytes;
    // No checksum, no dictionary.
    if ((descriptor & 15) != 0 || frame_byte_count < header_bytes) return false;
    // No block is larger than the window: an exponent and eighths.
    uint64_t window = raw_byte_count;
    if (!is_segment) window = (UINT64_C(8) + (frame[5] & 7)) << (7 + (frame[5] >> 3));
    reader reader = {
        .block = frame + header_bytes, .end = frame + frame_byte_count, .raw = raw,
        .raw_left = raw_byte_count,
        .largest_block = window < LARGEST_BLOCK ? (size_t)window : LARGEST_BLOCK,
    };
    while (!reader.is_last) {
        lane lanes[2 * STREAMS];
        int count = 0;
        do {
            uint16_t *own = reader.codes == scratch->codes[0] ? scratch->codes[1] : scratch->codes[0];
            if (!open_block(&reader, own, lanes + count)) return false;
            count += STREAMS;
        } while (!reader.is_last && count < 2 * STREAMS);
        run(lanes, count);
        for (int i = 0; i < count; i++) {
            if (!finish_lane(&lanes[i])) return false;
        }
    }
    return reader.block == reader.end && reader.raw_left == 0;
}

#endif
