// The few BLAS and LAPACK routines used, as pointers handed over at import (SciPy's capsules): no BLAS at link time.
// All are called on one tile at a time, so 32-bit Fortran integers are enough.
#pragma once

#include <cstdint>

namespace kernelgen {

template <class T>
struct Lapack {
  using trsm_t = void (*)(char*, char*, char*, char*, int*, int*, T*, T*, int*, T*, int*);
  using potrf_t = void (*)(char*, int*, T*, int*, int*);

  trsm_t trsm = nullptr;
  potrf_t potrf = nullptr;
};

// The table in use; filled once by the binding (or by a test).
template <class T>
Lapack<T>& lapack();

// B = B op(L)^-1 with L lower triangular, column-major
template <class T>
void trsm_right(char op, std::int64_t m, std::int64_t n, const T* L, std::int64_t ldl, T* B,
                std::int64_t ldb);

// B = L^-1 B
template <class T>
void trsm_left(std::int64_t m, std::int64_t n, const T* L, std::int64_t ldl, T* B, std::int64_t ldb);

// A = L in place (lower); 0, or the 1-based order of the leading minor that is not positive definite
template <class T>
std::int64_t potrf(std::int64_t n, T* A, std::int64_t lda);

}  // namespace kernelgen
