// Attenuate: runs models of `.atn` containers, which `compress` makes, inside a program.
//
//     attenuate_model *model;
//     attenuate_error error;
//     if (attenuate_open_file("model.atn", NULL, &model, &error) != ATTENUATE_OK) {
//         fprintf(stderr, "model.atn: %s\n", error.message);
//         return 1;
//     }
//     attenuate_info info;
//     attenuate_get_info(model, &info, NULL);
//     float *scores = malloc((size_t)info.class_count * sizeof *scores);
//     attenuate_result result;
//     if (attenuate_run_text(
//             model, ATTENUATE_CLASSIFY, text, strlen(text), NULL, 0, scores,
//             (size_t)info.class_count, &result, &error) == ATTENUATE_OK) {
//         printf("%s %g\n", attenuate_label(model, result.best_class), scores[result.best_class]);
//     }
//     attenuate_close(&model);
//
// The numbers are those of `run-edge`: a container gives the same bits with every instruction set
// and number of threads.
//
// ERRORS. Functions that can fail return `ATTENUATE_OK`, which is 0, or the kind of the error, and
// put one English line into the caller's `attenuate_error`, or the empty text where all went well.
// Where the caller passes null for it, only the kind is told. After an error, buffers and results
// of the caller hold what they held, except where a function says otherwise. Null pointers that are
// not allowed, lengths that cannot be, damaged containers and text that is not UTF-8 are all errors
// of this kind; nothing is written to standard error, no signal is raised and the process is not
// ended, with two exceptions that cannot be told: a pointer that leads nowhere, and small
// allocations (texts, tokens, lists) that fail, at which the process ends. The large ones, weights
// and activations, fail with `ATTENUATE_OUT_OF_MEMORY`.
//
// OWNERSHIP. The caller owns every buffer that it passes. None is read or written after the
// function returns, with one exception: the bytes of `attenuate_open_memory`, until the model is
// closed. What the library returns as `const char *` belongs to the library; its comment says how
// long it lives.
//
// THREADS. There is no global state: models are independent of each other, and different ones may
// be used by different threads at the same time. One model may be used by several threads at the
// same time, too. `attenuate_run_ids` and `attenuate_run_text` compute one after another then, in no
// particular order; a call waits while another one computes. The other functions do not wait. The
// exception is `attenuate_close`: no other call with this model may be in progress or follow. To
// compute at the same time, open the model once for each thread with `thread_count` 1: the threads
// share the pages of the file but not the weights in the form in which the processor reads them.
// A model starts thread_count − 1 threads when it is opened and ends them when it is closed; they
// block all signals. A thread that calls the library needs 512 KiB of stack. After `fork`, models
// can be used by the parent only. Do not call the library from a signal handler.
//
// The library reads no environment variable, needs no locale and changes neither. It needs a C
// library (glibc) and nothing else. Models with images as inputs do not exist yet; there is no
// function for them.
#ifndef ATTENUATE_H
#define ATTENUATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The version of this header; `attenuate_version` gives that of the library.
#define ATTENUATE_VERSION "0.1.0"

/// The version of the library, which lives as long as the library is loaded.
const char *attenuate_version(void);

// MARK: Errors

/// What kind of an error it is. Further kinds may be added.
typedef int32_t attenuate_status;
enum {
    ATTENUATE_OK = 0,
    /// A null pointer, a length, an option or a task that cannot be, or a handle that is none.
    ATTENUATE_INVALID_ARGUMENT = 1,
    /// The operating system does not open or map the file.
    ATTENUATE_FILE = 2,
    /// The container is damaged, or needs a newer version of the library.
    ATTENUATE_INVALID_MODEL = 3,
    /// The model does not compute what the task needs, or has no tokenizer for text.
    ATTENUATE_UNSUPPORTED = 4,
    /// Unknown, or the processor does not have it.
    ATTENUATE_INSTRUCTION_SET = 5,
    /// Threads cannot be started.
    ATTENUATE_THREADS = 6,
    ATTENUATE_OUT_OF_MEMORY = 7,
    /// The model needs more than `memory_limit`.
    ATTENUATE_OVER_MEMORY_LIMIT = 8,
    /// The text is not UTF-8, or is longer than `ATTENUATE_MAXIMUM_TEXT_BYTES`.
    ATTENUATE_INVALID_TEXT = 9,
    /// No token, more than the model takes, or an id or type that the model does not have.
    ATTENUATE_INVALID_TOKENS = 10,
    /// The buffer is too small; the needed size was written.
    ATTENUATE_TOO_SMALL = 11,
    /// The model computed a value that is not finite for this input.
    ATTENUATE_NOT_FINITE = 12,
};

