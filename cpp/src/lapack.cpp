#include "kernelgen/lapack.hpp"

namespace kernelgen {

template <class T>
Lapack<T>& lapack() {
  static Lapack<T> table;
  return table;
}

template <class T>
void gemm(char op_a, char op_b, std::int64_t m, std::int64_t n, std::int64_t k, const T* A, std::int64_t lda,
          const T* B, std::int64_t ldb, T beta, T* C, std::int64_t ldc) {
  int mi = static_cast<int>(m), ni = static_cast<int>(n), ki = static_cast<int>(k);
  int la = static_cast<int>(lda), lb = static_cast<int>(ldb), lc = static_cast<int>(ldc);
  T one = 1;
  lapack<T>().gemm(&op_a, &op_b, &mi, &ni, &ki, &one, const_cast<T*>(A), &la, const_cast<T*>(B), &lb, &beta,
                   C, &lc);
}

namespace {
template <class T>
void trsm(char side, char op, std::int64_t m, std::int64_t n, const T* L, std::int64_t ldl, T* B,
          std::int64_t ldb) {
  char lower = 'L', diag = 'N';
  int mi = static_cast<int>(m), ni = static_cast<int>(n), ll = static_cast<int>(ldl),
      lb = static_cast<int>(ldb);
  T one = 1;
  lapack<T>().trsm(&side, &lower, &op, &diag, &mi, &ni, &one, const_cast<T*>(L), &ll, B, &lb);
}
}  // namespace

template <class T>
void trsm_right(char op, std::int64_t m, std::int64_t n, const T* L, std::int64_t ldl, T* B,
                std::int64_t ldb) {
  trsm('R', op, m, n, L, ldl, B, ldb);
}

template <class T>
void trsm_left(std::int64_t m, std::int64_t n, const T* L, std::int64_t ldl, T* B, std::int64_t ldb) {
  trsm('L', 'N', m, n, L, ldl, B, ldb);
}

template <class T>
std::int64_t potrf(std::int64_t n, T* A, std::int64_t lda) {
  char lower = 'L';
  int ni = static_cast<int>(n), la = static_cast<int>(lda), info = 0;
  lapack<T>().potrf(&lower, &ni, A, &la, &info);
  return info;
}

#define KERNELGEN_INSTANTIATE(T)                                                                             \
  template Lapack<T>& lapack<T>();                                                                           \
  template void gemm(char, char, std::int64_t, std::int64_t, std::int64_t, const T*, std::int64_t, const T*, \
                     std::int64_t, T, T*, std::int64_t);                                                     \
  template void trsm_right(char, std::int64_t, std::int64_t, const T*, std::int64_t, T*, std::int64_t);      \
  template void trsm_left(std::int64_t, std::int64_t, const T*, std::int64_t, T*, std::int64_t);             \
  template std::int64_t potrf(std::int64_t, T*, std::int64_t);
KERNELGEN_INSTANTIATE(float)
KERNELGEN_INSTANTIATE(double)

}  // namespace kernelgen
