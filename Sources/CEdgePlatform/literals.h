// Frames of zstd that hold nothing but Huffman codes of bytes, as those of weights do.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "huffman_codes.h"

/// What decoding needs: 8 KiB that hold nothing from one frame to the next.
typedef struct {
    /// Of two blocks.
    uint16_t codes[2][EDGEP_CODE_ENTRIES];
} edgep_literals;

/// Decodes a frame to `raw_byte_count` bytes if all its blocks are literals in four streams.
/// Returns whether it did; else another decoder has to look at it, and what `raw` holds is undefined.
bool edgep_decode_literals(
    edgep_literals *scratch, const uint8_t *frame, size_t frame_byte_count, uint8_t *raw,
    size_t raw_byte_count);
