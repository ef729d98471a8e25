// Attention of the scalar table, a part of scalar.c, whose sums it uses.
#pragma once

static int64_t attention_scratch_bytes(const edgek_attention_shape *shape) {
    (void)shape;
    return 64;
}

static float power_of_two(float x) {
    return edgek_exp2_not_positive(x);
}

static float coarse_power_of_two(float x) {
    return edgek_exp2_coarse_not_positive(x);
}

/// Turns the scores from `skipped` on of a block into powers of two, in place, and takes them into
/// the running maximum and sum. Returns α.
static float add_block(
    float *scores, int64_t skipped, int64_t count, bool is_first, float (*power)(float),
    float *maximum, float *sum
) {
    float largest = *maximum;
    for (int64_t j = skipped; j < count; j++) largest = scores[j] > largest ? scores[j] : largest;
    float alpha = is_first ? 0.0f : power(*maximum - largest);
    lane_sum block = {{0}};
    for (int64_t j = skipped; j < count; j++) {
        scores[j] = power(scores[j] - largest);
        add_to_lane(&block, j, scores[j]);
    }
    *sum = *sum * alpha + fold(&block);
    *maximum = largest;
    return alpha;
}

/// The score of a product with a key, times what `scale` is.
static float score_of(const edgek_scoring *scoring, float scaled, int64_t key) {
    float x = scaled;
    if (scoring->inverse_cap != 0.0f) {
        x = edgek_tanh(x * scoring->inverse_cap) * scoring->capped;
    }
    if (scoring->slope != 0.0f) x = x + scoring->slope * (float)(int32_t)(key - scoring->place);
    return x;
}

static void normalize(float *y, int64_t count, float sum) {
    float inverse = sum == 0.0f ? 0.0f : 1.0f / sum;
    for (int64_t d = 0; d < count; d++) y[d] = y[d] * inverse;
}

/// The blocks of keys that a query sees some of.
typedef struct {
    /// Keys that the query sees: from `begin` to before `end`.
    int64_t begin;
    int64_t end;
    /// Start of the block, what it is without, and the end of what it has, both from its start.
    int64_t first;
    int64_t skipped;
    int64_t count;
    bool is_first;
} key_blocks;

static key_blocks blocks_of(const edgek_attention_shape *shape, int64_t query) {
    int64_t begin = edgek_first_visible_key(shape, query);
    return (key_blocks){
        .begin = begin,
        .end = edgek_visible_keys(shape, query),
        .first = begin / EDGEK_KEY_BLOCK * EDGEK_KEY_BLOCK - EDGEK_KEY_BLOCK,
    };
}

static bool next_block(key_blocks *blocks) {
    blocks->first += EDGEK_KEY_BLOCK;
    if (blocks->first >= blocks->end) return false;
    int64_t left = blocks->end - blocks->first;
    blocks->count = left < EDGEK_KEY_BLOCK ? left : EDGEK_KEY_BLOCK;
    blocks->is_first = blocks->first <= blocks->begin;
    blocks->skipped = blocks->is_first ? blocks->begin - blocks->first : 0;
    return true;
}

static void attention_f32(
    const edgek_attention_f32 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    (void)scratch;
    const edgek_attention_shape *shape = &task->shape;
    for (int64_t query = first_query; query < query_end; query++) {
        const float *q = task->queries + query * task->query_stride + head * shape->head_size;
        int64_t kv_head = edgek_key_value_head(shape, head);
        const float *keys = task->keys + kv_head * shape->head_size;
        const float *values = task->values + kv_head * shape->value_size;
        float *y = shape->y + query * shape->y_stride + head * shape->value_size;
        edgek_scoring scoring = edgek_scoring_of(shape, head, query);
        float maximum = -__builtin_inff(), sum = 0.0f;
        for (int64_t d = 0; d < shape->value_size; d++) y[d] = 0.0f;

        for (key_blocks b = blocks_of(shape, query); next_block(&b);) {
            float p[EDGEK_KEY_BLOCK];
            for (int64_t j = b.skipped; j < b.count; j++) {
                const float *key = keys + (b.first + j) * task->key_stride;
                float product = dot(q, key, shape->head_size) * scoring.scale;
                p[j] = score_of(&scoring, product, b.first + j);
            }
            float alpha = add_block(
                p, b.skipped, b.count, b.is_first, power_of_two, &maximum, &sum);
            for (int64_t d = 0; d < shape->value_size; d++) {
                float inner = 0.0f;
                for (int64_t j = b.skipped; j < b.count; j++) {
                    inner = inner + p[j] * values[(b.first + j) * task->value_stride + d];
                }
                y[d] = y[d] * alpha + inner;
            }
        }
        normalize(y, shape->value_size, sum);
    }
}

