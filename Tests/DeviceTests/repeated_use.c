// Opens, runs and closes a model again and again, also in ways that fail, and checks that the
// all memory is given back.
//
//     repeated_use model.atn <rounds>
#include <attenuate.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 4096 };

/// Blocks that this program and the library in it took and did not give back.
static atomic_long block_count;

static void *counted(void *block) {
    if (block != NULL) block_count++;
    return block;
}

// What the linker puts in the place of the functions with these names (--wrap).
void *__real_malloc(size_t byte_count);
void *__real_calloc(size_t count, size_t byte_count);
void *__real_aligned_alloc(size_t alignment, size_t byte_count);
int __real_posix_memalign(void **block, size_t alignment, size_t byte_count);
void __real_free(void *block);

void *__wrap_malloc(size_t byte_count) {
    return counted(__real_malloc(byte_count));
}

void *__wrap_calloc(size_t count, size_t byte_count) {
    return counted(__real_calloc(count, byte_count));
}

void *__wrap_aligned_alloc(size_t alignment, size_t byte_count) {
    return counted(__real_aligned_alloc(alignment, byte_count));
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t byte_count) {
    int error = __real_posix_memalign(block, alignment, byte_count);
    if (error == 0) block_count++;
    return error;
}

void __wrap_free(void *block) {
    if (block != NULL) block_count--;
    __real_free(block);
}

static void *read_file(const char *path, size_t *byte_count) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    fseek(file, 0, SEEK_END);
    *byte_count = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*byte_count);
    if (bytes != NULL && fread(bytes, 1, *byte_count, file) != *byte_count) bytes[0] = 0;
    fclose(file);
    return bytes;
}

/// Returns null, or what went otherwise than expected.
static const char *use(const char *path, char *bytes, size_t byte_count) {
    attenuate_options options = {.thread_count = 1};
    attenuate_model *model;
    static float values[CAPACITY];
    if (attenuate_open_memory(bytes, byte_count, &options, &model, NULL)) return "open";
    if (attenuate_run_text(model, 0, "mail", 4, NULL, 0, values, CAPACITY, NULL, NULL)) {
        return "run";
    }
    int32_t bad = -1;
    if (attenuate_run_ids(model, 0, &bad, NULL, 1, values, CAPACITY, NULL, NULL)
        != ATTENUATE_INVALID_TOKENS) {
        return "a token that is not there";
    }
    if (attenuate_run_text(model, 0, "\xff", 1, NULL, 0, values, CAPACITY, NULL, NULL)
        != ATTENUATE_INVALID_TEXT) {
        return "no UTF-8";
    }
    attenuate_close(&model);
    // The header, the directory, and chunks of weights are found to be damaged at different depths.
    for (size_t part = 0; part < 16; part++) {
        size_t position = part * (byte_count / 16) + 9;
        bytes[position] ^= 0x10;
        attenuate_status status =
            attenuate_open_memory(bytes, byte_count, &options, &model, NULL);
        bytes[position] ^= 0x10;
        if (status == ATTENUATE_OK) attenuate_close(&model);
    }
    if (attenuate_open_memory(bytes, byte_count / 2, &options, &model, NULL)
        != ATTENUATE_INVALID_MODEL) {
        return "half a container";
    }
    if (attenuate_open_file("/no/such/file", &options, &model, NULL) != ATTENUATE_FILE) {
        return "a file that is not there";
    }
    options.memory_limit = 1;
    if (attenuate_open_file(path, &options, &model, NULL) != ATTENUATE_OVER_MEMORY_LIMIT) {
        return "too little memory";
    }
    return NULL;
}

int main(int argument_count, char **arguments) {
    if (argument_count != 3) return 2;
    size_t byte_count = 0;
    char *bytes = read_file(arguments[1], &byte_count);
    if (bytes == NULL) return 2;
    int rounds = atoi(arguments[2]);
    for (int round = 0; round < rounds; round++) {
        long before = block_count;
        const char *unexpected = use(arguments[1], bytes, byte_count);
        if (unexpected != NULL) {
            fprintf(stderr, "repeated_use: %s\n", unexpected);
            return 1;
        }
        if (block_count != before) {
            fprintf(stderr, "repeated_use: %ld blocks more are in use\n", block_count - before);
            return 1;
        }
    }
    free(bytes);
    printf("all memory was given back\n");
    return 0;
}
