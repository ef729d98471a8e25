// Opens, runs and closes a model again and again, also in ways that fail, and checks that the
// memory in use does not grow.
//
//     repeated_use model.atn <rounds>
#include <attenuate.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 4096 };

static size_t bytes_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
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
    if (attenuate_run_text(model, 0, "mail", 4, NULL, 0, values, CAPACITY, NULL, NULL)) return "run";
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
    size_t before = 0;
    int rounds = atoi(arguments[2]);
    for (int round = 0; round < rounds; round++) {
        const char *unexpected = use(arguments[1], bytes, byte_count);
        if (unexpected != NULL) {
            fprintf(stderr, "repeated_use: %s\n", unexpected);
            return 1;
        }
        // The first rounds fill what the C library keeps for itself.
        if (round == rounds / 2) before = bytes_in_use();
    }
    size_t after = bytes_in_use();
    free(bytes);
    if (after > before) {
        fprintf(stderr, "repeated_use: %zu bytes more in use\n", after - before);
        return 1;
    }
    printf("the memory stays the same\n");
    return 0;
}
