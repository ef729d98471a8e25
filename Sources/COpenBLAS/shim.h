#pragma once
// OpenBLAS on Debian ships the C interface of BLAS but no lapacke.h.
#include <cblas.h>
#include <malloc.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

// LAPACK as Fortran exports it, with the arguments and storage that the LAPACK Users' Guide gives:
// every argument by address, matrices column after column, a hidden length for every character.
void dpotrf_(
    const char *uplo, const int *n, double *a, const int *lda, int *info, unsigned long uplo_length);
void dpotri_(
    const char *uplo, const int *n, double *a, const int *lda, int *info, unsigned long uplo_length);
void dpotrs_(
    const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda, double *b,
    const int *ldb, int *info, unsigned long uplo_length);
void dgesdd_(
    const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s, double *u,
    const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork, int *iwork,
    int *info, unsigned long jobz_length);

/// Has `malloc` keep blocks of up to `largest` bytes that were freed, and `spare` bytes of them at its
/// end, for those that come next.
static inline void attenuate_keep_freed_memory(int largest, int spare) {
    mallopt(M_MMAP_THRESHOLD, largest);
    mallopt(M_TRIM_THRESHOLD, spare);
}

/// How wide the vectors are that the processor has and the operating system keeps, in bits: 512 with
/// the instructions of OpenBLAS's kernels for Skylake servers, 256 with those for Haswell, else 0.
static inline int attenuate_vector_bits(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    // FMA, and that xgetbv may be asked.
    if ((c & (1u << 12)) == 0 || (c & (1u << 27)) == 0) return 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 0x06) != 0x06) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if ((b & (1u << 5)) == 0) return 0;
    // AVX-512 F, DQ, CD, BW and VL.
    const unsigned wide = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
    return (b & wide) == wide && (low & 0xe6) == 0xe6 ? 512 : 256;
#else
    return 0;
#endif
}
