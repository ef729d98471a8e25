// The tables of this architecture, and what every file that fills one shares.
#pragma once

#include "include/CEdgeKernels.h"

extern const edgek_table edgek_table_scalar;
#if defined(__x86_64__)
extern const edgek_table edgek_table_sse4;
extern const edgek_table edgek_table_avx2;
extern const edgek_table edgek_table_avxvnni;
extern const edgek_table edgek_table_avx512vnni;
#elif defined(__aarch64__)
extern const edgek_table edgek_table_neon;
extern const edgek_table edgek_table_dotprod;
extern const edgek_table edgek_table_i8mm;
#elif defined(__arm__)
extern const edgek_table edgek_table_neon;
#endif

// In the *_peak.c files.
int64_t edgek_multiply_peak_scalar(int64_t rounds);
#if defined(__x86_64__)
int64_t edgek_multiply_peak_sse4(int64_t rounds);
int64_t edgek_multiply_peak_avx2(int64_t rounds);
int64_t edgek_multiply_peak_avxvnni(int64_t rounds);
int64_t edgek_multiply_peak_avx512vnni(int64_t rounds);
#elif defined(__aarch64__)
int64_t edgek_multiply_peak_neon(int64_t rounds);
int64_t edgek_multiply_peak_dotprod(int64_t rounds);
int64_t edgek_multiply_peak_i8mm(int64_t rounds);
#elif defined(__arm__)
int64_t edgek_multiply_peak_neon(int64_t rounds);
#endif

/// Defines the table of the including file from its functions, which have the names of the fields.
#define EDGEK_DEFINE_TABLE(isa, isa_name) \
    const edgek_table edgek_table_##isa = { \
        .name = isa_name, \
        .packed_weight_bytes = packed_weight_bytes, \
        .clear_packed_weights = clear_packed_weights, \
        .pack_weights = pack_weights, \
        .expand_codes = expand_codes, \
        .quantize_rows = quantize_rows, \
        .packed_head_bytes = packed_head_bytes, \
        .quantize_heads = quantize_heads, \
        .linear_s8 = linear_s8, \
        .linear_s4 = linear_s4, \
        .linear_f32 = linear_f32, \
        .attention_f32 = attention_f32, \
        .attention_s8 = attention_s8, \
        .attention_scratch_bytes = attention_scratch_bytes, \
        .layer_norm = layer_norm, \
        .rms_norm = rms_norm, \
        .rotate = rotate, \
        .activate = activate, \
        .add = add, \
        .multiply = multiply_elements, \
        .scale = scale_elements, \
        .dequantize = dequantize, \
        .widen_f16 = widen_f16, \
        .widen_bf16 = widen_bf16, \
        .softmax = softmax, \
        .mean_rows = mean_rows, \
        .max_rows = max_rows, \
        .normalize_l2 = normalize_l2, \
        .multiply_peak = edgek_multiply_peak_##isa, \
    }

/// For a byte of a mask, whose bits say of eight codes whether each has a value: the index of each
/// one's value among these, or 0x80 for none; and the number of values. In expand_tables.c.
extern const uint8_t edgek_value_indices[256][8];
extern const uint8_t edgek_value_counts[256];

/// log₂ e: attention turns scores into powers of two.
#define EDGEK_LOG2_E 0x1.715476p0f

/// Key and value head of a query head.
static inline int64_t edgek_key_value_head(const edgek_attention_shape *shape, int64_t head) {
    if (shape->key_value_head_count < 1) return 0;
    int64_t group_size = shape->head_count / shape->key_value_head_count;
    return group_size > 0 ? head / group_size : 0;
}

/// The key that stands where a query stands; negative if that is before all keys.
static inline int64_t edgek_place(const edgek_attention_shape *shape, int64_t query) {
    return query + shape->key_count - shape->query_count;
}

/// The end of the keys that a query sees.
static inline int64_t edgek_visible_keys(const edgek_attention_shape *shape, int64_t query) {
    if (!shape->causal) return shape->key_count;
    int64_t visible = edgek_place(shape, query) + 1;
    return visible < 0 ? 0 : visible < shape->key_count ? visible : shape->key_count;
}

/// The first key that a query sees, if it sees any.
static inline int64_t edgek_first_visible_key(const edgek_attention_shape *shape, int64_t query) {
    if (!shape->causal || shape->window <= 0) return 0;
    int64_t first = edgek_place(shape, query) + 1 - shape->window;
    return first > 0 ? first : 0;
}

/// How products of a query and keys become scores.
typedef struct {
    /// Multiplies a product first.
    float scale;
    /// tanh(x · inverse_cap) · capped follows if inverse_cap is not 0.
    float inverse_cap;
    float capped;
    /// slope · (key − place) is added.
    float slope;
    int64_t place;
} edgek_scoring;

static inline edgek_scoring edgek_scoring_of(
    const edgek_attention_shape *shape, int64_t head, int64_t query
) {
    edgek_scoring scoring = {.scale = shape->scale * EDGEK_LOG2_E};
    if (shape->score_cap != 0.0f) {
        scoring.scale = shape->scale;
        scoring.inverse_cap = 1.0f / shape->score_cap;
        scoring.capped = shape->score_cap * EDGEK_LOG2_E;
    }
    if (shape->slopes) scoring.slope = shape->slopes[head] * EDGEK_LOG2_E;
    scoring.place = edgek_place(shape, query);
    return scoring;
}
