#include "CChecksums.h"

#include <string.h>

#include "checksum_variants.h"

const uint32_t atn_sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t value, int count) {
    return value >> count | value << (32 - count);
}

void atn_sha256_portable(uint32_t *state, const uint8_t *blocks, size_t block_count) {
    for (; block_count > 0; block_count--, blocks += 64) {
        uint32_t w[64];
        for (int t = 0; t < 16; t++) {
            const uint8_t *bytes = blocks + 4 * t;
            w[t] = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8
                | (uint32_t)bytes[3];
        }
        for (int t = 16; t < 64; t++) {
            uint32_t x = w[t - 15], y = w[t - 2];
            uint32_t s0 = rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3;
            uint32_t s1 = rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10;
            w[t] = w[t - 16] + s0 + w[t - 7] + s1;
        }

        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        for (int t = 0; t < 64; t++) {
            uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
            uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + atn_sha256_constants[t] + w[t];
            uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
            uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
            h = g, g = f, f = e, e = d + t1;
            d = c, c = b, b = a, a = t1 + t2;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;
    }
}

static void work_in(uint32_t *state, const uint8_t *blocks, size_t block_count) {
    if (atn_sha256_hardware_is_available()) {
        atn_sha256_hardware(state, blocks, block_count);
    } else {
        atn_sha256_portable(state, blocks, block_count);
    }
}

void atn_sha256_begin(atn_sha256 *digest) {
    // FIPS 180-4, section 5.3.3.
    static const uint32_t initial[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    memset(digest, 0, sizeof *digest);
    memcpy(digest->state, initial, sizeof initial);
}

void atn_sha256_update(atn_sha256 *digest, const void *bytes, size_t byte_count) {
    const uint8_t *next = bytes;
    size_t held = digest->byte_count % 64;
    digest->byte_count += byte_count;

    if (held > 0) {
        size_t taken = byte_count < 64 - held ? byte_count : 64 - held;
        if (taken > 0) memcpy(digest->block + held, next, taken);
        if (held + taken < 64) return;
        work_in(digest->state, digest->block, 1);
        next += taken;
        byte_count -= taken;
    }
    if (byte_count >= 64) work_in(digest->state, next, byte_count / 64);
    if (byte_count % 64 > 0) {
        memcpy(digest->block, next + byte_count / 64 * 64, byte_count % 64);
    }
}

void atn_sha256_end(atn_sha256 *digest, uint8_t *result) {
    uint64_t bit_count = digest->byte_count * 8;
    size_t held = digest->byte_count % 64;
    uint8_t padding[72] = {0x80};
    size_t padding_count = (held < 56 ? 56 : 120) - held;
    for (int i = 0; i < 8; i++) padding[padding_count + i] = (uint8_t)(bit_count >> (56 - 8 * i));
    atn_sha256_update(digest, padding, padding_count + 8);

    for (int i = 0; i < 32; i++) {
        result[i] = (uint8_t)(digest->state[i / 4] >> (24 - 8 * (i % 4)));
    }
}
