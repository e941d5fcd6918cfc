// Gram blocks of every kernel, point type and instruction set against the formulas in double.
#include "kernelgen/gram.hpp"
#include "kernelgen/multiply.hpp"
#include "reference.hpp"

using namespace kernelgen;
using reference::i64;

namespace {

template <class T>
void check(const Points& x, const Points& z, const Kernel& kernel, const char* level) {
  Transform<T> identity = [](T*, i64, i64, i64) {};
  const auto expected = reference::gram(x, z, kernel);
  double largest =
      1.0;  // the coordinates are of order 1: rounding of products is, even where distances vanish
  for (double v : expected) largest = std::max(largest, std::fabs(v));
  const double tolerance = (sizeof(T) == 4 ? 2e-5 : 1e-13) * largest;
  std::vector<T> out(expected.size());
  {
    const GramTiles<T> K(x, z, kernel, product_block, 2, identity);
    Team team(2, {}, 1.0);
    dense(K, out.data(), team);
    double worst = 0.0;
    for (std::size_t q = 0; q < out.size(); ++q)
      worst = std::max(worst, std::fabs(double(out[q]) - expected[q]));
    // A distance near 0 is the root of a rounded square: sqrt(eps) of the norms.
    const double slack = kernel.of == Quantity::distance || kernel.shape == Shape::laplacian
                             ? (sizeof(T) == 4 ? 5e-3 : 1e-7) * largest
                             : 0.0;
    CHECK(worst <= tolerance + slack, "%s kernel %d dtype %d: off by %g", level, int(kernel.shape),
          int(x.dtype), worst);
  }
  if (&x != &z) return;
  const GramTiles<T> K(x, kernel, 0.0, product_block, 2, identity);
  Team team(2, {}, 1.0);
  dense(K, out.data(), team);
  for (i64 i = 0; i < x.n; ++i) {
    const double diagonal = double(out[static_cast<std::size_t>(i * x.n + i)]);
    if (kernel.shape == Shape::gaussian || kernel.shape == Shape::laplacian ||
        (kernel.normalize && kernel.coef0 == 0.0)) {
      CHECK(diagonal == 1.0, "diagonal %g", diagonal);
    }
    for (i64 j = 0; j < i; ++j) {
      CHECK(out[static_cast<std::size_t>(i * x.n + j)] == out[static_cast<std::size_t>(j * x.n + i)],
            "symmetry");
    }
  }
}

void all_kernels(const Points& x, const Points& z, const char* level) {
  const double width = std::sqrt(double(x.d));
  Kernel gaussian{Shape::gaussian}, laplacian{Shape::laplacian}, polynomial{Shape::polynomial},
      normalized{Shape::polynomial}, linear{Shape::linear}, custom{Shape::custom};
  gaussian.bandwidth = laplacian.bandwidth = width;
  polynomial.degree = 3;
  polynomial.gamma = 1.0 / double(x.d);
  polynomial.coef0 = 1.0;
  normalized.degree = 4;
  normalized.normalize = true;
  for (const Kernel& kernel : {gaussian, laplacian, polynomial, normalized, linear}) {
    check<float>(x, z, kernel, level);
    check<double>(x, z, kernel, level);
  }
  for (const Quantity of : {Quantity::product, Quantity::squared_distance, Quantity::distance}) {
    custom.of = of;
    check<double>(x, z, custom, level);
  }
}

}  // namespace

int main() {
  reference::use_naive_lapack();
  for (const SimdTable* table : supported_tables()) {
    set_simd(table->name);
    for (const i64 d : {i64{1}, i64{3}, i64{50}}) {
      for (const i64 n : {i64{1}, i64{47}, i64{200}}) {
        const auto bytes = reference::random_values<std::uint8_t>(n * d, 7),
                   other = reference::random_values<std::uint8_t>(30 * d, 8);
        const auto singles = reference::random_values<float>(n * d, 9);
        const auto doubles = reference::random_values<double>(n * d, 10);
        const std::vector<double> center(static_cast<std::size_t>(d), 0.25);
        const Points u{bytes.data(), Dtype::u8, n, d, 1.0 / 255, nullptr},
            v{other.data(), Dtype::u8, 30, d, 1.0 / 255, nullptr};
        const Points f{singles.data(), Dtype::f32, n, d, 2.0, nullptr},
            g{doubles.data(), Dtype::f64, n, d, 1.0, center.data()};
        all_kernels(u, u, table->name.data());
        all_kernels(u, v, table->name.data());
        all_kernels(f, f, table->name.data());
        all_kernels(g, g, table->name.data());
      }
    }
  }
  // The largest exact byte problem: every value 0 or 255, so that |x - z|^2 = 255^2 d.
  const i64 d = exact_byte_features;
  std::vector<std::uint8_t> extreme(static_cast<std::size_t>(2 * d), 0);
  std::fill(extreme.begin() + d, extreme.end(), std::uint8_t{255});
  const Points x{extreme.data(), Dtype::u8, 2, d, 1.0, nullptr};
  Kernel squared{Shape::custom};
  squared.of = Quantity::squared_distance;
  for (const SimdTable* table : supported_tables()) {
    set_simd(table->name);
    const GramTiles<double> K(x, squared, 0.0, product_block, 1, [](double*, i64, i64, i64) {});
    std::vector<double> out(4);
    Team team(1, {}, 1.0);
    dense(K, out.data(), team);
    CHECK(out[1] == 65025.0 * double(d) && out[0] == 0.0, "%s: %.1f", table->name.data(), out[1]);
  }
  return reference::report("gram");
}
