// The setting that makes zstd code literals alone belongs to its experimental interface.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

static const ZSTD_cParameter atn_zstd_literal_compression = ZSTD_c_literalCompressionMode;
