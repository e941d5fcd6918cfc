// The factor against a naive Cholesky: sizes around the tile, every thread count the same bits, failing pivots named.
#include <cstring>
#include <limits>

#include "kernelgen/factor.hpp"
#include "reference.hpp"

using namespace kernelgen;
using reference::i64;

namespace {

template <class T>
double element(const TileLayout& layout, const T* L, i64 r, i64 c) {
  constexpr i64 G = group<T>;
  const i64 b = layout.tile, i = r / b, j = c / b, p = r % b, q = c % b;
  return double(L[layout.offset(i, j) + (p / G) * b * G + q * G + p % G]);
}

template <class T>
std::vector<T> factor(const Points& x, const Kernel& kernel, double ridge, i64 tile, int threads,
                      FactorOutcome& outcome) {
  const TileLayout layout{x.n, tile};
  std::vector<T> L(static_cast<std::size_t>(layout.tiles() * tile * tile));
  const GramTiles<T> K(x, kernel, ridge, tile, threads);
  Team team(threads, {}, factor_work(layout, x.d));
  outcome = factorize(K, layout, L.data(), team);
  return L;
}

template <class T>
void against_naive(i64 n, i64 tile) {
  const i64 d = 6;
  const auto values = reference::random_values<double>(n * d, 11);
  const Points x{values.data(), Dtype::f64, n, d, 1.0, nullptr};
  Kernel kernel{Shape::gaussian};
  kernel.bandwidth = 1.0;
  const double ridge = 0.25;
  auto A = reference::gram(x, x, kernel);
  for (i64 i = 0; i < n; ++i) A[static_cast<std::size_t>(i * n + i)] += ridge;
  const auto expected = reference::cholesky(A, n);
  const TileLayout layout{n, tile};
  FactorOutcome outcome;
  const auto L = factor<T>(x, kernel, ridge, tile, 2, outcome);
  CHECK(outcome.pivot_row == -1);
  double smallest = 1e300;
  i64 row = -1;
  for (i64 i = 0; i < n; ++i) {
    for (i64 j = 0; j <= i; ++j) {
      const double got = element(layout, L.data(), i, j),
                   want = expected[static_cast<std::size_t>(i * n + j)];
      CHECK(std::fabs(got - want) <= (sizeof(T) == 4 ? 2e-5 : 1e-13), "n=%ld tile=%ld (%ld, %ld): %g not %g",
            n, tile, i, j, got, want);
    }
    const double pivot = element(layout, L.data(), i, i) * element(layout, L.data(), i, i);
    if (pivot < smallest) {
      smallest = pivot;
      row = i;
    }
  }
  CHECK(outcome.min_pivot == smallest && outcome.min_pivot_row == row);
  FactorOutcome other;
  for (const int threads : {1, 3}) {
    const auto again = factor<T>(x, kernel, ridge, tile, threads, other);
    CHECK(std::memcmp(again.data(), L.data(), L.size() * sizeof(T)) == 0, "bits depend on %d threads",
          threads);
  }
}

template <class T>
void failing_pivot() {
  const i64 n = 150, d = 4;
  auto values = reference::random_values<double>(n * d, 12);
  for (i64 k = 0; k < d; ++k)
    values[static_cast<std::size_t>(101 * d + k)] = values[static_cast<std::size_t>(3 * d + k)];
  const Points x{values.data(), Dtype::f64, n, d, 1.0, nullptr};
  Kernel linear{Shape::linear};
  FactorOutcome outcome;
  factor<T>(x, linear, 0.0, 48, 2, outcome);
  CHECK(outcome.pivot_row >= d, "rank %ld is full, yet row %ld failed", d, outcome.pivot_row);
  Kernel custom{Shape::custom};  // -1 everywhere: fails at once
  custom.of = Quantity::distance;
  const TileLayout layout{n, 48};
  std::vector<T> L(static_cast<std::size_t>(layout.tiles() * 48 * 48));
  const GramTiles<T> K(x, custom, 0.0, 48, 1, [](T* block, i64 rows, i64 columns, i64 ld) {
    for (i64 j = 0; j < columns; ++j) {
      for (i64 i = 0; i < rows; ++i) block[i + j * ld] = T(-1);
    }
  });
  Team team(3, {}, 1.0);
  CHECK(factorize(K, layout, L.data(), team).pivot_row == 0);
  const GramTiles<T> undefined(x, custom, 0.0, 48, 1, [](T* block, i64 rows, i64 columns, i64 ld) {
    for (i64 j = 0; j < columns; ++j) {
      for (i64 i = 0; i < rows; ++i) block[i + j * ld] = i == j ? std::numeric_limits<T>::quiet_NaN() : T(0);
    }
  });
  Team other(3, {}, 1.0);
  CHECK(factorize(undefined, layout, L.data(), other).pivot_row == 0);
}

}  // namespace

int main() {
  reference::use_naive_lapack();
  for (const i64 n : {1, 2, 47, 48, 49, 95, 96, 97, 200}) {
    for (const i64 tile : {i64{48}, i64{96}}) {
      against_naive<float>(n, tile);
      against_naive<double>(n, tile);
    }
  }
  failing_pivot<float>();
  failing_pivot<double>();
  // Offsets stay 64-bit where n^2 passes 2^31 and 2^32.
  const TileLayout large{70000, 240};
  CHECK(large.offset(large.count() - 1, large.count() - 1) == (large.tiles() - 1) * 240 * 240);
  CHECK(large.tiles() * 240 * 240 > (i64{1} << 31));
  return reference::report("factor");
}
