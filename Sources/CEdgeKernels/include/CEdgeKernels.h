// The kernels of Attenuate: integer and float inner loops behind one table per instruction set.
//
// Every function below is a contract. The scalar table is its specification; every other table
// returns the same bits for the same arguments (of a NaN only that it is one), whatever the
// instruction set and however the work is split into row and column ranges. Matrices are row-major;
// a stride counts elements, not bytes. Functions allocate nothing, keep no state, read and write
// only what their comment names, and accept every size including zero. Pointers need only the
// natural alignment of their elements unless the comment asks for more. Buffers do not overlap
// unless the comment allows it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    /// Rows of activation codes are padded with zeros to a multiple of this many bytes.
    EDGEK_CODE_ALIGNMENT = 64,
    /// Keys per block of attention. Part of the numeric contract: it fixes the order of the
    /// running maximum and of the float sums.
    EDGEK_KEY_BLOCK = 64,
    /// A column range given to a linear kernel starts at a multiple of this.
    EDGEK_COLUMN_GRAIN = 64,
    /// A row range given to `quantize_heads` or to quantized attention starts at a multiple of this.
    EDGEK_ROW_GRAIN = 16,
    /// Inputs that share a multiplier of 4-bit weights.
    EDGEK_WEIGHT_GROUP = 32,
};

/// Element-wise functions that a linear kernel may apply to its result.
typedef enum {
    EDGEK_ACTIVATION_NONE = 0,
    /// x < 0 ? 0 : x
    EDGEK_ACTIVATION_RELU = 1,
    /// x · ½ · (1 + erf(x / √2))
    EDGEK_ACTIVATION_GELU = 2,
    /// ½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))
    EDGEK_ACTIVATION_GELU_TANH = 3,
    /// x / (1 + exp(−x))
    EDGEK_ACTIVATION_SILU = 4,
    EDGEK_ACTIVATION_TANH = 5,
    /// 1 / (1 + exp(−x))
    EDGEK_ACTIVATION_SIGMOID = 6,
} edgek_activation;

/// How one row of activations was quantized: x ≈ scale · (code + 128 − zero_point), where `code`
/// is the stored signed byte, that is q − 128 for q in 0…255.
typedef struct {
    float scale;
    int32_t zero_point;
    /// Sum of the stored codes of the row, padding excluded (it is zero anyway).
    int32_t code_sum;
} edgek_row_quantization;

/// y[m][n] = act'(Float(acc) · (rows[m].scale · weight_scales[n]) + bias[n]) + residual[m][n], with
/// acc = Σ_k codes[m][k] · w[n][k] + (128 − rows[m].zero_point) · weight_sums[n] in int32.
/// The sum with `bias` or `residual` is left out where the pointer is null. `residual` may be `y`.
/// act' is act with the coarse GELU (off by at most 3 · 10⁻⁵): its result becomes codes.
typedef struct {
    /// [row_count, code_stride] stored codes as `quantize_rows` writes them.
    const int8_t *codes;
    int64_t code_stride;
    /// [row_count]
    const edgek_row_quantization *rows;
    /// As `pack_weights` of the same table wrote them, 64-byte aligned; for linear_s4, as
    /// `edgek_pack_s4` did.
    const void *packed_weights;
    /// [column_count] Σ_k w[n][k]
    const int32_t *weight_sums;
    /// [column_count]
    const float *weight_scales;
    /// [column_count] or null
    const float *bias;
    const float *residual;
    int64_t residual_stride;
    float *y;
    int64_t y_stride;
    int64_t row_count;
    /// Outputs (N).
    int64_t column_count;
    /// Inputs (K), at most 131072. With more than 66311 (= ⌊(2³¹ − 1) / (255 · 127)⌋) extreme codes
    /// can carry acc out of int32; it then wraps, in every table alike.
    int64_t depth;
    edgek_activation activation;
    /// Packed weights that are read after these, or null: a hint to fetch them in time. It changes no
    /// result, and nothing is read of it otherwise.
    const void *upcoming_weights;
} edgek_linear_s8;

/// 4-bit weights w[n][k] = multipliers[n][k / EDGEK_WEIGHT_GROUP] · codes[n][k], codes in −8…7 and
/// multipliers in −127…127. What the multipliers scale is integers, so products of such weights are
/// as exact as those of 8-bit codes, in any order. All tables pack them alike.

