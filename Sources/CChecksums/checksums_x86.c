#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <stdatomic.h>
#include <string.h>

#include "checksum_variants.h"

enum { KNOWN = 1, HAS_CRC32 = 2, HAS_SHA = 4 };

/// What `cpuid` says, asked once; racing threads find the same answer.
static uint32_t features(void) {
    static _Atomic uint32_t known;
    uint32_t found = atomic_load_explicit(&known, memory_order_relaxed);
    if (found != 0) return found;

    found = KNOWN;
    uint32_t a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        uint32_t crc_bits = bit_SSE4_2 | bit_PCLMUL;
        if ((c & crc_bits) == crc_bits) found |= HAS_CRC32;
        uint32_t sha_bits = bit_SSE4_1 | bit_SSSE3;
        int has_shuffles = (c & sha_bits) == sha_bits;
        if (has_shuffles && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA)) {
            found |= HAS_SHA;
        }
    }
    atomic_store_explicit(&known, found, memory_order_relaxed);
    return found;
}

bool atn_crc32c_hardware_is_available(void) {
    return features() & HAS_CRC32;
}

bool atn_sha256_hardware_is_available(void) {
    return features() & HAS_SHA;
}

static uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/// Bytes of one of three streams whose registers are computed side by side, because the
/// instruction takes three cycles but can start every cycle.
enum { STREAM = 1024 };

__attribute__((target("sse4.2,pclmul")))
uint32_t atn_crc32c_hardware(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
    for (; byte_count >= 3 * STREAM; byte_count -= 3 * STREAM, bytes += 3 * STREAM) {
        uint64_t first = crc, second = 0, third = 0;
        for (size_t i = 0; i < STREAM; i += 8) {
            first = _mm_crc32_u64(first, word_at(bytes + i));
            second = _mm_crc32_u64(second, word_at(bytes + STREAM + i));
            third = _mm_crc32_u64(third, word_at(bytes + 2 * STREAM + i));
        }
        // A register moves over n zero bytes by a multiplication with x^(8n) modulo the
        // polynomial. The carry-less product of reflected words has a factor x and the reduction
        // by the CRC instruction a factor x³², so the constants are x^(8n − 33).
        const __m128i powers = _mm_set_epi64x(0x170076fa, 0xa51b6135);
        __m128i moved = _mm_xor_si128(
            _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)first), powers, 0x00),
            _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)second), powers, 0x10));
        crc = (uint32_t)(_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(moved)) ^ third);
    }
    uint64_t wide = crc;
    for (; byte_count >= 8; byte_count -= 8, bytes += 8) {
        wide = _mm_crc32_u64(wide, word_at(bytes));
    }
    crc = (uint32_t)wide;
    for (; byte_count > 0; byte_count--, bytes++) crc = _mm_crc32_u8(crc, *bytes);
    return crc;
}

/// Intel, "New Instructions Supporting the Secure Hash Algorithm on Intel Architecture
/// Processors", 2013: the state lies in two registers as ABEF and CDGH, high word first.
__attribute__((target("sha,sse4.1,ssse3")))
void atn_sha256_hardware(uint32_t *state, const uint8_t *blocks, size_t block_count) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i *constants = (const __m128i *)(const void *)atn_sha256_constants;

    __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(void *)state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(void *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8);
    __m128i cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);

    for (; block_count > 0; block_count--, blocks += 64) {
        __m128i old_abef = abef, old_cdgh = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++) {
            __m128i words = _mm_loadu_si128((const __m128i *)(const void *)(blocks + 16 * i));
            w[i] = _mm_shuffle_epi8(words, big_endian);
        }
#pragma clang loop unroll(full)
        for (int group = 0; group < 16; group++) {
            __m128i words = w[0];
            __m128i sum = _mm_add_epi32(words, _mm_loadu_si128(constants + group));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));

            __m128i next = _mm_sha256msg1_epu32(words, w[1]);
            next = _mm_add_epi32(next, _mm_alignr_epi8(w[3], w[2], 4));
            next = _mm_sha256msg2_epu32(next, w[3]);
            w[0] = w[1], w[1] = w[2], w[2] = w[3], w[3] = next;
        }
        abef = _mm_add_epi32(abef, old_abef);
        cdgh = _mm_add_epi32(cdgh, old_cdgh);
    }

    __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#endif
