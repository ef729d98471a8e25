// The implementations behind CChecksums.h; each is complete and all return the same results.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Continues the CRC register without the inversions before and after.
typedef uint32_t atn_crc32c_function(uint32_t crc, const uint8_t *bytes, size_t byte_count);

uint32_t atn_crc32c_portable(uint32_t crc, const uint8_t *bytes, size_t byte_count);
uint32_t atn_crc32c_hardware(uint32_t crc, const uint8_t *bytes, size_t byte_count);
bool atn_crc32c_hardware_is_available(void);

/// Works `block_count` blocks of 64 bytes into the state.
typedef void atn_sha256_function(uint32_t *state, const uint8_t *blocks, size_t block_count);

void atn_sha256_portable(uint32_t *state, const uint8_t *blocks, size_t block_count);
void atn_sha256_hardware(uint32_t *state, const uint8_t *blocks, size_t block_count);
bool atn_sha256_hardware_is_available(void);

/// The round constants of FIPS 180-4, section 4.2.2.
extern const uint32_t atn_sha256_constants[64];
