// Runs every kernel table that this CPU supports over awkward shapes and compares its results with
// the scalar table, bit by bit. Prints one line per table with a hash of all results; the hash is
// the same on every architecture. Exits with 1 on a difference.
//
//     kernel_agreement [table …]
//
// Tables named here are run even if the CPU does not report them.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CEdgeKernels.h"

enum { CASE_LIMIT = 8192, ARENA_BYTES = 8 << 20 };

/// One digest per case, in order; the first run fills the reference.
typedef struct {
    uint64_t digests[CASE_LIMIT];
    char labels[CASE_LIMIT][72];
    int count;
} record;

static record reference, current;

// MARK: Numbers and memory

static uint64_t random_state;

static uint32_t next_random(void) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint32_t folded = (uint32_t)(((random_state >> 18) ^ random_state) >> 27);
    uint32_t turn = (uint32_t)(random_state >> 59);
    return folded >> turn | folded << (-turn & 31);
}

static int64_t random_below(int64_t bound) {
    return (int64_t)(next_random() % (uint32_t)bound);
}

/// In −1 … 1, on a grid of 2⁻²³.
static float random_unit(void) {
    return (float)(int32_t)(next_random() >> 8) * 0x1p-23f - 1.0f;
}

static uint8_t *arena;
static size_t arena_used;

static void *take(size_t byte_count) {
    void *bytes = arena + arena_used;
    arena_used += (byte_count + 127) / 64 * 64;
    if (arena_used > ARENA_BYTES) {
        fprintf(stderr, "the arena is too small\n");
        exit(2);
    }
    return bytes;
}