enum { ATTENUATE_MESSAGE_BYTES = 256 };

/// Why a call failed.
typedef struct attenuate_error {
    /// One line of UTF-8 without control characters, ended by a zero byte. A longer one is cut. It
    /// does not repeat the path of the model.
    char message[ATTENUATE_MESSAGE_BYTES];
} attenuate_error;

// MARK: Models

/// An opened model.
typedef struct attenuate_model attenuate_model;

/// How a model runs. All zeros, or null in its place, is the default.
typedef struct attenuate_options {
    /// How many threads compute, the calling one included: 1 … 1024, or 0 for the fast processors
    /// that the process may use. More than it may use are not started. Changes no result.
    int32_t thread_count;
    /// Must be 0.
    int32_t reserved_flags;
    /// Upper bound in bytes of the memory for weights, tables and activations of the longest input;
    /// a model that needs more is not opened. 0 for none.
    uint64_t memory_limit;
    /// `scalar`, `sse4`, `avx2`, `avxvnni`, `avx512vnni`, `neon`, `dotprod` or `i8mm`, ended by a
    /// zero byte; null for the fastest that the processor has. Changes no result.
    const char *instruction_set;
    /// Must be 0.
    uint64_t reserved[4];
} attenuate_options;

/// Opens the container at `path`, which ends with a zero byte.
///
/// The file is mapped: replace it by renaming another one, never by writing into it while a model is
/// open. On success `*model` is the model, to be given to `attenuate_close`; after an error null.
attenuate_status attenuate_open_file(
    const char *path, const attenuate_options *options, attenuate_model **model,
    attenuate_error *error);

/// Opens a container that lies in memory at a multiple of 8, as what `malloc` gives does.
///
/// The bytes stay the caller's and must stay there, unchanged, until the model is closed: tables are
/// read from them when tokens need them. On success `*model` is the model, to be given to
/// `attenuate_close`; after an error null.
attenuate_status attenuate_open_memory(
    const void *bytes, size_t byte_count, const attenuate_options *options,
    attenuate_model **model, attenuate_error *error);

/// Closes a model and sets `*model` to null, with which every function fails cleanly. Does nothing
/// where `model` or `*model` is null or where `*model` is seen to be closed or no model.
///
/// What a copy of the handle leads to does not exist any more; functions notice that often, not
/// always.
void attenuate_close(attenuate_model **model);

/// What to compute.
typedef int32_t attenuate_task;
enum {
    /// What the model was made for: `attenuate_info.task`. Of one that generates text, the plain
    /// tensor: this interface has no steps.
    ATTENUATE_DEFAULT = 0,
    /// One vector for the input: 1 row of `embedding_size` floats.
    ATTENUATE_EMBED = 1,
    /// The probabilities of the classes: 1 row of `class_count` floats that add to 1.
    ATTENUATE_CLASSIFY = 2,
    /// The plain tensor: the logits of a model with a head, else the last hidden state, a row for
    /// each token. `raw_row_count` rows of `raw_column_count` floats.
    ATTENUATE_RAW = 3,
};

