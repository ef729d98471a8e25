#include "CChecksums.h"

#include "checksum_variants.h"

// A table entry is linear in the bits of its index: the exclusive or of the entries of the single
// bits, b0 … b7.
#define ENTRY(i, b0, b1, b2, b3, b4, b5, b6, b7) \
    (((i) & 1 ? b0 : 0) ^ ((i) & 2 ? b1 : 0) ^ ((i) & 4 ? b2 : 0) ^ ((i) & 8 ? b3 : 0) \
     ^ ((i) & 16 ? b4 : 0) ^ ((i) & 32 ? b5 : 0) ^ ((i) & 64 ? b6 : 0) ^ ((i) & 128 ? b7 : 0))
#define BYTES_4(i, ...) \
    ENTRY(i, __VA_ARGS__), ENTRY(i + 1, __VA_ARGS__), ENTRY(i + 2, __VA_ARGS__), \
        ENTRY(i + 3, __VA_ARGS__)
#define BYTES_16(i, ...) \
    BYTES_4(i, __VA_ARGS__), BYTES_4(i + 4, __VA_ARGS__), BYTES_4(i + 8, __VA_ARGS__), \
        BYTES_4(i + 12, __VA_ARGS__)
#define BYTES_64(i, ...) \
    BYTES_16(i, __VA_ARGS__), BYTES_16(i + 16, __VA_ARGS__), BYTES_16(i + 32, __VA_ARGS__), \
        BYTES_16(i + 48, __VA_ARGS__)
#define ALL_BYTES(...) \
    BYTES_64(0, __VA_ARGS__), BYTES_64(64, __VA_ARGS__), BYTES_64(128, __VA_ARGS__), \
        BYTES_64(192, __VA_ARGS__)

/// tables[s][b]: the register after byte b and s zero bytes (Kounavis and Berry, "A Systematic
/// Approach to Building High Performance Software-based CRC Generators", slicing by 8).
static const uint32_t tables[8][256] = {
    {ALL_BYTES(
        0xF26B8303, 0xE13B70F7, 0xC79A971F, 0x8AD958CF,
        0x105EC76F, 0x20BD8EDE, 0x417B1DBC, 0x82F63B78)},
    {ALL_BYTES(
        0x13A29877, 0x274530EE, 0x4E8A61DC, 0x9D14C3B8,
        0x3FC5F181, 0x7F8BE302, 0xFF17C604, 0xFBC3FAF9)},
    {ALL_BYTES(
        0xA541927E, 0x4F6F520D, 0x9EDEA41A, 0x38513EC5,
        0x70A27D8A, 0xE144FB14, 0xC76580D9, 0x8B277743)},
    {ALL_BYTES(
        0xDD45AAB8, 0xBF672381, 0x7B2231F3, 0xF64463E6,
        0xE964B13D, 0xD725148B, 0xABA65FE7, 0x52A0C93F)},
    {ALL_BYTES(
        0x38116FAC, 0x7022DF58, 0xE045BEB0, 0xC5670B91,
        0x8F2261D3, 0x1BA8B557, 0x37516AAE, 0x6EA2D55C)},
    {ALL_BYTES(
        0xEF306B19, 0xDB8CA0C3, 0xB2F53777, 0x6006181F,
        0xC00C303E, 0x85F4168D, 0x0E045BEB, 0x1C08B7D6)},
    {ALL_BYTES(
        0x68032CC8, 0xD0065990, 0xA5E0C5D1, 0x4E2DFD53,
        0x9C5BFAA6, 0x3D5B83BD, 0x7AB7077A, 0xF56E0EF4)},
    {ALL_BYTES(
        0x493C7D27, 0x9278FA4E, 0x211D826D, 0x423B04DA,
        0x847609B4, 0x0D006599, 0x1A00CB32, 0x34019664)},
};

static uint32_t little_endian_word(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
        | (uint32_t)bytes[3] << 24;
}

uint32_t atn_crc32c_portable(uint32_t crc, const uint8_t *bytes, size_t byte_count) {
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
