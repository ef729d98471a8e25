// One model that several threads use at the same time: each thread runs texts, tokenizes, and asks
// for labels and facts, and all must get the bits that one thread alone gets.
//
//     shared_model model.atn <threads> <rounds>
#include <attenuate.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const texts[] = {
    "Reads e-mail from several accounts", "", "a game of chess with three-dimensional boards",
    "library for fast Fourier transforms of any length, in several dimensions, with threads",
};
enum { TEXT_COUNT = sizeof texts / sizeof *texts, CAPACITY = 4096, TOKENS = 512 };

typedef struct {
    attenuate_status status;
    attenuate_result result;
    float values[CAPACITY];
    size_t token_count;
    int32_t ids[TOKENS];
} answer;

static attenuate_model *model;
static answer expected[TEXT_COUNT];
static int rounds;

static void ask(int text, answer *answer) {
    size_t length = strlen(texts[text]);
    memset(answer, 0, sizeof *answer);
    answer->status = attenuate_run_text(
        model, ATTENUATE_DEFAULT, texts[text], length, NULL, 0, answer->values, CAPACITY,
        &answer->result, NULL);
    if (answer->status != ATTENUATE_OK) return;
    answer->status = attenuate_tokenize(
        model, texts[text], length, NULL, 0, answer->ids, NULL, TOKENS, &answer->token_count, NULL,
        NULL);
}

/// Returns null, or what differs.
static void *work(void *argument) {
    int first = *(int *)argument;
    for (int round = 0; round < rounds; round++) {
        int text = (first + round) % TEXT_COUNT;
        answer found;
        ask(text, &found);
        if (memcmp(&found, &expected[text], sizeof found) != 0) return "an answer differs";
        attenuate_info info;
        if (attenuate_get_info(model, &info, NULL) != ATTENUATE_OK) return "no facts";
        if (info.class_count > 0 && attenuate_label(model, round % info.class_count) == NULL) {
            return "no label";
        }
        attenuate_error error;
        int32_t bad = -1;
        if (attenuate_run_ids(model, 0, &bad, NULL, 1, found.values, CAPACITY, NULL, &error)
                != ATTENUATE_INVALID_TOKENS
            || strstr(error.message, "-1") == NULL) {
            return "another error than that of the token";
        }
    }
    return NULL;
}

int main(int argument_count, char **arguments) {
    if (argument_count != 4) return 2;
    int thread_count = atoi(arguments[2]);
    rounds = atoi(arguments[3]);
    attenuate_error error;
    attenuate_options options = {.thread_count = 2};
    if (attenuate_open_file(arguments[1], &options, &model, &error) != ATTENUATE_OK) {
        fprintf(stderr, "shared_model: %s\n", error.message);
        return 3;
    }
    for (int text = 0; text < TEXT_COUNT; text++) {
        ask(text, &expected[text]);
        if (expected[text].status != ATTENUATE_OK) return 1;
    }
    pthread_t threads[64];
    int firsts[64];
    if (thread_count < 1 || thread_count > 64) return 2;
    for (int i = 0; i < thread_count; i++) {
        firsts[i] = i;
        if (pthread_create(&threads[i], NULL, work, &firsts[i]) != 0) return 1;
    }
    int status = 0;
    for (int i = 0; i < thread_count; i++) {
        void *difference = NULL;
        pthread_join(threads[i], &difference);
        if (difference != NULL) {
            fprintf(stderr, "shared_model: thread %d: %s\n", i, (const char *)difference);
            status = 1;
        }
    }
    attenuate_close(&model);
    if (model != NULL) status = 1;
    if (status == 0) printf("%d threads agree\n", thread_count);
    return status;
}
