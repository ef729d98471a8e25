#include "huffman_codes.h"

#include <string.h>

enum {
    LARGEST_WEIGHT = EDGEP_CODE_BITS,
    /// Of the code of the weights.
    LARGEST_ACCURACY = 6,
};

/// The stream in some bytes; false if the last one lacks the bit that ends it.
static bool open_stream(edgep_bit_stream *stream, const uint8_t *bytes, size_t byte_count) {
    if (byte_count == 0 || bytes[byte_count - 1] == 0) return false;
    stream->bytes = bytes;
    stream->bits = 8 * (int64_t)(byte_count - 1) + edgep_highest_bit(bytes[byte_count - 1]);
    return true;
}

uint32_t edgep_next_bits(const edgep_bit_stream *stream, int count) {
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
static int read_weights(const uint8_t *bytes, size_t byte_count, uint8_t weights[256]) {
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
        int bits = edgep_highest_bit((uint32_t)left + 1) + 1, lower = (1 << (bits - 1)) - 1;
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
        lengths[cell] = (uint8_t)(accuracy - edgep_highest_bit((uint32_t)number));
        bases[cell] = (uint8_t)((number << lengths[cell]) - size);
    }

    edgep_bit_stream stream;
    if (!open_stream(&stream, bytes + used, byte_count - used)) return -1;
    uint32_t states[2];
    for (int i = 0; i < 2; i++) {
        states[i] = edgep_next_bits(&stream, accuracy);
        stream.bits -= accuracy;
    }
    if (stream.bits < 0) return -1;
    int count = 0;
    for (; stream.bits >= 0; count++) {
        uint32_t *state = &states[count % 2];
        if (count >= 254) return -1;
        weights[count] = symbols[*state];
        int length = lengths[*state];
        *state = bases[*state] + edgep_next_bits(&stream, length);
        stream.bits -= length;
    }
    // The state that could not be followed comes last.
    weights[count] = symbols[states[count % 2]];
    return count + 1;
}

size_t edgep_read_codes(
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
    int length = edgep_highest_bit(sum) + 1;
    uint32_t rest = (UINT32_C(1) << length) - sum;
    if (length > EDGEP_CODE_BITS || (rest & (rest - 1)) != 0) return 0;
    weights[count++] = (uint8_t)(edgep_highest_bit(rest) + 1);
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
