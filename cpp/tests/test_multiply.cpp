// Products with K against sums over the formula; the same bits for every number of threads.
#include <cstring>

#include "kernelgen/multiply.hpp"
#include "reference.hpp"

using namespace kernelgen;
using reference::i64;

int main() {
  reference::use_naive_lapack();
  Kernel kernel{Shape::polynomial};
  kernel.degree = 3;
  kernel.gamma = 0.3;
  for (const i64 n : {1, 191, 192, 193, 500}) {
    for (const i64 c : {1, 7}) {
      const i64 d = 4, m = 60;
      const auto values = reference::random_values<double>(n * d, 31),
                 others = reference::random_values<double>(m * d, 32);
      const Points x{values.data(), Dtype::f64, n, d, 1.0, nullptr},
          z{others.data(), Dtype::f64, m, d, 1.0, nullptr};
      const auto A = reference::gram(x, x, kernel), B = reference::gram(z, x, kernel);
      const auto P = reference::random_values<double>(n * c, 33);
      const double ridge = 2.0;
      std::vector<double> out(P.size()), sums(static_cast<std::size_t>(n)), first;
      for (const int threads : {1, 2, 3}) {
        Team team(threads, {}, 1.0);
        multiply(GramTiles<double>(x, kernel, ridge, product_block, threads), c, P.data(), out.data(),
                 sums.data(), team);
        if (first.empty()) first = out;
        CHECK(std::memcmp(first.data(), out.data(), out.size() * sizeof(double)) == 0,
              "bits depend on %d threads", threads);
      }
      for (i64 i = 0; i < n; ++i) {
        double sum = 0.0;
        for (i64 j = 0; j < n; ++j)
          sum += std::fabs(A[static_cast<std::size_t>(i * n + j)] + (i == j ? ridge : 0.0));
        CHECK(std::fabs(sums[static_cast<std::size_t>(i)] - sum) <= 1e-12 * sum);
        for (i64 q = 0; q < c; ++q) {
          double expected = ridge * P[static_cast<std::size_t>(i * c + q)];
          for (i64 j = 0; j < n; ++j)
            expected += A[static_cast<std::size_t>(i * n + j)] * P[static_cast<std::size_t>(j * c + q)];
          CHECK(std::fabs(out[static_cast<std::size_t>(i * c + q)] - expected) <= 1e-11 * sum,
                "n=%ld (%ld, %ld)", n, i, q);
        }
      }
      std::vector<double> cross(static_cast<std::size_t>(m * c));
      Team team(2, {}, 1.0);
      cross_multiply(GramTiles<double>(z, x, kernel, product_block, 2), c, P.data(), cross.data(), team);
      for (i64 i = 0; i < m; ++i) {
        for (i64 q = 0; q < c; ++q) {
          double expected = 0.0, size = 0.0;
          for (i64 j = 0; j < n; ++j) {
            const double term =
                B[static_cast<std::size_t>(i * n + j)] * P[static_cast<std::size_t>(j * c + q)];
            expected += term;
            size += std::fabs(term);
          }
          CHECK(std::fabs(cross[static_cast<std::size_t>(i * c + q)] - expected) <= 1e-12 * size + 1e-12,
                "cross");
        }
      }
    }
  }
  return reference::report("multiply");
}
