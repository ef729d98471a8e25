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
    LARGEST_WEIGHT = EDGEP_CODE_BITS,
    /// Of the code of the weights.
    LARGEST_ACCURACY = 6,
    /// Codes that surely fit the bits of a word, less up to 7 of its first byte.
    CODES_PER_WORD = 5,
    LARGEST_STEP = 7,
};

static uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static int highest_bit(uint32_t x) {
    return 31 - __builtin_clz(x);
}

// MARK: Codes

/// Bits of a stream that is read backwards: those below the next ones.
typedef struct {
    const uint8_t *bytes;
    int64_t bits;
} stream;

/// The stream in some bytes; false if the last one lacks the bit that ends it.
SMALL bool open_stream(stream *stream, const uint8_t *bytes, size_t byte_count) {
    if (byte_count == 0 || bytes[byte_count - 1] == 0) return false;
    stream->bytes = bytes;
    stream->bits = 8 * (int64_t)(byte_count - 1) + highest_bit(bytes[byte_count - 1]);
    return true;
}

/// The next `count` ≤ 11 bits; zeros follow the last one.
static uint32_t next_bits(const stream *stream, int count) {
    int64_t first = stream->bits - count, last_byte = (stream->bits - 1) >> 3;
    uint32_t bits = 0;
    int64_t byte = first >> 3;
    if (byte >= 0 && byte + 3 <= last_byte) {
        memcpy(&bits, stream->bytes + byte, sizeof bits);
    } else {
        for (int i = 0; i < 3; i++) {
            if (byte + i >= 0 && byte + i <= last_byte) {
                bits |= (uint32_t)stream->bytes[byte + i] << 8 * i;
            }
        }
    }
    return bits >> (first & 7) & ((UINT32_C(1) << count) - 1);
}

/// Decodes the weights of bytes (RFC 8878, 4.2.1.2): two states of one code take turns.
/// Returns their number, or −1.
SMALL int read_weights(const uint8_t *bytes, size_t byte_count, uint8_t weights[256]) {
    // Frequencies of weights, from the first bit of the first byte on (4.1.1).
    uint8_t padded[260] = {0};
    memcpy(padded, bytes, byte_count);
    int accuracy = (padded[0] & 15) + 5;
    if (accuracy > LARGEST_ACCURACY) return -1;
    int size = 1 << accuracy, left = size, symbol_count = 0;
    size_t position = 4;
    int frequencies[LARGEST_WEIGHT + 1];
    while (left > 0) {
        if (symbol_count > LARGEST_WEIGHT || position > 8 * byte_count) return -1;
        int bits = highest_bit((uint32_t)left + 1) + 1, lower = (1 << (bits - 1)) - 1;
        int unused = (1 << bits) - 1 - (left + 1);
        uint32_t word;
        memcpy(&word, padded + position / 8, sizeof word);
        word >>= position % 8;
        int value = (int)(word & ((UINT32_C(1) << bits) - 1));
        if ((value & lower) < unused) {
            value &= lower;
            bits--;
        } else if (value > lower) {
            value -= unused;
        }
        position += (size_t)bits;
        frequencies[symbol_count++] = --value;
        left -= value < 0 ? 1 : value;
        bool is_followed = value == 0;
        while (is_followed) {
            memcpy(&word, padded + position / 8, sizeof word);
            int zeros = (int)(word >> position % 8 & 3);
            position += 2;
            is_followed = zeros == 3;
            for (; zeros > 0; zeros--) {
                if (symbol_count > LARGEST_WEIGHT) return -1;
                frequencies[symbol_count++] = 0;
            }
        }
    }
    size_t used = (position + 7) / 8;
    if (left < 0 || used > byte_count) return -1;

    // Cells of the states: rare symbols at the end, the others spread over the rest.
    uint8_t symbols[1 << LARGEST_ACCURACY];
    int next[LARGEST_WEIGHT + 1], end = size, place = 0;
    for (int symbol = 0; symbol < symbol_count; symbol++) {
        next[symbol] = frequencies[symbol] < 0 ? 1 : frequencies[symbol];
        if (frequencies[symbol] < 0) symbols[--end] = (uint8_t)symbol;
    }
    for (int symbol = 0; symbol < symbol_count; symbol++) {
        for (int i = 0; i < frequencies[symbol]; i++) {
            symbols[place] = (uint8_t)symbol;
            do {
                place = (place + (size >> 1) + (size >> 3) + 3) & (size - 1);
            } while (place >= end);
        }
    }
    uint8_t lengths[1 << LARGEST_ACCURACY], bases[1 << LARGEST_ACCURACY];
    for (int cell = 0; cell < size; cell++) {
        int number = next[symbols[cell]]++;
        lengths[cell] = (uint8_t)(accuracy - highest_bit((uint32_t)number));
        bases[cell] = (uint8_t)((number << lengths[cell]) - size);
    }

    stream stream;
    if (!open_stream(&stream, bytes + used, byte_count - used)) return -1;
    uint32_t states[2];
    for (int i = 0; i < 2; i++) {
        states[i] = next_bits(&stream, accuracy);
        stream.bits -= accuracy;
    }
    if (stream.bits < 0) return -1;
    int count = 0;
    for (; stream.bits >= 0; count++) {
        uint32_t *state = &states[count % 2];
        if (count >= 254) return -1;
        weights[count] = symbols[*state];
        int length = lengths[*state];
        *state = bases[*state] + next_bits(&stream, length);
        stream.bits -= length;
    }
    // The state that could not be followed comes last.
    weights[count] = symbols[states[count % 2]];
    return count + 1;
}

