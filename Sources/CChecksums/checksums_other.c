#if !defined(__x86_64__) && !defined(__aarch64__)

#include "checksum_variants.h"

bool atn_crc32c_hardware_is_available(void) {
    return false;
}

uint32_t atn_crc32c_hardware(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
    return atn_crc32c_portable(crc, bytes, byte_count);
}

bool atn_sha256_hardware_is_available(void) {
    return false;
}

void atn_sha256_hardware(uint32_t *state, const uint8_t *blocks, size_t block_count) {
    atn_sha256_portable(state, blocks, block_count);
}

#endif