/// What a model is and needs.
typedef struct attenuate_info {
    /// What the model was made for, never `ATTENUATE_DEFAULT`.
    attenuate_task task;
    /// The most tokens of an input, special ones included.
    int32_t maximum_tokens;
    /// Token ids are 0 ..< this.
    int32_t vocabulary_size;
    /// Token types are 0 ..< this; 0 where the model reads none.
    int32_t type_count;
    /// 1 if the model takes text, 0 if it takes token ids only.
    int32_t has_tokenizer;
    /// Floats of `ATTENUATE_EMBED`, or 0 where the model computes none.
    int32_t embedding_size;
    /// Floats of `ATTENUATE_CLASSIFY`, or 0 where the model computes none.
    int32_t class_count;
    /// Rows of `ATTENUATE_RAW`, or 0 for one for each token.
    int32_t raw_row_count;
    /// Floats of a row of `ATTENUATE_RAW`, or 0 where the model computes neither.
    int32_t raw_column_count;
    /// How many threads compute.
    int32_t thread_count;
    /// What the weights, tables and activations of the longest input take together. The file that
    /// is mapped and the code come on top.
    uint64_t memory_bytes;
    /// The kernels that compute; lives as long as the library is loaded.
    const char *instruction_set;
    /// 0.
    uint64_t reserved[4];
} attenuate_info;

attenuate_status attenuate_get_info(
    const attenuate_model *model, attenuate_info *info, attenuate_error *error);

/// The name of a class in UTF-8, which lives until the model is closed; for classes that the model
/// has no name for, their number. Null where there is no such class or model. A name with a zero
/// byte in it ends there.
const char *attenuate_label(const attenuate_model *model, int32_t class_index);

// MARK: Text and tokens

/// The most bytes of a text.
enum { ATTENUATE_MAXIMUM_TEXT_BYTES = 16777216 };

/// The tokens that the model takes for a text, or for a pair of texts, special tokens included.
///
/// A text with more tokens than the model takes is cut, of a pair the longer one first; `*total` says
/// how many tokens there would be without that.
///
/// - text, pair: UTF-8 with their lengths in bytes; a zero byte is a character as any other. `pair`
///   may be null for none, with the length 0.
/// - ids, type_ids: buffers for `capacity` numbers each; null only if `capacity` is 0, `type_ids`
///   also if they are not wanted.
/// - count: gets the number of tokens, also with `ATTENUATE_TOO_SMALL`. So a call with the capacity
///   0 asks for it.
/// - total: gets the number without cutting, in the same cases; may be null.
attenuate_status attenuate_tokenize(
    const attenuate_model *model, const char *text, size_t text_length, const char *pair,
    size_t pair_length, int32_t *ids, int32_t *type_ids, size_t capacity, size_t *count,
    size_t *total, attenuate_error *error);

// MARK: Running

/// The shape of what was computed, and of which input.
typedef struct attenuate_result {
    size_t row_count;
    size_t column_count;
    /// Tokens that the model read.
    size_t token_count;
    /// Tokens that there would be if the text had not been cut; `token_count` where it was not.
    size_t total_token_count;
    /// `ATTENUATE_CLASSIFY`: the class with the highest probability, the first of equals. Else −1.
    int32_t best_class;
} attenuate_result;

/// Runs the model for a text, or for a pair of texts, which is cut as by `attenuate_tokenize`.
///
/// - text, pair: as of `attenuate_tokenize`.
/// - values: gets `row_count` × `column_count` floats, row by row; null only if `capacity` is 0.
/// - capacity: of `values`, in floats. Where it is too small, nothing is computed and `result` tells
///   what is needed. So a call with the capacity 0 asks for the size.
/// - result: gets the shape, also with `ATTENUATE_TOO_SMALL`, where `best_class` is −1; may be null.
attenuate_status attenuate_run_text(
    attenuate_model *model, attenuate_task task, const char *text, size_t text_length,
    const char *pair, size_t pair_length, float *values, size_t capacity,
    attenuate_result *result, attenuate_error *error);

/// Runs the model for tokens, which are never cut: more than the model takes are an error.
///
/// - ids: `count` token ids, special tokens included; 1 … `maximum_tokens`.
/// - type_ids: the type of each token, or null for type 0 everywhere.
/// - values, capacity, result: as of `attenuate_run_text`. With `ATTENUATE_TOO_SMALL` the ids were
///   counted, not checked.
attenuate_status attenuate_run_ids(
    attenuate_model *model, attenuate_task task, const int32_t *ids, const int32_t *type_ids,
    size_t count, float *values, size_t capacity, attenuate_result *result,
    attenuate_error *error);

#ifdef __cplusplus
}
#endif

#endif
