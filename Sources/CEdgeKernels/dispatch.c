#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "cpu_features.h"
#include "edgek_tables.h"

typedef struct {
    const edgek_table *table;
    uint32_t needed_features;
} entry;

// Slowest first.
static const entry entries[] = {
    {&edgek_table_scalar, 0},
#if defined(__x86_64__)
    {&edgek_table_sse4, EDGEK_CPU_SSE4},
    {&edgek_table_avx2, EDGEK_CPU_AVX2},
    {&edgek_table_avxvnni, EDGEK_CPU_AVX2 | EDGEK_CPU_AVXVNNI},
    {&edgek_table_avx512vnni, EDGEK_CPU_AVX512VNNI},
#elif defined(__aarch64__)
    {&edgek_table_neon, EDGEK_CPU_NEON},
    {&edgek_table_dotprod, EDGEK_CPU_NEON | EDGEK_CPU_DOTPROD},
    {&edgek_table_i8mm, EDGEK_CPU_NEON | EDGEK_CPU_DOTPROD | EDGEK_CPU_I8MM},
#elif defined(__arm__)
    {&edgek_table_neon, EDGEK_CPU_NEON},
#endif
};

int32_t edgek_table_count(void) {
    return sizeof entries / sizeof entries[0];
}

const edgek_table *edgek_table_at(int32_t index) {
    return index >= 0 && index < edgek_table_count() ? entries[index].table : NULL;
}

/// The features of this processor, which takes long to tell them in a virtual machine.
static uint32_t known_features(void) {
    const uint32_t is_known = UINT32_C(1) << 31;
    static _Atomic uint32_t known;
    uint32_t features = atomic_load_explicit(&known, memory_order_relaxed);
    if (features == 0) {
        features = edgek_cpu_features() | is_known;
        atomic_store_explicit(&known, features, memory_order_relaxed);
    }
    return features;
}

int32_t edgek_table_is_supported(int32_t index) {
    if (index < 0 || index >= edgek_table_count()) return 0;
    uint32_t needed = entries[index].needed_features;
    return (known_features() & needed) == needed;
}

int32_t edgek_fastest_table(void) {
    int32_t index = edgek_table_count() - 1;
    while (index > 0 && !edgek_table_is_supported(index)) index--;
    return index;
}

static bool is_same_name(const char *a, const char *b) {
    while (*a != 0 && *a == *b) a++, b++;
    return *a == *b;
}

int32_t edgek_table_named(const char *name) {
    for (int32_t index = 0; index < edgek_table_count(); index++) {
        if (is_same_name(entries[index].table->name, name)) return index;
    }
    return -1;
}
