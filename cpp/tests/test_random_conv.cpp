// Fused convolution, rectification and pooling against loops over every position, in double.
#include <algorithm>
#include <cstring>

#include "kernelgen/random_conv.hpp"
#include "reference.hpp"

using namespace kernelgen;
using reference::i64;

namespace {

std::vector<double> naive(const Points& images, const Convolution& c, const std::vector<double>& filters,
                          const std::vector<double>& offsets, double bias) {
  const auto values = reference::as_doubles(images);
  const i64 count = static_cast<i64>(offsets.size()), depth = c.depth();
  const i64 down = c.windows(c.rows()), across = c.windows(c.columns());
  std::vector<double> out(static_cast<std::size_t>(images.n * 2 * c.cells() * count), 0.0);
  for (i64 i = 0; i < images.n; ++i) {
    for (i64 y = 0; y < c.rows(); ++y) {
      for (i64 x = 0; x < c.columns(); ++x) {
        std::vector<double> p;
        for (i64 v = 0; v < c.patch; ++v)
          for (i64 u = 0; u < c.patch; ++u)
            for (i64 q = 0; q < c.channels; ++q)
              p.push_back(values[static_cast<std::size_t>(i * images.d + (y + v) * c.row_step +
                                                          (x + u) * c.column_step + q * c.channel_step)]);
        if (c.contrast >= 0.0) {
          double mean = 0.0, square = 0.0;
          for (const double value : p) mean += value / double(depth);
          for (const double value : p) square += (value - mean) * (value - mean);
          for (double& value : p) value = (value - mean) / std::sqrt(square / double(depth - 1) + c.contrast);
        }
        for (i64 f = 0; f < count; ++f) {
          double z = -offsets[static_cast<std::size_t>(f)];
          for (i64 k = 0; k < depth; ++k)
            z += filters[static_cast<std::size_t>(f * depth + k)] * p[static_cast<std::size_t>(k)];
          for (i64 a = 0; a < down; ++a) {
            for (i64 b = 0; b < across; ++b) {
              const i64 y1 = std::min(a * c.stride + c.pool, c.rows()),
                        x1 = std::min(b * c.stride + c.pool, c.columns());
              if (y < a * c.stride || y >= y1 || x < b * c.stride || x >= x1) continue;
              const double size = c.average ? double((y1 - a * c.stride) * (x1 - b * c.stride)) : 1.0;
              double* to = out.data() + i * 2 * c.cells() * count + 2 * (a * across + b) * count + f;
              to[0] += std::max(z - bias, 0.0) / size;
              to[count] += std::max(-z - bias, 0.0) / size;
            }
          }
        }
      }
    }
  }
  return out;
}

template <class T>
void check(const Points& images, const Convolution& c, i64 count, const char* level) {
  const auto filters = reference::random_values<double>(count * c.depth(), 51),
             offsets = reference::random_values<double>(count, 52);
  const auto expected = naive(images, c, filters, offsets, 0.5);
  const i64 features = 2 * c.cells() * count;
  const auto mean = reference::random_values<double>(features, 53),
             factor = reference::random_values<double>(features, 54);
  const Filters<T> packed(count, c.depth(), filters.data(), offsets.data(), 0.5, mean.data(), factor.data());
  constexpr i64 G = group<T>;
  std::vector<T> rows(static_cast<std::size_t>(images.n * features)), first,
      order(static_cast<std::size_t>((images.n + G - 1) / G * G * features));
  for (const int threads : {1, 3}) {
    Team team(threads, {}, 1.0);
    convolve(images, c, packed, {G * features, features, 1}, rows.data(), team);
    if (first.empty()) first = rows;
    CHECK(std::memcmp(first.data(), rows.data(), rows.size() * sizeof(T)) == 0, "bits depend on the threads");
  }
  Team team(2, {}, 1.0);
  convolve(images, c, packed, {G * features, 1, G}, order.data(), team);
  double size = 1.0;
  for (const double value : expected) size = std::max(size, value);
  for (i64 i = 0; i < images.n; ++i) {
    for (i64 k = 0; k < features; ++k) {
      const double found = double(rows[static_cast<std::size_t>(i * features + k)]);
      const double wanted =
          (expected[static_cast<std::size_t>(i * features + k)] - mean[static_cast<std::size_t>(k)]) *
          factor[static_cast<std::size_t>(k)];
      CHECK(std::fabs(found - wanted) <= (sizeof(T) == 4 ? 4e-6 : 1e-14) * size * double(c.depth()),
            "%s (%ld, %ld): %g %g", level, i, k, found, wanted);
      CHECK(order[static_cast<std::size_t>(i / G * G * features + k * G + i % G)] ==
                rows[static_cast<std::size_t>(i * features + k)],
            "order");
    }
  }
}

}  // namespace

int main() {
  for (const SimdTable* table : supported_tables()) {
    set_simd(table->name);
    const i64 n = 19;
    const auto bytes = reference::random_values<std::uint8_t>(n * 3 * 15 * 14, 61);
    const auto singles = reference::random_values<float>(n * 15 * 14, 62);
    const std::vector<double> center(15 * 14, 0.25);
    // planes of colours, ceil-mode windows that overlap; one channel, sums, windows beside each other; one position
    const Convolution colour{15, 14, 3, 14, 1, 15 * 14, 4, 5, 3, true, -1.0},
        grey{15, 14, 1, 14, 1, 1, 6, 5, 5, false, 10.0}, whole{15, 14, 1, 14, 1, 1, 14, 3, 2, true, 0.1};
    const Points u{bytes.data(), Dtype::u8, n, 3 * 15 * 14, 1.0 / 255, nullptr},
        f{singles.data(), Dtype::f32, n, 15 * 14, 2.0, center.data()};
    for (const i64 count : {i64{1}, i64{50}}) {
      check<float>(u, colour, count, table->name.data());
      check<double>(u, colour, count, table->name.data());
      check<float>(f, grey, count, table->name.data());
      check<double>(f, grey, count, table->name.data());
      check<double>(f, whole, count, table->name.data());
    }
  }
  return reference::report("random_conv");
}
