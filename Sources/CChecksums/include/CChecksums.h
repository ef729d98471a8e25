// Checksums of the container: CRC-32C (RFC 3720, polynomial 0x1EDC6F41 reflected) against damage,
// SHA-256 (FIPS 180-4) as identity. Hardware instructions are used where the CPU has them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// CRC-32C of `byte_count` bytes, continuing from `seed` (0 to start; the result of the previous
/// call to go on).
uint32_t atn_crc32c(uint32_t seed, const void *bytes, size_t byte_count);

typedef struct {
    uint32_t state[8];
    uint64_t byte_count;
    uint8_t block[64];
} atn_sha256;

void atn_sha256_begin(atn_sha256 *digest);
void atn_sha256_update(atn_sha256 *digest, const void *bytes, size_t byte_count);
/// Writes the 32 bytes of the digest.
void atn_sha256_end(atn_sha256 *digest, uint8_t *result);

#ifdef __cplusplus
}
#endif
