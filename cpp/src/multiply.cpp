#include "kernelgen/multiply.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernelgen/lapack.hpp"

namespace kernelgen {

namespace {

using i64 = std::int64_t;
using Flags = std::vector<std::atomic<std::int32_t>>;
constexpr i64 b = product_block;

// Row-major (n x c) to column-major (padded x c), rows past n zero.
template <class T>
Buffer<T> columns_of(i64 n, i64 padded, i64 c, const T* rows) {
  Buffer<T> out(padded * c);
  std::fill(out.data(), out.data() + out.size(), T(0));
  for (i64 r = 0; r < n; ++r) {
    for (i64 q = 0; q < c; ++q) out[r + q * padded] = rows[r * c + q];
  }
  return out;
}

void mirror_lower(double* A) {
  for (i64 j = 0; j < b; ++j) {
    for (i64 i = j + 1; i < b; ++i) A[j + i * b] = A[i + j * b];
  }
}

void absolute_sums(const double* A, double* rows, double* columns) {
  std::fill(rows, rows + b, 0.0);
  for (i64 j = 0; j < b; ++j) {
    double sum = 0.0;
    for (i64 i = 0; i < b; ++i) {
      const double value = std::fabs(A[i + j * b]);
      rows[i] += value;
      sum += value;
    }
    columns[j] = sum;
  }
}

}  // namespace

double multiply_work(i64 n, i64 features, i64 c) {
  return 0.5 * double(n) * double(n) * double(features + 2 * c);
}

void multiply(const GramTiles<double>& K, i64 c, const double* P, double* out, double* row_sums, Team& team) {
  const i64 n = K.rows(), nb = (n + b - 1) / b, padded = nb * b;
  const Buffer<double> p = columns_of(n, padded, c, P);
  // Block r of the result receives one term from each of the nb blocks of row r; term number s comes from the block
  // whose other index is s, and terms are added in that order, so that the sum does not depend on the threads.
  Flags terms(static_cast<std::size_t>(nb));
  std::fill(out, out + n * c, 0.0);
  std::fill(row_sums, row_sums + n, 0.0);
  const auto add = [&](i64 r, i64 term, const double* block, const double* sums) {
    std::atomic<std::int32_t>& turn = terms[static_cast<std::size_t>(r)];
    if (!team.wait(turn, static_cast<std::int32_t>(term))) return false;
    const i64 live = std::min(b, n - r * b);
    for (i64 i = 0; i < live; ++i) {
      for (i64 q = 0; q < c; ++q) out[(r * b + i) * c + q] += block[i + q * b];
      row_sums[r * b + i] += sums[i];
    }
    turn.store(static_cast<std::int32_t>(term + 1), std::memory_order_release);
    return true;
  };

  std::atomic<i64> next{0};
  const i64 tasks = nb * (nb + 1) / 2;
  team.run([&](int) {
    Buffer<double> A(b * b), row_block(b * c), column_block(b * c), rows(b), columns(b);
    Buffer<std::int32_t> words;
    // Task t in column order: column k holds the nb - k blocks (k, k) .. (nb - 1, k).
    i64 k = 0, first = 0;
    for (i64 t = next++; t < tasks && !team.stopped(); t = next++) {
      while (t >= first + nb - k) {
        first += nb - k;
        ++k;
      }
      const i64 i = k + (t - first);
      K.fill(i * b, b, k * b, b, A.data(), b, words, i == k ? Part::lower : Part::all);
      if (i == k) mirror_lower(A.data());
      absolute_sums(A.data(), rows.data(), columns.data());
      gemm('N', 'N', b, c, b, A.data(), b, p.data() + k * b, padded, 0.0, row_block.data(), b);
      if (!add(i, k, row_block.data(), rows.data())) return;
      if (i != k) {
        gemm('T', 'N', b, c, b, A.data(), b, p.data() + i * b, padded, 0.0, column_block.data(), b);
        if (!add(k, i, column_block.data(), columns.data())) return;
      }
      team.add_work(double(b) * double(b) * double(K.features() + 2 * c));
    }
  });
}

template <class T>
void cross_multiply(const GramTiles<T>& K, i64 c, const T* alpha, T* out, Team& team) {
  const i64 m = K.rows(), n = K.columns();
  const i64 mb = (m + b - 1) / b, nb = (n + b - 1) / b, padded = nb * b;
  const Buffer<T> a = columns_of(n, padded, c, alpha);
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> A(b * b), sum(b * c);
    Buffer<std::int32_t> words;
    for (i64 i = next++; i < mb; i = next++) {
      for (i64 k = 0; k < nb; ++k) {
        if (team.stopped()) return;
        K.fill(i * b, b, k * b, b, A.data(), b, words);
        gemm('N', 'N', b, c, b, A.data(), b, a.data() + k * b, padded, T(k == 0 ? 0 : 1), sum.data(), b);
        team.add_work(double(b) * double(b) * double(K.features() + c));
      }
      for (i64 r = 0; r < std::min(b, m - i * b); ++r) {
        for (i64 q = 0; q < c; ++q) out[(i * b + r) * c + q] = sum[r + q * b];
      }
    }
  });
}

template <class T>
void dense(const GramTiles<T>& K, T* out, Team& team) {
  const i64 m = K.rows(), n = K.columns();
  const i64 mb = (m + b - 1) / b, nb = (n + b - 1) / b;
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> A(b * b);
    Buffer<std::int32_t> words;
    for (i64 t = next++; t < mb * nb && !team.stopped(); t = next++) {
      const i64 i = t / nb, k = t % nb;
      K.fill(i * b, b, k * b, b, A.data(), b, words);
      for (i64 r = 0; r < std::min(b, m - i * b); ++r) {
        for (i64 q = 0; q < std::min(b, n - k * b); ++q) out[(i * b + r) * n + k * b + q] = A[r + q * b];
      }
      team.add_work(double(b) * double(b) * double(K.features()));
    }
  });
}

#define KERNELGEN_INSTANTIATE(T)                                                                             \
  template void cross_multiply(const GramTiles<T>&, std::int64_t, const T*, T*, Team&);                      \
  template void dense(const GramTiles<T>&, T*, Team&);
KERNELGEN_INSTANTIATE(float)
KERNELGEN_INSTANTIATE(double)

}  // namespace kernelgen
