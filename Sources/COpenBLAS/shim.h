#pragma once
// OpenBLAS on Debian ships the C interface of BLAS but no lapacke.h.
#include <cblas.h>

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

/// Whether the processor has the instructions of OpenBLAS's kernels for Haswell, and the operating
/// system keeps their registers.
static inline int attenuate_has_avx2_and_fma(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    if ((c & (1u << 12)) == 0 || (c & (1u << 27)) == 0) return 0;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6) != 6) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    return (b & (1u << 5)) != 0;
#else
    return 0;
#endif
}