static float *take_floats(int64_t count, float range) {
    float *x = take((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = random_unit() * range;
    return x;
}

/// Zeros, denormal numbers, such as make denormal products, and some ordinary ones.
static float *take_tiny(int64_t count) {
    static const float ranges[] = {0.0f, 0x1p-126f, 0x1p-140f, 0x1p-118f, 0x1p-64f, 1.0f};
    float *x = take((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = random_unit() * ranges[random_below(6)];
    return x;
}

/// Codes from `low` to 127, every third one at an end of the range.
static int8_t *take_codes(int64_t count, int low) {
    int8_t *codes = take((size_t)count);
    for (int64_t i = 0; i < count; i++) {
        int64_t kind = random_below(6);
        codes[i] = (int8_t)(kind == 0 ? 127 : kind == 1 ? low : low + random_below(128 - low));
    }
    return codes;
}

static void begin_case(uint64_t seed) {
    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    arena_used = 0;
    next_random();
}

static uint64_t absorb(uint64_t digest, const void *bytes, size_t byte_count) {
    const uint8_t *next = bytes;
    for (size_t i = 0; i < byte_count; i++) digest = (digest ^ next[i]) * UINT64_C(0x100000001b3);
    return digest;
}

static void end_case(const char *label, const void *bytes, size_t byte_count) {
    if (current.count == CASE_LIMIT) {
        fprintf(stderr, "there are more than %d cases\n", CASE_LIMIT);
        exit(2);
    }
    current.digests[current.count] =
        absorb(UINT64_C(0xcbf29ce484222325), bytes, byte_count);
    snprintf(current.labels[current.count], sizeof current.labels[0], "%s", label);
    current.count++;
}

/// NaNs have no canonical bits, so they are made the same.
static void end_case_floats(const char *label, float *y, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        if (y[i] != y[i]) memcpy(&y[i], &(uint32_t){UINT32_C(0x7fc00000)}, sizeof *y);
    }
    end_case(label, y, (size_t)count * sizeof *y);
}

static int64_t padded(int64_t count) {
    return (count + EDGEK_CODE_ALIGNMENT - 1) / EDGEK_CODE_ALIGNMENT * EDGEK_CODE_ALIGNMENT;
}

// MARK: Products

/// Codes of 8 bits, or of 4 bits with multipliers of 8 or of few bits.
enum weight_kind { WEIGHTS_S8, WEIGHTS_S4, WEIGHTS_NARROW_S4 };

static void run_linear_codes(
    const edgek_table *table, enum weight_kind kind, int64_t m, int64_t n, int64_t k, int variant
) {
    bool is_s4 = kind != WEIGHTS_S8;
    begin_case((uint64_t)(m * 1000003 + n * 1009 + k * 7 + variant));
    int64_t code_stride = padded(k) + 64 * (variant & 1);
    int8_t *codes = take((size_t)(m * code_stride + 64));
    memset(codes, 0, (size_t)(m * code_stride + 64));
    edgek_row_quantization *rows = take((size_t)(m + 1) * sizeof *rows);
    bool is_extreme = variant & 8;
    for (int64_t i = 0; i < m; i++) {
        int8_t *random = take_codes(k, -128);
        rows[i].code_sum = 0;
        for (int64_t j = 0; j < k; j++) {
            codes[i * code_stride + j] = is_extreme ? -128 : random[j];
            rows[i].code_sum += codes[i * code_stride + j];
        }
        rows[i].scale = random_unit() * 0.01f;
        rows[i].zero_point = (int32_t)random_below(256);
    }
    int8_t *weights = take_codes(n * k, -127);
    if (is_extreme) memset(weights, variant & 16 ? -127 : 127, (size_t)(n * k));
    int32_t *sums = take((size_t)(n + 1) * sizeof *sums);
    // Two calls, the later rows first.
    int64_t middle = n > 0 ? random_below(n + 1) : 0;
    void *packed;
    if (is_s4) {
        int64_t groups = (k + EDGEK_WEIGHT_GROUP - 1) / EDGEK_WEIGHT_GROUP;
        int8_t *multipliers = take_codes(n * groups, -127);
        // −8 … 7, the extremes more often than others.
        for (int64_t i = 0; i < n * k; i++) weights[i] = (int8_t)(weights[i] >> 4);
        // Products of more inputs would leave int32 with larger multipliers.
        for (int64_t i = 0; k > 8288 && i < n * groups; i++) multipliers[i] >>= 4;
        for (int64_t i = 0; kind == WEIGHTS_NARROW_S4 && i < n * groups; i++) multipliers[i] %= 16;
        packed = take((size_t)edgek_packed_s4_bytes(n, k) + 64);
        edgek_clear_packed_s4(packed, n, k);
        int64_t later = edgek_pack_s4(
            weights + middle * k, multipliers + middle * groups, middle, n - middle, n, k, packed,
            sums);
        int64_t earlier = edgek_pack_s4(weights, multipliers, 0, middle, n, k, packed, sums);
        if (later != -1 || earlier != -1) exit(2);
    } else {
        packed = take((size_t)table->packed_weight_bytes(n, k) + 64);
        table->clear_packed_weights(packed, n, k);
        int64_t later =
            table->pack_weights(weights + middle * k, middle, n - middle, n, k, packed, sums);
        int64_t earlier = table->pack_weights(weights, 0, middle, n, k, packed, sums);
        if (later != -1 || earlier != -1) exit(2);
    }

    int64_t y_stride = n + 3;
    float *y = take_floats(m * y_stride + 1, 1.0f), *residual = take_floats(m * y_stride + 1, 2.0f);
    if (variant & 32) residual = y;
    edgek_linear_s8 task = {
        .codes = codes, .code_stride = code_stride, .rows = rows, .packed_weights = packed,
        .weight_sums = sums, .weight_scales = take_floats(n, 0.02f),
        .bias = variant & 2 ? take_floats(n, 1.0f) : NULL,
        .residual = variant & 4 || variant & 32 ? residual : NULL, .residual_stride = y_stride,
        .y = y, .y_stride = y_stride, .row_count = m, .column_count = n, .depth = k,
        .activation = (edgek_activation)(variant % 7),
    };
    // Four ranges of rows and columns; the last may leave some columns out.
    int64_t row_cut = m > 0 ? random_below(m + 1) : 0;
    int64_t column_cut = random_below(n + 1) / EDGEK_COLUMN_GRAIN * EDGEK_COLUMN_GRAIN;
    void (*linear)(const edgek_linear_s8 *, int64_t, int64_t, int64_t, int64_t) =
        is_s4 ? table->linear_s4 : table->linear_s8;
    linear(&task, 0, row_cut, 0, column_cut);
    linear(&task, row_cut, m, 0, column_cut);
    linear(&task, 0, row_cut, column_cut, n);
    int64_t last = variant & 64 && n - column_cut > 5 ? n - 5 : n;
    linear(&task, row_cut, m, column_cut, last);

    char label[72];
    static const char *names[] = {"linear_s8", "linear_s4", "narrow linear_s4"};
    snprintf(
        label, sizeof label, "%s %dx%dx%d variant %d", names[kind], (int)m, (int)n, (int)k,
        variant);
    end_case_floats(label, y, m * y_stride);
    end_case(label, sums, (size_t)n * sizeof *sums);
}

static void run_linear_s8(const edgek_table *table, int64_t m, int64_t n, int64_t k, int variant) {
    for (int kind = WEIGHTS_S8; kind <= WEIGHTS_NARROW_S4; kind++) {
        run_linear_codes(table, (enum weight_kind)kind, m, n, k, variant);
    }
}

static void run_linear_f32(const edgek_table *table, int64_t m, int64_t n, int64_t k, int variant) {
    begin_case((uint64_t)(m * 1000033 + n * 1013 + k * 11 + variant));
    int64_t y_stride = n + 2, x_stride = k + 1;
    float *y = take_floats(m * y_stride + 1, 1.0f);
    edgek_linear_f32 task = {
        .x = take_floats(m * x_stride, 2.0f), .x_stride = x_stride,
        .weights = take_floats(n * k, 1.0f), .bias = variant & 1 ? take_floats(n, 1.0f) : NULL,
        .residual = variant & 2 ? y : NULL, .residual_stride = y_stride, .y = y,
        .y_stride = y_stride, .row_count = m, .column_count = n, .depth = k,
        .activation = (edgek_activation)(variant % 7),
    };
    int64_t row_cut = m > 0 ? random_below(m + 1) : 0;
    table->linear_f32(&task, row_cut, m, 0, n);
    table->linear_f32(&task, 0, row_cut, 0, n);
    char label[72];
    snprintf(label, sizeof label, "linear_f32 %dx%dx%d", (int)m, (int)n, (int)k);
    end_case_floats(label, y, m * y_stride);
}

// MARK: Attention

typedef struct {
    int64_t queries, keys, heads, kv_heads, head_size, value_size;
    int32_t causal;
    /// Rows without keys behind the others, as in a cache.
    int64_t free;
    int64_t window;
    float score_cap;
    int32_t has_slopes;
} attention_case;

static void *packed_heads(
    const edgek_table *table, edgek_head_role role, const float *x, int64_t stride, int64_t rows,
    int64_t capacity, int64_t heads, int64_t head_size
) {
    void *packed = take((size_t)table->packed_head_bytes(role, capacity, heads, head_size));
    // The later rows first.
    int64_t cut = rows / 3 / EDGEK_ROW_GRAIN * EDGEK_ROW_GRAIN;
    int64_t later = table->quantize_heads(
        role, x, stride, capacity, cut, rows, heads, head_size, packed);
    int64_t earlier = table->quantize_heads(
        role, x, stride, capacity, 0, cut, heads, head_size, packed);
    if (later != -1 || earlier != -1) exit(2);
    return packed;
}

static void run_attention(const edgek_table *table, attention_case c, float range) {
    begin_case((uint64_t)(
        c.queries * 31 + c.keys * 1009 + c.heads * 7 + c.head_size * 100003 + c.value_size * 13));
    int64_t q_stride = c.heads * c.head_size + 1, k_stride = c.kv_heads * c.head_size + 2;
    int64_t v_stride = c.kv_heads * c.value_size + 3, y_stride = c.heads * c.value_size + 1;
    float *q = take_floats(c.queries * q_stride + 1, range);
    float *k = take_floats(c.keys * k_stride + 1, range);
    float *v = take_floats(c.keys * v_stride + 1, 3.0f);
    // From the second block on, the values are zero or too small to be quantized.
    float tiny = range > 1.0f ? 0x1p-103f : 0.0f;
    for (int64_t i = 64 * v_stride; i < c.keys * v_stride; i++) v[i] = tiny * v[i];
    float *y = take_floats(c.queries * y_stride + 1, 1.0f);
    edgek_attention_shape shape = {
        .query_count = c.queries, .key_count = c.keys, .head_count = c.heads,
        .key_value_head_count = c.kv_heads, .head_size = c.head_size, .value_size = c.value_size,
        .scale = 0.3f, .causal = c.causal, .key_capacity = c.keys + c.free, .window = c.window,
        .score_cap = c.score_cap, .slopes = c.has_slopes ? take_floats(c.heads, 0.5f) : NULL,
        .y = y, .y_stride = y_stride,
    };
    void *scratch = take((size_t)table->attention_scratch_bytes(&shape));
    char label[72];
    snprintf(
        label, sizeof label, "attention %d queries %d keys %d/%d heads %d+%d", (int)c.queries,
        (int)c.keys, (int)c.heads, (int)c.kv_heads, (int)c.head_size, (int)c.value_size);

    edgek_attention_f32 floats = {shape, q, q_stride, k, k_stride, v, v_stride};
    int64_t cut = c.queries / 2;
    for (int64_t head = 0; head < c.heads; head++) {
        table->attention_f32(&floats, head, cut, c.queries, scratch);
        table->attention_f32(&floats, head, 0, cut, scratch);
    }
    end_case_floats(label, y, c.queries * y_stride);

    edgek_attention_s8 codes = {
        .shape = shape,
        .queries = packed_heads(
            table, EDGEK_QUERIES, q, q_stride, c.queries, c.queries, c.heads, c.head_size),
        .keys = packed_heads(
            table, EDGEK_KEYS, k, k_stride, c.keys, shape.key_capacity, c.kv_heads, c.head_size),
        .values = packed_heads(
            table, EDGEK_VALUES, v, v_stride, c.keys, shape.key_capacity, c.kv_heads,
            c.value_size),
    };
    cut = cut / EDGEK_ROW_GRAIN * EDGEK_ROW_GRAIN;
    for (int64_t head = 0; head < c.heads; head++) {
        table->attention_s8(&codes, head, cut, c.queries, scratch);
        table->attention_s8(&codes, head, 0, cut, scratch);
    }
    end_case_floats(label, y, c.queries * y_stride);
}

// MARK: Rows

static void run_rows(const edgek_table *table, int64_t rows, int64_t columns) {
    begin_case((uint64_t)(rows * 1000 + columns));
    int64_t stride = columns + 5, code_stride = padded(columns) + 64;
    float *x = take_floats(rows * stride + 1, 5.0f);
    float *y = take_floats((rows + 1) * stride, 1.0f);
    float *gamma = take_floats(columns, 1.0f), *beta = take_floats(columns, 1.0f);
    int8_t *codes = take((size_t)(rows * code_stride + 1));
    edgek_row_quantization *quantized = take((size_t)(rows + 1) * sizeof *quantized);
    if (rows > 1) memset(x + stride, 0, (size_t)columns * sizeof *x);
    char label[72];
    snprintf(label, sizeof label, "rows %dx%d", (int)rows, (int)columns);

    static const float range[] = {-0.75f, 1.5f};
    for (int variant = 0; variant < 4; variant++) {
        int64_t bad = table->quantize_rows(
            x, rows, columns, stride, variant & 1 ? gamma : NULL, variant & 2 ? range : NULL,
            codes, code_stride, quantized);
        end_case(label, &bad, sizeof bad);
        end_case(label, codes, (size_t)(rows * code_stride));
        end_case(label, quantized, (size_t)rows * sizeof *quantized);
    }
    table->layer_norm(
        x, stride, NULL, 0, rows, columns, gamma, beta, 1e-5f, y, stride);
    end_case_floats(label, y, rows * stride);
    table->layer_norm(x, stride, y, stride, rows, columns, gamma, NULL, 1e-12f, y, stride);
    end_case_floats(label, y, rows * stride);
    table->mean_rows(x, stride, rows, columns, y);
    end_case_floats(label, y, columns);
    table->max_rows(x, stride, rows, columns, y);
    end_case_floats(label, y, columns);

    int64_t group = columns % 3 == 0 ? columns / 3 : columns;
    table->rms_norm(x, stride, rows, columns, group, gamma, 1e-6f, y, stride);
    end_case_floats(label, y, rows * stride);
    float *angles = take_floats(rows * columns + 1, 2.0f);
    for (int64_t i = 0; i < columns; i++) gamma[i] = random_unit() * 3.0f;
    edgek_angles(gamma, group / 2, 1000 * columns, rows, 0.75f, angles);
    end_case_floats(label, angles, rows * (group / 2) * 2);
    table->rotate(
        x, stride, rows, group > 0 ? columns / group : 0, group, angles, group / 2,
        columns % 2 == 1, y, stride);
    end_case_floats(label, y, rows * stride);
}

static void run_elements(const edgek_table *table, int64_t count) {
    begin_case((uint64_t)count + 77);
    char label[72];
    snprintf(label, sizeof label, "elements %d", (int)count);
    float *x = take_floats(count + 1, 1.0f), *y = take_floats(count + 1, 1.0f);
    uint16_t *halves = take((size_t)(count + 1) * sizeof *halves);
    for (int64_t i = 0; i < count; i++) {
        halves[i] = (uint16_t)next_random();
        x[i] = x[i] * (float)(1 << random_below(8));
    }
    for (int activation = 0; activation <= EDGEK_ACTIVATION_SIGMOID; activation++) {
        table->activate(x, count, (edgek_activation)activation, y);
        end_case_floats(label, y, count);
    }
    memcpy(y, x, (size_t)count * sizeof *y);
    table->activate(y, count, EDGEK_ACTIVATION_GELU, y);
    table->add(x, count, y);
    end_case_floats(label, y, count);
    table->dequantize(take_codes(count, -127), count, 0.013f, y);
    end_case_floats(label, y, count);
    table->widen_f16(halves, count, y);
    end_case_floats(label, y, count);
    table->widen_bf16(halves, count, y);
    end_case_floats(label, y, count);
    table->softmax(x, count, y);
    end_case_floats(label, y, count);
    table->normalize_l2(x, count, 1e-12f, y);
    end_case_floats(label, y, count);
    table->softmax(y, count, y);
    table->normalize_l2(y, count, 1e9f, y);
    end_case_floats(label, y, count);
}

/// Packed values from elsewhere and in place, of all codes and of fewer and fewer.
static void run_expansion(const edgek_table *table, int64_t count) {
    begin_case((uint64_t)count + 99);
    char label[72];
    snprintf(label, sizeof label, "expansion %d", (int)count);
    uint8_t *mask = take((size_t)count / 8 + 1);
    int8_t *codes = take((size_t)count), *values = take_codes(count, -128);
    for (int64_t period = 0; period <= 9; period += 3) {
        memset(mask, 0, (size_t)count / 8 + 1);
        int64_t value_count = 0;
        for (int64_t i = 0; i < count; i++) {
            if (period > 0 && random_below(period) > 1) continue;
            if (period == 9 && i % 128 < 64) continue;
            mask[i / 8] |= (uint8_t)(1 << i % 8);
            value_count++;
        }
        table->expand_codes(mask, count, values, value_count, codes);
        end_case(label, codes, (size_t)count);
        int8_t *last = codes + count - value_count;
        memmove(last, values, (size_t)value_count);
        table->expand_codes(mask, count, last, value_count, codes);
        end_case(label, codes, (size_t)count);
    }
}

/// Every exponent and sign with some mantissas, infinities and NaNs included.
static void run_all_exponents(const edgek_table *table) {
    enum { COUNT = 1 << 16 };
    begin_case(5);
    float *x = take(COUNT * sizeof *x), *y = take(COUNT * sizeof *y);
    uint16_t *halves = take(COUNT * sizeof *halves);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t bits = i << 16 | (next_random() & 0xffff);
        memcpy(&x[i], &bits, sizeof bits);
        halves[i] = (uint16_t)i;
    }
    for (int activation = 0; activation <= EDGEK_ACTIVATION_SIGMOID; activation++) {
        table->activate(x, COUNT, (edgek_activation)activation, y);
        end_case_floats("activation of all exponents", y, COUNT);
    }
    table->widen_f16(halves, COUNT, y);
    end_case_floats("all halves", y, COUNT);
}

/// Values that are not finite in every position of the second of three rows.
static void run_bad_rows(const edgek_table *table) {
    static const uint32_t bad_bits[] = {
        0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001,
    };
    enum { COLUMNS = 37 };
    static const float range[] = {-1.0f, 2.0f};
    begin_case(9);
    float *x = take_floats(3 * COLUMNS, 1.0f), *y = take_floats(3 * COLUMNS, 1.0f);
    int8_t *codes = take(3 * 64);
    void *heads =
        take((size_t)table->packed_head_bytes(EDGEK_VALUES, 3, 1, COLUMNS));
    edgek_row_quantization *rows = take(3 * sizeof *rows);
    for (int i = 0; i < 5 * COLUMNS; i++) {
        float *bad = &x[COLUMNS + i % COLUMNS], good = *bad;
        memcpy(bad, &bad_bits[i / COLUMNS], sizeof *bad);
        int64_t found[3];
        found[0] = table->quantize_rows(x, 3, COLUMNS, COLUMNS, NULL, NULL, codes, 64, rows);
        found[1] = table->quantize_heads(EDGEK_VALUES, x, COLUMNS, 3, 0, 3, 1, COLUMNS, heads);
        found[2] = table->quantize_rows(x, 3, COLUMNS, COLUMNS, NULL, range, codes, 64, rows);
        if (found[0] != 1 || found[1] != 1 || found[2] != 1) found[0] = -2;
        end_case("bad rows", found, sizeof found);
        table->max_rows(x, COLUMNS, 3, COLUMNS, y);
        table->softmax(x + COLUMNS, COLUMNS, y + COLUMNS);
        end_case_floats("bad rows", y, 2 * COLUMNS);
        *bad = good;
    }
    x[5] = 3e38f, x[6] = -3e38f;
    int64_t too_wide = table->quantize_rows(x, 3, COLUMNS, COLUMNS, NULL, NULL, codes, 64, rows);
    end_case("too wide a range", &too_wide, sizeof too_wide);
}

/// Numbers so small that results or intermediate results are denormal, in place where it may be.
static void run_tiny(const edgek_table *table, int64_t rows, int64_t columns) {
    begin_case((uint64_t)(rows * 131 + columns));
    int64_t count = rows * columns, code_stride = padded(columns);
    float *x = take_tiny(count), *y = take_tiny(count), *z = take_tiny(count);
    float *gamma = take_tiny(columns), *beta = take_tiny(columns);
    int8_t *codes = take((size_t)(rows * code_stride));
    edgek_row_quantization *quantized = take((size_t)rows * sizeof *quantized);
    char label[72];
    snprintf(label, sizeof label, "tiny %dx%d", (int)rows, (int)columns);

    static const float range[] = {-0x1p-120f, 0x1p-100f};
    for (int variant = 0; variant < 4; variant++) {
        table->quantize_rows(
            x, rows, columns, columns, variant & 1 ? gamma : NULL, variant & 2 ? range : NULL,
            codes, code_stride, quantized);
        end_case(label, codes, (size_t)(rows * code_stride));
        end_case(label, quantized, (size_t)rows * sizeof *quantized);

        const float *residual = variant & 1 ? z : variant & 2 ? y : NULL;
        memcpy(y, z, (size_t)count * sizeof *y);
        table->layer_norm(
            variant & 2 ? x : y, columns, residual, columns, rows, columns, gamma,
            variant == 1 ? beta : NULL, variant & 2 ? 1e-12f : 1e-38f, y, columns);
        end_case_floats(label, y, count);

        void *packed = take((size_t)table->packed_weight_bytes(rows, columns));
        int32_t *sums = take((size_t)rows * sizeof *sums);
        table->clear_packed_weights(packed, rows, columns);
        table->pack_weights(
            take_codes(count, -127), 0, rows, rows, columns, packed, sums);
        for (int64_t i = 0; i < rows; i++) {
            quantized[i].scale = random_unit() * (variant & 1 ? 0x1p-70f : 0x1p-126f);
        }
        float *products = take_tiny(rows * rows);
        edgek_linear_s8 linear = {
            .codes = codes, .code_stride = code_stride, .rows = quantized,
            .packed_weights = packed, .weight_sums = sums, .weight_scales = take_tiny(rows),
            .bias = variant & 2 ? take_tiny(rows) : NULL, .residual = variant > 0 ? products : NULL,
            .residual_stride = rows, .y = products, .y_stride = rows, .row_count = rows,
            .column_count = rows, .depth = columns,
            .activation = variant == 3 ? EDGEK_ACTIVATION_GELU : EDGEK_ACTIVATION_NONE,
        };
        table->linear_s8(&linear, 0, rows, 0, rows);
        end_case_floats(label, products, rows * rows);
        edgek_linear_f32 linear_f32 = {
            .x = x, .x_stride = columns, .weights = z, .bias = linear.bias,
            .residual = linear.residual, .residual_stride = rows, .y = products, .y_stride = rows,
            .row_count = rows, .column_count = rows, .depth = columns,
            .activation = linear.activation,
        };
        table->linear_f32(&linear_f32, 0, rows, 0, rows);
        end_case_floats(label, products, rows * rows);
    }
    memcpy(y, z, (size_t)count * sizeof *y);
    table->rms_norm(x, columns, rows, columns, columns, z, 1e-38f, y, columns);
    end_case_floats(label, y, count);
    table->rotate(x, columns, rows, 1, columns, z, columns / 2, rows % 2, y, columns);
    end_case_floats(label, y, count);
    table->scale(x, count, 0x1p-60f, y);
    end_case_floats(label, y, count);
    memcpy(y, z, (size_t)count * sizeof *y);
    table->multiply(x, count, y);
    end_case_floats(label, y, count);
    memcpy(y, z, (size_t)count * sizeof *y);
    table->add(x, count, y);
    end_case_floats(label, y, count);
    table->activate(y, count, EDGEK_ACTIVATION_SILU, y);
    end_case_floats(label, y, count);
    table->mean_rows(x, columns, rows, columns, y);
    end_case_floats(label, y, columns);
    table->max_rows(x, columns, rows, columns, y);
    end_case_floats(label, y, columns);
    for (int64_t i = 0; i < columns; i++) y[i] = random_unit() * 60.0f;
    table->softmax(y, columns, y);
    end_case_floats(label, y, columns);
    table->normalize_l2(x, columns, 1e-30f, x);
    end_case_floats(label, x, columns);
    table->dequantize(take_codes(count, -127), count, 0x1p-130f, y);
    end_case_floats(label, y, count);
}

static void run_tiny_attention(const edgek_table *table) {
    enum { ROWS = 70, SIZE = 20 };
    begin_case(13);
    float *q = take_tiny(ROWS * SIZE), *k = take_tiny(ROWS * SIZE), *v = take_tiny(ROWS * SIZE);
    float *y = take_tiny(ROWS * SIZE);
    edgek_attention_shape shape = {
        .query_count = ROWS, .key_count = ROWS, .head_count = 2, .key_value_head_count = 1,
        .head_size = SIZE / 2, .value_size = SIZE / 2, .scale = 100.0f, .causal = 1,
        .key_capacity = ROWS, .y = y, .y_stride = SIZE,
    };
    void *scratch = take((size_t)table->attention_scratch_bytes(&shape));
    edgek_attention_f32 floats = {shape, q, SIZE, k, SIZE, v, SIZE};
    edgek_attention_s8 codes = {
        .shape = shape,
        .queries = packed_heads(table, EDGEK_QUERIES, q, SIZE, ROWS, ROWS, 2, SIZE / 2),
        .keys = packed_heads(table, EDGEK_KEYS, k, SIZE, ROWS, ROWS, 1, SIZE / 2),
        .values = packed_heads(table, EDGEK_VALUES, v, SIZE, ROWS, ROWS, 1, SIZE / 2),
    };
    for (int64_t head = 0; head < 2; head++) {
        table->attention_f32(&floats, head, 0, ROWS, scratch);
    }
    end_case_floats("tiny attention", y, ROWS * SIZE);
    for (int64_t head = 0; head < 2; head++) {
        table->attention_s8(&codes, head, 0, ROWS, scratch);
    }
    end_case_floats("tiny attention", y, ROWS * SIZE);
    for (int64_t query = 0; query < ROWS; query += EDGEK_ROW_GRAIN) {
        // Few queries take another way.
        table->attention_s8(&codes, 1, query, query + 1, scratch);
    }
    end_case_floats("tiny attention", y, ROWS * SIZE);
}

static void run_table(const edgek_table *table) {
    static const attention_case attentions[] = {
        {1, 1, 1, 1, 1, 1, 0},      {3, 5, 2, 1, 7, 3, 0},      {17, 64, 4, 2, 32, 32, 0},
        {9, 65, 2, 2, 33, 17, 1},   {70, 70, 3, 1, 16, 40, 1},  {5, 200, 4, 4, 64, 64, 1},
        {2, 130, 2, 1, 65, 129, 0}, {6, 3, 1, 1, 8, 8, 1},      {4, 0, 1, 1, 8, 8, 0},
        {0, 4, 1, 1, 8, 8, 0},      {1, 256, 6, 2, 48, 48, 1},  {2, 9, 0, 0, 8, 8, 0},
        {1, 77, 6, 2, 24, 24, 1, .free = 51}, {20, 84, 2, 1, 16, 12, 1, .free = 5},
        {4, 200, 1, 1, 16, 16, 1, .window = 70}, {33, 130, 2, 1, 20, 20, 1, 14, 1},
        {17, 99, 4, 1, 16, 16, 1, .has_slopes = 1}, {3, 70, 2, 1, 16, 16, 0, .score_cap = 0.5f},
        {17, 99, 2, 1, 31, 16, 1, 1, 40, 2.0f, 1},
    };
    memset(&current, 0, sizeof current);
    for (int64_t size = 0; size <= 66; size++) {
        int64_t rows = 1 + size % 7;
        run_linear_s8(table, rows, size, 1 + (size * 29) % 67, (int)size);
        run_linear_s8(table, 1 + size % 13, 1 + (size * 31) % 150, size, (int)(size * 3));
        run_linear_s8(table, size, 1 + (size * 37) % 70, 1 + (size * 5) % 40, (int)size + 2);
        run_linear_f32(table, 1 + size % 5, size, (size * 13) % 66, (int)size);
        run_linear_f32(table, size % 6, 1 + size % 9, size, (int)size + 1);
        run_rows(table, 1 + size % 4, size);
        run_elements(table, size);
        run_expansion(table, size);
    }
    run_expansion(table, 5003);
    for (int variant = 0; variant < 32; variant += 3) {
        run_linear_s8(table, 5, 80, 1536, 8 | variant);
        run_linear_s8(table, 9, 193, 260, variant);
    }
    run_linear_s8(table, 2, 17, 70000, 0);
    run_rows(table, 3, 1000);
    run_rows(table, 0, 7);
    run_elements(table, 1027);
    run_all_exponents(table);
    run_bad_rows(table);
    for (int64_t size = 1; size <= 66; size += 5) run_tiny(table, 1 + size % 23, size);
    run_tiny(table, 3, 5000);
    run_tiny_attention(table);
    for (size_t i = 0; i < sizeof attentions / sizeof attentions[0]; i++) {
        run_attention(table, attentions[i], 1.0f);
        run_attention(table, attentions[i], 30.0f);
    }
}

static bool agrees(void) {
    for (int i = 0; i < reference.count; i++) {
        if (current.digests[i] != reference.digests[i]) {
            printf("%s differs (case %d)\n", current.labels[i], i);
            return false;
        }
    }
    return current.count == reference.count;
}

static bool is_named(const char *name, int count, char **names) {
    for (int i = 1; i < count; i++) {
        if (strcmp(name, names[i]) == 0) return true;
    }
    return false;
}

int main(int argument_count, char **arguments) {
    arena = aligned_alloc(64, ARENA_BYTES);
    if (arena == NULL) return 2;
    int status = 0;
    for (int32_t index = 0; index < edgek_table_count(); index++) {
        const edgek_table *table = edgek_table_at(index);
        if (!edgek_table_is_supported(index)
            && !is_named(table->name, argument_count, arguments)) {
            printf("%s not supported by this CPU\n", table->name);
            continue;
        }
        run_table(table);
        if (index == 0) reference = current;
        uint64_t digest =
            absorb(UINT64_C(0xcbf29ce484222325), current.digests, sizeof current.digests);
        if (!agrees()) status = 1;
        int64_t products = table->multiply_peak(1);
        if (products < 1 || table->multiply_peak(1000) != 1000 * products) {
            fprintf(stderr, "%s: multiply_peak miscounts\n", table->name);
            status = 1;
        }
        printf("%s %016llx\n", table->name, (unsigned long long)digest);
    }
    free(arena);
    return status;
}
