#include "kernelgen/lapack.hpp"

namespace kernelgen {

template <class T>
Lapack<T>& lapack() {
  static Lapack<T> table;
  return table;
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
  template void trsm_right(char, std::int64_t, std::int64_t, const T*, std::int64_t, T*, std::int64_t);      \
  template void trsm_left(std::int64_t, std::int64_t, const T*, std::int64_t, T*, std::int64_t);             \
  template std::int64_t potrf(std::int64_t, T*, std::int64_t);
KERNELGEN_INSTANTIATE(float)
KERNELGEN_INSTANTIATE(double)

}  // namespace kernelgen