/// Fills the table of a Huffman code from its description. Returns the bytes that it takes, or 0.
SMALL size_t read_codes(
    const uint8_t *bytes, size_t byte_count, uint16_t codes[EDGEP_CODE_ENTRIES]
) {
    if (byte_count == 0) return 0;
    size_t used = bytes[0];
    // Few bytes have their weights as they are; those are not worth more code.
    if (used >= 128 || used + 1 > byte_count) return 0;
    uint8_t weights[256];
    int count = read_weights(bytes + 1, used, weights);
    if (count < 0) return 0;
    uint32_t sum = 0, of_weight[LARGEST_WEIGHT + 1] = {0};
    for (int i = 0; i < count; i++) sum += UINT32_C(1) << weights[i] >> 1;
    if (sum == 0) return 0;
    // The last weight makes the sum a power of two.
    int length = highest_bit(sum) + 1;
    uint32_t rest = (UINT32_C(1) << length) - sum;
    if (length > EDGEP_CODE_BITS || (rest & (rest - 1)) != 0) return 0;
    weights[count++] = (uint8_t)(highest_bit(rest) + 1);
    for (int i = 0; i < count; i++) of_weight[weights[i]]++;
    if (of_weight[1] < 2 || of_weight[1] % 2 != 0) return 0;

    uint32_t starts[LARGEST_WEIGHT + 1], start = 0;
    for (int weight = 1; weight <= length; weight++) {
        starts[weight] = start;
        start += of_weight[weight] << (weight - 1 + EDGEP_CODE_BITS - length);
    }
    for (int i = 0; i < count; i++) {
        int weight = weights[i];
        if (weight == 0) continue;
        uint16_t entry = (uint16_t)(i << 8 | (length + 1 - weight));
        uint32_t entries = UINT32_C(1) << (weight - 1 + EDGEP_CODE_BITS - length);
        uint16_t *place = codes + starts[weight];
        starts[weight] += entries;
        for (uint32_t j = 0; j < entries; j++) place[j] = entry;
    }
    return used + 1;
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
    stream stream = {
        lane->start, 8 * (lane->next - lane->start) + 64 - __builtin_ctzll(lane->bits)};
    for (; lane->target < lane->end; lane->target++) {
        uint16_t code = lane->codes[next_bits(&stream, EDGEP_CODE_BITS)];
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
        size_t used = read_codes(bytes, size, own_codes);
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
        lanes[i].bits = (word_at(lanes[i].next) | 1) << (8 - highest_bit(start[count - 1]));
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
