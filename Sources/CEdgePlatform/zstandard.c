#include <stdlib.h>
#include <zstd.h>

#include "CEdgePlatform.h"
#include "literals.h"

struct edgep_zstd {
    ZSTD_DCtx *context;
    edgep_literals literals;
};

edgep_zstd *edgep_zstd_create(void) {
    edgep_zstd *decoder = malloc(sizeof *decoder);
    if (decoder == NULL) return NULL;
    decoder->context = ZSTD_createDCtx();
    if (decoder->context == NULL) {
        free(decoder);
        return NULL;
    }
    return decoder;
}

void edgep_zstd_destroy(edgep_zstd *decoder) {
    if (decoder == NULL) return;
    ZSTD_freeDCtx(decoder->context);
    free(decoder);
}

/// Skippable frames and those of old versions have other magic numbers (RFC 8878, 3.1).
static int is_plain_frame(const uint8_t *frame, size_t byte_count) {
    return byte_count >= 4 && frame[0] == 0x28 && frame[1] == 0xb5 && frame[2] == 0x2f
        && frame[3] == 0xfd;
}

int32_t edgep_zstd_decode(
    edgep_zstd *decoder, const void *frame, size_t frame_byte_count, void *raw,
    size_t raw_byte_count
) {
    if (!is_plain_frame(frame, frame_byte_count)) return -1;
    if (ZSTD_getFrameContentSize(frame, frame_byte_count) != raw_byte_count) return -1;
    if (ZSTD_getDictID_fromFrame(frame, frame_byte_count) != 0) return -1;
    if (ZSTD_findFrameCompressedSize(frame, frame_byte_count) != frame_byte_count) return -1;

    if (edgep_decode_literals(&decoder->literals, frame, frame_byte_count, raw, raw_byte_count)) {
        return 0;
    }
    // Decoding in one step uses `raw` as the window: a large declared window allocates nothing.
    uint8_t nothing;
    void *target = raw_byte_count > 0 ? raw : &nothing;
    size_t count = ZSTD_decompressDCtx(
        decoder->context, target, raw_byte_count, frame, frame_byte_count);
    return ZSTD_isError(count) || count != raw_byte_count ? -1 : 0;
}
