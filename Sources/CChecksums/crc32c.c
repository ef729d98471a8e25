#include "CChecksums.h"

#include <pthread.h>

#include "checksum_variants.h"

/// tables[s][b]: the register after byte b and s zero bytes (Kounavis and Berry, "A Systematic
/// Approach to Building High Performance Software-based CRC Generators", slicing by 8). They are
/// filled where they are needed, as most processors have an instruction instead.
static uint32_t tables[8][256];

static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int s = 0; s < 8; s++) {
            // 0x82F63B78 is the polynomial of Castagnoli, the highest power in the lowest bit.
            for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
            tables[s][byte] = crc;
        }
    }
}

static uint32_t little_endian_word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
        | (uint32_t)bytes[3] << 24;
}

uint32_t atn_crc32c_portable(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill_tables);
    for (; byte_count >= 8; byte_count -= 8, bytes += 8) {
        uint32_t low = little_endian_word(bytes) ^ crc;
        uint32_t high = little_endian_word(bytes + 4);
        crc = tables[7][low & 255] ^ tables[6][low >> 8 & 255] ^ tables[5][low >> 16 & 255]
            ^ tables[4][low >> 24] ^ tables[3][high & 255] ^ tables[2][high >> 8 & 255]
            ^ tables[1][high >> 16 & 255] ^ tables[0][high >> 24];
    }
    for (; byte_count > 0; byte_count--, bytes++) {
        crc = crc >> 8 ^ tables[0][(crc ^ *bytes) & 255];
    }
    return crc;
}

uint32_t atn_crc32c(uint32_t seed, const void *bytes, size_t byte_count) {
    if (atn_crc32c_hardware_is_available()) {
        return ~atn_crc32c_hardware(~seed, bytes, byte_count);
    }
    return ~atn_crc32c_portable(~seed, bytes, byte_count);
}