static void attention_s8(
    const edgek_attention_s8 *task, int64_t head, int64_t first_query, int64_t query_end,
    void *scratch
) {
    (void)scratch;
    const edgek_attention_shape *shape = &task->shape;
    int64_t kv_heads = shape->key_value_head_count, capacity = shape->key_capacity;
    const float *query_scales = task->queries, *all_key_scales = task->keys;
    const float *all_value_scales = task->values;
    const int8_t *queries = codes_of_heads(task->queries, shape->query_count, shape->head_count);
    const int8_t *all_keys = codes_of_heads(task->keys, capacity, kv_heads);
    const int8_t *all_values = codes_of_heads(task->values, capacity, kv_heads);
    for (int64_t query = first_query; query < query_end; query++) {
        int64_t query_row = head * shape->query_count + query;
        int64_t key_row = edgek_key_value_head(shape, head) * capacity;
        const int8_t *q = queries + query_row * shape->head_size;
        edgek_scoring scoring = edgek_scoring_of(shape, head, query);
        float query_scale = query_scales[query_row] * scoring.scale;
        float *y = shape->y + query * shape->y_stride + head * shape->value_size;
        float maximum = -__builtin_inff(), sum = 0.0f;
        for (int64_t d = 0; d < shape->value_size; d++) y[d] = 0.0f;

        for (key_blocks b = blocks_of(shape, query); next_block(&b);) {
            const int8_t *keys = all_keys + (key_row + b.first) * shape->head_size;
            const float *key_scales = all_key_scales + key_row + b.first;
            const int8_t *values = all_values + (key_row + b.first) * shape->value_size;
            const float *value_scales = all_value_scales + key_row + b.first;

            float p[EDGEK_KEY_BLOCK];
            for (int64_t j = b.skipped; j < b.count; j++) {
                int32_t product = dot_s8(q, keys + j * shape->head_size, shape->head_size);
                float scaled = ((float)product * key_scales[j]) * query_scale;
                p[j] = score_of(&scoring, scaled, b.first + j);
            }
            float alpha = add_block(
                p, b.skipped, b.count, b.is_first, coarse_power_of_two, &maximum, &sum);
            float largest = 0.0f;
            for (int64_t j = b.skipped; j < b.count; j++) {
                p[j] = p[j] * value_scales[j];
                largest = p[j] > largest ? p[j] : largest;
            }
            if (largest < EDGEK_SMALLEST_RANGE) {
                for (int64_t d = 0; d < shape->value_size; d++) y[d] = y[d] * alpha;
                continue;
            }
            int32_t codes[EDGEK_KEY_BLOCK];
            float inverse = 255.0f / largest, step = largest / 255.0f;
            for (int64_t j = b.skipped; j < b.count; j++) {
                codes[j] = clamp((int32_t)edgek_round(p[j] * inverse), 0, 255);
            }
            for (int64_t d = 0; d < shape->value_size; d++) {
                int32_t inner = 0;
                for (int64_t j = b.skipped; j < b.count; j++) {
                    inner += codes[j] * values[j * shape->value_size + d];
                }
                y[d] = y[d] * alpha + (float)inner * step;
            }
        }
        normalize(y, shape->value_size, sum);
    }
}
