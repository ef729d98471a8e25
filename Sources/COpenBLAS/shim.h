#pragma once
// OpenBLAS on Debian ships the C interface of BLAS but no lapacke.h.
#include <cblas.h>

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
