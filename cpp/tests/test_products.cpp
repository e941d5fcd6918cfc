// Inner products added block by block, and K from them, against the formula on all features at once.
#include <cstring>

#include "kernelgen/multiply.hpp"
#include "kernelgen/products.hpp"
#include "reference.hpp"

using namespace kernelgen;
using reference::i64;

namespace {

template <class T>
std::vector<T> grouped(const std::vector<double>& rows, i64 n, i64 padded, i64 d, i64 first, i64 depth) {
  constexpr i64 G = group<T>;
  std::vector<T> out(static_cast<std::size_t>(padded * depth), T(0));
  for (i64 i = 0; i < n; ++i) {
    for (i64 k = 0; k < depth; ++k) {
      out[static_cast<std::size_t>(i / G * depth * G + k * G + i % G)] =
          static_cast<T>(rows[static_cast<std::size_t>(i * d + first + k)]);
    }
  }
  return out;
}

template <class T>
void check(i64 n, i64 d, const char* level) {
  const auto rows = reference::random_values<double>(n * d, 41);
  const TileLayout layout{n, 48};
  std::vector<double> tiles(static_cast<std::size_t>(layout.tiles() * 48 * 48), 0.0), first;
  for (const int threads : {1, 2}) {
    std::fill(tiles.begin(), tiles.end(), 0.0);
    for (i64 k = 0; k < d; k += 500) {
      const i64 depth = std::min<i64>(500, d - k);
      const auto Phi = grouped<T>(rows, n, layout.padded(), d, k, depth);
      Team team(threads, {}, 1.0);
      add_products(layout, depth, Phi.data(), tiles.data(), team);
    }
    if (first.empty()) first = tiles;
    CHECK(std::memcmp(first.data(), tiles.data(), tiles.size() * sizeof(double)) == 0,
          "bits depend on the threads");
  }
  const Products products{layout, tiles.data()};
  Kernel gaussian{Shape::gaussian}, linear{Shape::linear}, polynomial{Shape::polynomial};
  gaussian.bandwidth = std::sqrt(double(d));
  polynomial.degree = 2;
  polynomial.normalize = true;
  for (const Kernel& kernel : {gaussian, linear, polynomial}) {
    Kernel plain = kernel;
    auto reals = rows;
    if (kernel.normalize) {
      for (i64 i = 0; i < n; ++i) {
        double square = 0.0;
        for (i64 k = 0; k < d; ++k)
          square += rows[static_cast<std::size_t>(i * d + k)] * rows[static_cast<std::size_t>(i * d + k)];
        for (i64 k = 0; k < d; ++k) reals[static_cast<std::size_t>(i * d + k)] /= std::sqrt(square);
      }
      plain.normalize = false;
    }
    const Points z{reals.data(), Dtype::f64, n, d, 1.0, nullptr};
    const auto expected = reference::gram(z, z, plain);
    std::vector<double> ones(static_cast<std::size_t>(n), 1.0), out(ones.size()), sums(ones.size());
    Team team(2, {}, 1.0);
    const double ridge = 0.5;
    multiply(GramTiles<double>(products, kernel, ridge), 1, ones.data(), out.data(), sums.data(), team);
    const double tolerance =
        (sizeof(T) == 4 ? 2e-6 : 1e-13) * (kernel.shape == Shape::linear ? 2.0 * double(d) : 2.0);
    for (i64 i = 0; i < n; ++i) {
      double sum = ridge;
      for (i64 j = 0; j < n; ++j) sum += expected[static_cast<std::size_t>(i * n + j)];
      CHECK(std::fabs(out[static_cast<std::size_t>(i)] - sum) <= tolerance * double(n),
            "%s n=%ld d=%ld row %ld: %g %g", level, n, d, i, out[static_cast<std::size_t>(i)], sum);
    }
  }
}

}  // namespace

int main() {
  reference::use_naive_lapack();
  for (const SimdTable* table : supported_tables()) {
    set_simd(table->name);
    for (const i64 n : {i64{1}, i64{48}, i64{200}, i64{430}}) {
      for (const i64 d : {i64{3}, i64{1300}}) {
        check<float>(n, d, table->name.data());
        check<double>(n, d, table->name.data());
      }
    }
  }
  return reference::report("products");
}
