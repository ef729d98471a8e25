#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>

#include "checksum_variants.h"

#if defined(__linux__)
#include <sys/auxv.h>

// Bits of AT_HWCAP on 64-bit ARM, from the kernel's asm/hwcap.h.
enum { HAS_SHA2 = 1 << 6, HAS_CRC32 = 1 << 7 };

bool atn_crc32c_hardware_is_available(void) {
    return getauxval(AT_HWCAP) & HAS_CRC32;
}

bool atn_sha256_hardware_is_available(void) {
    return getauxval(AT_HWCAP) & HAS_SHA2;
}
#else
bool atn_crc32c_hardware_is_available(void) {
    return false;
}

bool atn_sha256_hardware_is_available(void) {
    return false;
}
#endif

__attribute__((target("crc")))
uint32_t atn_crc32c_hardware(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
    for (; byte_count >= 8; byte_count -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        crc = __builtin_arm_crc32cd(crc, word);
    }
    for (; byte_count > 0; byte_count--, bytes++) crc = __builtin_arm_crc32cb(crc, *bytes);
    return crc;
}

__attribute__((target("sha2")))
void atn_sha256_hardware(uint32_t *state, const uint8_t *blocks, size_t block_count) {
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
    for (; block_count > 0; block_count--, blocks += 64) {
        uint32x4_t old_abcd = abcd, old_efgh = efgh;
        uint32x4_t w[4];
        for (int i = 0; i < 4; i++) {
            w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
        }
#pragma clang loop unroll(full)
        for (int group = 0; group < 16; group++) {
            uint32x4_t sum = vaddq_u32(w[0], vld1q_u32(atn_sha256_constants + 4 * group));
            uint32x4_t previous = abcd;
            abcd = vsha256hq_u32(abcd, efgh, sum);
            efgh = vsha256h2q_u32(efgh, previous, sum);

            uint32x4_t next = vsha256su1q_u32(vsha256su0q_u32(w[0], w[1]), w[2], w[3]);
            w[0] = w[1], w[1] = w[2], w[2] = w[3], w[3] = next;
        }
        abcd = vaddq_u32(abcd, old_abcd);
        efgh = vaddq_u32(efgh, old_efgh);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}

#endif
