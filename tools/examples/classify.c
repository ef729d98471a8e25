// Classifies texts with a model of Attenuate:
//
//     tools/build-library host
//     cc tools/examples/classify.c -I .build/device/host/include -L .build/device/host/lib
//         -l attenuate -o classify
//     LD_LIBRARY_PATH=.build/device/host/lib ./classify model.atn "first text" "second text"
//
// With a model that has no classes, prints the embeddings.
#include <attenuate.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Prints numbers so that they read back to the same bits.
static void print_values(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++) printf(" %.9g", (double)values[i]);
    printf("\n");
}

static bool answer(attenuate_model *model, const attenuate_info *info, const char *text) {
    bool has_classes = info->class_count > 0;
    attenuate_task task = has_classes ? ATTENUATE_CLASSIFY : ATTENUATE_EMBED;
    size_t capacity = (size_t)(has_classes ? info->class_count : info->embedding_size);
    float *values = malloc((capacity > 0 ? capacity : 1) * sizeof *values);
    if (values == NULL) {
        fprintf(stderr, "classify: no memory for %zu floats\n", capacity);
        return false;
    }
    attenuate_result result;
    attenuate_error error;
    attenuate_status status = attenuate_run_text(
        model, task, text, strlen(text), NULL, 0, values, capacity, &result, &error);
    if (status != ATTENUATE_OK) {
        fprintf(stderr, "classify: %s\n", error.message);
    } else {
        if (result.total_token_count > result.token_count) {
            fprintf(
                stderr, "classify: the text has %zu tokens, %zu fit\n", result.total_token_count,
                result.token_count);
        }
        printf("%s", has_classes ? attenuate_label(model, result.best_class) : "embedding");
        print_values(values, capacity);
    }
    free(values);
    return status == ATTENUATE_OK;
}

int main(int argument_count, char **arguments) {
    if (argument_count < 3) {
        fprintf(stderr, "usage: classify model.atn text...\n");
        return 2;
    }
    const char *path = arguments[1];
    attenuate_model *model;
    attenuate_error error;
    attenuate_info info;
    if (attenuate_open_file(path, NULL, &model, &error) != ATTENUATE_OK
        || attenuate_get_info(model, &info, &error) != ATTENUATE_OK) {
        fprintf(stderr, "classify: %s: %s\n", path, error.message);
        attenuate_close(&model);
        return 3;
    }
    bool is_done = true;
    for (int i = 2; i < argument_count; i++) {
        if (!answer(model, &info, arguments[i])) is_done = false;
    }
    attenuate_close(&model);
    return is_done ? 0 : 1;
}