/// Bytes that packed 4-bit weights of [column_count, depth] take, a multiple of 64.
int64_t edgek_packed_s4_bytes(int64_t column_count, int64_t depth);
/// The first step of packing: makes zero what no row of a [column_count, depth] matrix fills.
void edgek_clear_packed_s4(void *packed, int64_t column_count, int64_t depth);
/// As `pack_weights` of a table. `multipliers` is [row_count, ⌈depth / EDGEK_WEIGHT_GROUP⌉].
/// Returns the first row with a code or a multiplier out of its range, or whose products could leave
/// int32: 255 · Σ |w| ≥ 2³¹; or −1.
int64_t edgek_pack_s4(
    const int8_t *codes, const int8_t *multipliers, int64_t first_row, int64_t row_count,
    int64_t column_count, int64_t depth, void *packed, int32_t *weight_sums);

/// y[m][n] = act(dot(x[m], w[n]) + bias[n]) + residual[m][n], where dot is the canonical 16-lane
/// sum of single products: lane j adds the products j, j+16, … in order (a multiplication, then an
/// addition), then lane i adds lane i+8, i+4, i+2, i+1.
typedef struct {
    const float *x;
    int64_t x_stride;
    /// [column_count, depth], rows contiguous
    const float *weights;
    const float *bias;
    const float *residual;
    int64_t residual_stride;
    float *y;
    int64_t y_stride;
    int64_t row_count;
    int64_t column_count;
    int64_t depth;
    edgek_activation activation;
} edgek_linear_f32;

/// Multi-head attention of `query_count` queries over `key_count` keys. Key and value head of
/// query head h is h / (head_count / key_value_head_count).
///
/// Query i stands at i + key_count − query_count. With causal masking it sees the keys from 0 to its
/// own place, with a window only the last `window` of these. Keys and values that a query does not
/// see are not part of its result, whatever they hold; a query that sees none gives zeros.
typedef struct {
    int64_t query_count;
    int64_t key_count;
    int64_t head_count;
    int64_t key_value_head_count;
    /// Columns of one query and key head.
    int64_t head_size;
    /// Columns of one value head.
    int64_t value_size;
    /// Multiplies the scores, usually 1/√head_size.
    float scale;
    int32_t causal;
    /// Rows that packed keys and values have room for, at least key_count; float attention does not
    /// read it.
    int64_t key_capacity;
    /// The most keys that a query sees with causal masking; 0 is no limit.
    int64_t window;
    /// A score x becomes score_cap · tanh(x / score_cap); 0 leaves it.
    float score_cap;
    /// [head_count] or null: slope · (place of the key − place of the query) is added to a score
    /// (ALiBi, Press et al. 2022).
    const float *slopes;
    /// [query_count, head_count · value_size]
    float *y;
    int64_t y_stride;
} edgek_attention_shape;

/// Float attention. With scale' = scale · log₂ e, for one query row and head, for each block of
/// EDGEK_KEY_BLOCK keys that has a visible key, in order:
///   s_j = dot16(q, k_j) · scale', −∞ where masked; m' = max(m, max_j s_j); α = 2^(m − m') (0 for
///   the first block); p_j = 2^(s_j − m'); l = l · α + sum16(p); O = O · α + Σ_j p_j · v_j, the
///   inner sum from 0 in key order;
/// finally y = O · (1 / l). Powers are those of `edgek_exp2_not_positive`: exponents below −126
/// count as −126. Blocks are counted from key 0, and so are the lanes of sum16.
/// With a cap, s_j = tanh((dot16(q, k_j) · scale) · (1 / cap)) · (cap · log₂ e) instead. With slopes,
/// (slope · log₂ e) · Float(place of the key − place of the query) is added to s_j.
typedef struct {
    edgek_attention_shape shape;
    const float *queries;
    int64_t query_stride;
    const float *keys;
    int64_t key_stride;
    const float *values;
    int64_t value_stride;
} edgek_attention_f32;

/// Quantized attention over heads that `quantize_heads` packed. As float attention, but
///   s_j = (Float(Σ_d qc[d] · kc_j[d]) · ks_j) · (qs · scale'), the dot product in int32, with
///   qs · scale in place of qs · scale' under the tanh of a cap; powers are those of
///   `edgek_exp2_coarse_not_positive`;
///   g_j = p_j · vs_j; G = max_j g_j; if G < 2⁻¹⁰⁰ the block adds nothing to O (α still applies),
///   else c_j = min(255, round-half-even(g_j · (255 / G))) and
///   O = O · α + Float(Σ_j c_j · vc_j) · (G / 255).
typedef struct {
    edgek_attention_shape shape;
    /// The packed queries, keys and values of all heads, 64-byte aligned.
    const void *queries;
    const void *keys;
    const void *values;
} edgek_attention_s8;

/// What the rows of a head are to quantized attention.
typedef enum {
    EDGEK_QUERIES = 0,
    EDGEK_KEYS = 1,
    EDGEK_VALUES = 2,
} edgek_head_role;

