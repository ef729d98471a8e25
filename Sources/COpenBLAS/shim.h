#pragma once
// OpenBLAS on Debian ships the C interface of BLAS but no lapacke.h.
#include <cblas.h>
