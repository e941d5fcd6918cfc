// Every instruction set against naive loops: products, transposed products, exact byte products, exponentials.
#include <cstring>
#include <limits>

#include "kernelgen/simd.hpp"
#include "kernelgen/tiles.hpp"
#include "reference.hpp"

using namespace kernelgen;
using reference::i64;

namespace {

template <class T>
Buffer<T> grouped(const std::vector<T>& rows, i64 m, i64 k) {  // row-major (m x k) to grouped
  constexpr i64 G = group<T>;
  Buffer<T> out(m * k);
  for (i64 r = 0; r < m; ++r) {
    for (i64 p = 0; p < k; ++p)
      out[(r / G) * k * G + p * G + r % G] = rows[static_cast<std::size_t>(r * k + p)];
  }
  return out;
}

template <class T>
void products(const SimdTable& table) {
  constexpr i64 G = group<T>;
  const double eps = sizeof(T) == 4 ? 6e-8 : 1.2e-16;
  for (const auto [m, n, k] :
       {std::tuple<i64, i64, i64>{48, 48, 1}, {96, 48, 5}, {48, 144, 777}, {144, 96, 48}}) {
    const auto a = reference::random_values<T>(m * k, 1), b = reference::random_values<T>(n * k, 2);
    const auto start = reference::random_values<T>(m * n, 3);
    const Buffer<T> A = grouped(a, m, k), B = grouped(b, n, k);
    for (const Update update : {Update::assign, Update::subtract}) {
      for (const Part part : {Part::all, Part::lower}) {
        std::vector<T> C = start;
        table.real<T>().product(m, n, k, A.data(), k * G, B.data(), k * G, C.data(), m, update, part,
                                {A.data(), B.data(), m * k * i64(sizeof(T))});
        for (i64 j = 0; j < n; ++j) {
          for (i64 i = part == Part::lower ? j : 0; i < m; ++i) {
            double expected =
                update == Update::assign ? 0.0 : -double(start[static_cast<std::size_t>(i + j * m)]);
            double size = std::fabs(expected);
            for (i64 p = 0; p < k; ++p) {
              const double term = double(a[static_cast<std::size_t>(i * k + p)]) *
                                  double(b[static_cast<std::size_t>(j * k + p)]);
              expected += term;
              size += std::fabs(term);
            }
            const double got =
                double(C[static_cast<std::size_t>(i + j * m)]) * (update == Update::assign ? 1.0 : -1.0);
            CHECK(std::fabs(got - expected) <= eps * double(k + 2) * size,
                  "%s m=%ld n=%ld k=%ld at (%ld, %ld): %g not %g", table.name.data(), m, n, k, i, j, got,
                  expected);
          }
        }
      }
    }
  }
}

template <class T>
void transposed(const SimdTable& table) {
  constexpr i64 G = group<T>;
  const i64 m = 96, k = 48;
  const auto a = reference::random_values<T>(m * k, 4), x = reference::random_values<T>(m * G, 5);
  const Buffer<T> A = grouped(a, m, k);
  std::vector<T> C(static_cast<std::size_t>(k * G), T(1));
  table.real<T>().transposed_product(m, k, A.data(), k * G, x.data(), C.data(),
                                     {A.data(), nullptr, A.size() * i64(sizeof(T))});
  for (i64 p = 0; p < k; ++p) {
    for (i64 q = 0; q < G; ++q) {
      double expected = 1.0;
      for (i64 r = 0; r < m; ++r)
        expected -=
            double(a[static_cast<std::size_t>(r * k + p)]) * double(x[static_cast<std::size_t>(r * G + q)]);
      CHECK(std::fabs(double(C[static_cast<std::size_t>(p * G + q)]) - expected) <=
                (sizeof(T) == 4 ? 1e-4 : 1e-12),
            "%s", table.name.data());
    }
  }
}

template <class T>
void exponentials(const SimdTable& table) {
  const i64 count = 20000;
  std::vector<T> x(count), y;
  for (i64 i = 0; i < count; ++i)
    x[static_cast<std::size_t>(i)] =
        static_cast<T>(double(i) * (sizeof(T) == 4 ? 90.0 : 720.0) / double(count));
  y = x;
  table.real<T>().gaussian(count, y.data(), T(1));
  const double eps = sizeof(T) == 4 ? 1.2e-7 : 2.3e-16, tiny = sizeof(T) == 4 ? 1.7e-38 : 3.4e-308;
  for (i64 i = 0; i < count; ++i) {
    const double expected = std::exp(-double(x[static_cast<std::size_t>(i)]));
    CHECK(std::fabs(double(y[static_cast<std::size_t>(i)]) - expected) <= 2 * eps * expected + tiny,
          "%s exp(-%g) = %g", table.name.data(), double(x[static_cast<std::size_t>(i)]),
          double(y[static_cast<std::size_t>(i)]));
  }
  CHECK(y[0] == T(1), "exp(0) must be exactly 1");

  std::vector<T> undefined(50, std::numeric_limits<T>::quiet_NaN()), norms(50, T(1));
  table.real<T>().squared_distances(50, undefined.data(), norms.data(), T(1));
  table.real<T>().gaussian(50, undefined.data(), T(1));
  for (const T value : undefined)
    CHECK(std::isnan(value), "%s: nan became %g", table.name.data(), double(value));
  std::vector<T> products{T(1), T(0.5), T(1.0000001), T(-1)};
  norms.assign(4, T(1));
  CHECK(table.real<T>().squared_distances(4, products.data(), norms.data(), T(1)) ==
        2);  // the first and the third
  CHECK(products[2] == T(0) && products[3] == T(4));
}

}  // namespace

int main() {
  const auto tables = supported_tables();
  CHECK(!tables.empty() && tables.front()->name == "baseline");
  CHECK(!set_simd("no such level"));
  for (const SimdTable* table : tables) {
    products<float>(*table);
    products<double>(*table);
    transposed<float>(*table);
    transposed<double>(*table);
    exponentials<float>(*table);
    exponentials<double>(*table);
    std::printf("%s ", table->name.data());
  }
  return reference::report("simd");
}
