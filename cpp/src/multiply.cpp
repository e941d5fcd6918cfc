#include "kernelgen/multiply.hpp"

#include <algorithm>
#include <vector>

#include "kernelgen/right_hand_sides.hpp"

namespace kernelgen {

namespace {

using i64 = std::int64_t;
using Flags = std::vector<std::atomic<std::int32_t>>;
constexpr i64 b = product_block;

void mirror_lower(double* A) {
  for (i64 j = 0; j < b; ++j) {
    for (i64 i = j + 1; i < b; ++i) A[j + i * b] = A[i + j * b];
  }
}

}  // namespace

double multiply_work(i64 n, i64 features, i64 c) {
  return 0.5 * double(n) * double(n) * double(features + 2 * c);
}

void multiply(const GramTiles<double>& K, i64 c, const double* P, double* out, double* row_sums, Team& team) {
  constexpr i64 G = group<double>;
  const RealLoops<double>& loops = simd().real<double>();
  const i64 n = K.rows(), nb = (n + b - 1) / b;
  RightHandSides<double> p(n, nb * b, c);
  p.read(P);
  // Block r of the result receives one term from each of the nb blocks of row r; term number s comes from the block
  // whose other index is s, and terms are added in that order, so that the sum does not depend on the threads.
  // The loops subtract: a term is minus what was accumulated.
  Flags terms(static_cast<std::size_t>(nb));
  std::fill(out, out + n * c, 0.0);
  std::fill(row_sums, row_sums + n, 0.0);
  const auto add = [&](i64 r, i64 term, const auto& element, const double* sums) {
    std::atomic<std::int32_t>& turn = terms[static_cast<std::size_t>(r)];
    if (!team.wait(turn, static_cast<std::int32_t>(term))) return false;
    const i64 live = std::min(b, n - r * b);
    for (i64 i = 0; i < live; ++i) {
      for (i64 q = 0; q < c; ++q) out[(r * b + i) * c + q] -= element(i, q);
      row_sums[r * b + i] += sums[i];
    }
    turn.store(static_cast<std::int32_t>(term + 1), std::memory_order_release);
    return true;
  };

  std::atomic<i64> next{0};
  const i64 tasks = nb * (nb + 1) / 2, width = p.groups * G;
  team.run([&](int) {
    Buffer<double> A(b * b), sum(b * width), rows(b), columns(b);
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
      std::fill(rows.data(), rows.data() + b, 0.0);
      for (i64 j = 0; j < b; ++j) columns[j] = loops.absolute_sums(b, A.data() + j * b, rows.data());

      // out(i) += K(i, k) P(k)
      std::fill(sum.data(), sum.data() + b * width, 0.0);
      loops.dense_product(b, width, b, A.data(), b, p.block(0, k * b), p.ld, sum.data(), b);
      if (!add(i, k, [&](i64 r, i64 q) { return sum[r + q * b]; }, rows.data())) return;
      if (i != k) {
        // out(k) += K(i, k)^T P(i)
        std::fill(sum.data(), sum.data() + b * width, 0.0);
        for (i64 g = 0; g < p.groups; ++g) {
          loops.dense_transposed_product(b, b, A.data(), b, p.block(g, i * b), sum.data() + g * b * G);
        }
        const auto element = [&](i64 r, i64 q) { return sum[(q / G) * b * G + r * G + q % G]; };
        if (!add(k, i, element, columns.data())) return;
      }
      team.add_work(double(b) * double(b) * double(K.features() + 2 * c));
    }
  });
}

template <class T>
void cross_multiply(const GramTiles<T>& K, i64 c, const T* alpha, T* out, Team& team) {
  const RealLoops<T>& loops = simd().template real<T>();
  const i64 m = K.rows(), n = K.columns();
  const i64 mb = (m + b - 1) / b, nb = (n + b - 1) / b;
  RightHandSides<T> a(n, nb * b, c);
  a.read(alpha);
  const i64 width = a.groups * group<T>;
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> A(b * b), sum(b * width);
    Buffer<std::int32_t> words;
    for (i64 i = next++; i < mb; i = next++) {
      std::fill(sum.data(), sum.data() + b * width, T(0));
      for (i64 k = 0; k < nb; ++k) {
        if (team.stopped()) return;
        K.fill(i * b, b, k * b, b, A.data(), b, words);
        loops.dense_product(b, width, b, A.data(), b, a.block(0, k * b), a.ld, sum.data(), b);
        team.add_work(double(b) * double(b) * double(K.features() + c));
      }
      for (i64 r = 0; r < std::min(b, m - i * b); ++r) {
        for (i64 q = 0; q < c; ++q) out[(i * b + r) * c + q] = -sum[r + q * b];
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
