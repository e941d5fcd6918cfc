// Solves and the diagonal of the inverse against residuals in double, for many right-hand sides and thread counts.
#include <cstring>

#include "kernelgen/factor.hpp"
#include "kernelgen/solve.hpp"
#include "reference.hpp"

using namespace kernelgen;
using reference::i64;

namespace {

template <class T>
void check(i64 n, i64 tile, i64 c) {
  const i64 d = 5;
  const auto values = reference::random_values<double>(n * d, 21);
  const Points x{values.data(), Dtype::f64, n, d, 1.0, nullptr};
  Kernel kernel{Shape::gaussian};
  kernel.bandwidth = 0.7;
  const double ridge = 0.5;
  const TileLayout layout{n, tile};
  std::vector<T> L(static_cast<std::size_t>(layout.tiles() * tile * tile));
  Team team(2, {}, 1.0);
  factorize(GramTiles<T>(x, kernel, ridge, tile, 2), layout, L.data(), team);

  auto A = reference::gram(x, x, kernel);
  for (i64 i = 0; i < n; ++i) A[static_cast<std::size_t>(i * n + i)] += ridge;
  const auto B = reference::random_values<T>(n * c, 22);
  std::vector<T> X(B.size()), again(B.size());
  solve(layout, L.data(), c, B.data(), X.data(), team);
  const double tolerance = sizeof(T) == 4 ? 2e-4 : 1e-12;
  for (i64 i = 0; i < n; ++i) {
    for (i64 q = 0; q < c; ++q) {
      double residual = -double(B[static_cast<std::size_t>(i * c + q)]);
      for (i64 j = 0; j < n; ++j)
        residual += A[static_cast<std::size_t>(i * n + j)] * double(X[static_cast<std::size_t>(j * c + q)]);
      CHECK(std::fabs(residual) <= tolerance, "n=%ld tile=%ld c=%ld (%ld, %ld): residual %g", n, tile, c, i,
            q, residual);
    }
  }
  for (const int threads : {1, 3}) {
    Team other(threads, {}, 1.0);
    solve(layout, L.data(), c, B.data(), again.data(), other);
    CHECK(std::memcmp(again.data(), X.data(), X.size() * sizeof(T)) == 0, "bits depend on %d threads",
          threads);
  }

  // |L^-1 e_i|^2 = e_i^T A^-1 e_i, by solves with unit vectors in double.
  std::vector<double> diagonal(static_cast<std::size_t>(n));
  diag_inverse(layout, L.data(), diagonal.data(), team);
  const auto R = reference::cholesky(A, n);
  for (i64 e = 0; e < n; ++e) {
    double expected = 0.0;
    std::vector<double> y(static_cast<std::size_t>(n), 0.0);
    for (i64 i = e; i < n; ++i) {
      double v = i == e ? 1.0 : 0.0;
      for (i64 j = e; j < i; ++j)
        v -= R[static_cast<std::size_t>(i * n + j)] * y[static_cast<std::size_t>(j)];
      y[static_cast<std::size_t>(i)] = v / R[static_cast<std::size_t>(i * n + i)];
      expected += y[static_cast<std::size_t>(i)] * y[static_cast<std::size_t>(i)];
    }
    CHECK(std::fabs(diagonal[static_cast<std::size_t>(e)] - expected) <= tolerance * expected, "diagonal %ld",
          e);
  }
}

}  // namespace

int main() {
  reference::use_naive_lapack();
  for (const i64 n : {1, 47, 48, 97, 200}) {
    for (const i64 tile : {i64{48}, i64{96}}) {
      for (const i64 c : {1, 8, 17}) {
        check<float>(n, tile, c);
        check<double>(n, tile, c);
      }
    }
  }
  return reference::report("solve");
}