/// The kernels of one instruction set.
typedef struct {
    /// "scalar", "sse4", "avx2", "avxvnni", "avx512vnni", "neon", "dotprod", "i8mm".
    const char *name;

    // MARK: Weights

    /// Bytes that packed int8 weights of [column_count, depth] take, a multiple of 64.
    int64_t (*packed_weight_bytes)(int64_t column_count, int64_t depth);
    /// The first step of packing: makes zero what no row of a [column_count, depth] matrix fills.
    void (*clear_packed_weights)(void *packed, int64_t column_count, int64_t depth);
    /// Packs `row_count` rows of codes (outputs `first_row` …) of a [column_count, depth] matrix,
    /// codes in −127…127, rows contiguous, and writes their sums to weight_sums[first_row…].
    /// Returns the first of the rows with a code −128, which products are not exact with, or −1.
    /// Calls for disjoint row ranges may come in any order; they may run in parallel only where
    /// their ranges do not share a multiple of EDGEK_COLUMN_GRAIN outputs.
    int64_t (*pack_weights)(
        const int8_t *codes, int64_t first_row, int64_t row_count, int64_t column_count,
        int64_t depth, void *packed, int32_t *weight_sums);
    /// Puts packed values back to their places: codes[i] is the next value where bit i % 8 of
    /// mask[i / 8] is set, else 0. `value_count` is the number of set bits, of which none lies
    /// behind bit count − 1. `values` may be the last value_count bytes of `codes`.
    void (*expand_codes)(
        const uint8_t *mask, int64_t count, const int8_t *values, int64_t value_count,
        int8_t *codes);

    // MARK: Quantization

    /// Quantizes each row x·multipliers asymmetrically to 8 bits: lo = min(0, min x),
    /// hi = max(0, max x); scale = (hi − lo) / 255, inverse = 255 / (hi − lo);
    /// z = round-half-even(−lo · inverse); q = clamp(round-half-even(x · inverse) + z, 0, 255).
    /// A range hi − lo below 2⁻¹⁰⁰ counts as zero: scale 0, z 0, q 0 everywhere.
    /// Stores q − 128 and zeros up to code_stride (a multiple of EDGEK_CODE_ALIGNMENT, codes
    /// aligned likewise). `multipliers` is [column_count] or null; the product is rounded to float
    /// first. `range` is null or the lo ≤ 0 and the hi ≥ 0 of all rows, at least 2⁻¹⁰⁰ and finitely
    /// far apart, between which the products are clamped.
    /// Returns the first row with an infinity or a NaN, or whose own range is to be used and is not
    /// finite, or −1.
    int64_t (*quantize_rows)(
        const float *x, int64_t row_count, int64_t column_count, int64_t x_stride,
        const float *multipliers, const float *range, int8_t *codes, int64_t code_stride,
        edgek_row_quantization *rows);
    /// Bytes that the packed rows of `head_count` heads take in a role, a multiple of 64.
    int64_t (*packed_head_bytes)(
        edgek_head_role role, int64_t row_count, int64_t head_count, int64_t head_size);
    /// Quantizes heads symmetrically: per row and head, scale = max|x| / 127,
    /// code = round-half-even(x · (127 / max|x|)); a maximum below 2⁻¹⁰⁰ gives scale 0 and codes 0.
    /// Reads x[row][head · head_size + d] for the rows first_row …< row_end, and packs them for
    /// `attention_s8` of the same table, among row_count rows: its query_count or key_capacity.
    /// first_row is a multiple of EDGEK_ROW_GRAIN, and row_end too unless it is the last row that is
    /// there; such calls may run in parallel.
    /// Returns the first row with a value that is not finite, or −1.
    int64_t (*quantize_heads)(
        edgek_head_role role, const float *x, int64_t x_stride, int64_t row_count,
        int64_t first_row, int64_t row_end, int64_t head_count, int64_t head_size, void *packed);

    // MARK: Products

    /// Computes the rows first_row …< row_end and columns first_column …< column_end of y.
    void (*linear_s8)(
        const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
        int64_t column_end);
    /// The same with weights that `edgek_pack_s4` packed.
    void (*linear_s4)(
        const edgek_linear_s8 *task, int64_t first_row, int64_t row_end, int64_t first_column,
        int64_t column_end);
    void (*linear_f32)(
        const edgek_linear_f32 *task, int64_t first_row, int64_t row_end, int64_t first_column,
        int64_t column_end);
    /// Computes the queries first_query …< query_end of one head. `scratch` is 64-byte aligned
    /// and holds attention_scratch_bytes(shape) bytes. In quantized attention first_query is a
    /// multiple of EDGEK_ROW_GRAIN.
    void (*attention_f32)(
        const edgek_attention_f32 *task, int64_t head, int64_t first_query, int64_t query_end,
        void *scratch);
    void (*attention_s8)(
        const edgek_attention_s8 *task, int64_t head, int64_t first_query, int64_t query_end,
        void *scratch);
    int64_t (*attention_scratch_bytes)(const edgek_attention_shape *shape);

    // MARK: Rows

    /// t = x + residual (x where residual is null); mean = sum16(t) / n; d = t − mean;
    /// v = sum16(d · d) / n; y = (d · (1 / √(v + epsilon))) · gamma + beta. beta may be null.
    /// y may be x or residual.
    void (*layer_norm)(
        const float *x, int64_t x_stride, const float *residual, int64_t residual_stride,
        int64_t row_count, int64_t column_count, const float *gamma, const float *beta,
        float epsilon, float *y, int64_t y_stride);
    /// v = sum16(x · x) / n over each group of group_size columns, of which a row has
    /// column_count / group_size; y = (x · (1 / √(v + epsilon))) · gamma, with a gamma for each column
    /// of a group. y may be x. Zhang & Sennrich 2019.
    void (*rms_norm)(
        const float *x, int64_t x_stride, int64_t row_count, int64_t column_count,
        int64_t group_size, const float *gamma, float epsilon, float *y, int64_t y_stride);
    /// Turns pairs of columns of each head by the angles of its row (Su et al. 2021):
    /// a' = a · cos − b · sin, b' = b · cos + a · sin for the columns a = i, b = i + angle_count, or
    /// a = 2i, b = 2i + 1 where `adjacent`; further columns of a head are copied. A row of `angles` is
    /// [angle_count] cosines, then [angle_count] sines. y may be x.
    void (*rotate)(
        const float *x, int64_t x_stride, int64_t row_count, int64_t head_count,
        int64_t head_size, const float *angles, int64_t angle_count, int32_t adjacent, float *y,
        int64_t y_stride);
    /// y[i] = activation(x[i]); y may be x.
    void (*activate)(const float *x, int64_t count, edgek_activation activation, float *y);
    /// y[i] = y[i] + x[i]
    void (*add)(const float *x, int64_t count, float *y);
    /// y[i] = y[i] · x[i]
    void (*multiply)(const float *x, int64_t count, float *y);
    /// y[i] = x[i] · factor; y may be x.
    void (*scale)(const float *x, int64_t count, float factor, float *y);
    /// y[i] = Float(codes[i]) · scale
    void (*dequantize)(const int8_t *codes, int64_t count, float scale, float *y);
    /// IEEE binary16 or bfloat16, little endian, to binary32, exactly.
    void (*widen_f16)(const uint16_t *x, int64_t count, float *y);
    void (*widen_bf16)(const uint16_t *x, int64_t count, float *y);
    /// m = max x; e = exp(x − m); y = e · (1 / sum16(e)). y may be x.
    void (*softmax)(const float *x, int64_t count, float *y);
    /// y[c] = (Σ_r x[r][c], rows in order) / row_count; 0 without rows.
    void (*mean_rows)(
        const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, float *y);
    /// y[c] = max_r x[r][c], +0 above −0; −∞ without rows.
    void (*max_rows)(
        const float *x, int64_t x_stride, int64_t row_count, int64_t column_count, float *y);
    /// y = x / max(√(sum16(x · x)), epsilon); y may be x.
    void (*normalize_l2)(const float *x, int64_t count, float epsilon, float *y);

    // MARK: Peak

    /// Does `rounds` (at most 2²⁴) rounds of the int8 multiply-accumulates of linear_s8, with the
    /// same arithmetic instructions but on registers alone, and returns how many these were: as
    /// many in each round. No product can be faster on this CPU. In the scalar table, whose
    /// instructions the compiler chooses, the same loop over codes in the L1 cache.
    int64_t (*multiply_peak)(int64_t rounds);
} edgek_table;

/// Cosines and sines of rotary positions, the same for all tables: row r of y is
/// [count] Float(cos(a)) · factor, then [count] Float(sin(a)) · factor, with
/// a = Float(first_position + r) · frequencies[i] rounded to float. Off by at most half a unit in the
/// last place of a float and a little for |a| < 2²⁰; NaN for larger ones.
void edgek_angles(
    const float *frequencies, int64_t count, int64_t first_position, int64_t row_count,
    float factor, float *y);

/// Number of tables compiled into this binary, slowest first; table 0 is scalar.
int32_t edgek_table_count(void);
/// The table at an index, or null.
const edgek_table *edgek_table_at(int32_t index);
/// Whether this CPU and its operating system can run the table at an index.
int32_t edgek_table_is_supported(int32_t index);
/// Index of the fastest table that this CPU supports.
int32_t edgek_fastest_table(void);
/// Index of the table with a name, supported or not; −1 if this binary has none.
int32_t edgek_table_named(const char *name);

#ifdef __cplusplus
}
#endif
