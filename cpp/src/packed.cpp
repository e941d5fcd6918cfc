#include "kernelgen/packed.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernelgen/team.hpp"

namespace kernelgen {

namespace {

using i64 = std::int64_t;

// body(first, last) over parts of [0, count).
template <class Body>
void split(i64 count, int threads, const Body& body) {
  Team(threads, {}, 0.0).run([&](int id) { body(count * id / threads, count * (id + 1) / threads); });
}

// |x| of one row by way of its largest entry, so that no square overflows or vanishes; 1 for a row of zeros.
template <class Value>
double length(i64 d, const Value& value) {
  double largest = 0.0, sum = 0.0;
  for (i64 k = 0; k < d; ++k) largest = std::max(largest, std::fabs(value(k)));
  if (largest == 0.0) return 1.0;
  for (i64 k = 0; k < d; ++k) sum += (value(k) / largest) * (value(k) / largest);
  return largest * std::sqrt(sum);
}

template <class T, class S>
void pack_real(const Points& points, const Kernel& kernel, Packed<T>& out, i64 first_group, i64 last_group) {
  constexpr i64 G = group<T>;
  const i64 d = points.d;
  const S* values = static_cast<const S*>(points.values);
  for (i64 g = first_group; g < last_group; ++g) {
    T* to = out.real.data() + g * d * G;
    for (i64 r = 0; r < G; ++r) {
      const i64 row = g * G + r;
      double norm = 0.0;
      if (row >= points.n) {
        for (i64 k = 0; k < d; ++k) to[k * G + r] = T(0);
      } else {
        const auto value = [&, from = values + row * d](i64 k) {
          return points.scale * (points.center ? double(from[k]) - points.center[k] : double(from[k]));
        };
        const double divisor = kernel.normalize ? length(d, value) : 1.0;
        for (i64 k = 0; k < d; ++k) {
          const T packed = static_cast<T>(value(k) / divisor);
          to[k * G + r] = packed;
          norm += double(packed) * double(packed);
        }
      }
      out.norms[row] = static_cast<T>(norm);
    }
  }
}

// Row r of group g: word w holds values w v .. w v + v - 1 (v = values per word), the last one padded with zeros.
template <class T>
void pack_words(const Points& points, const Kernel& kernel, i64 v, Packed<T>& out, i64 first_group,
                i64 last_group) {
  constexpr i64 G = group<std::int32_t>;
  const i64 d = points.d;
  const auto* values = static_cast<const std::uint8_t*>(points.values);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(out.depth * v), 0);
  for (i64 g = first_group; g < last_group; ++g) {
    for (i64 r = 0; r < G; ++r) {
      const i64 row = g * G + r;
      std::fill(bytes.begin(), bytes.end(), std::uint8_t{0});
      if (row < points.n) std::copy_n(values + row * d, d, bytes.begin());
      std::uint32_t norm = 0, sum = 0;  // at most 255^2 d < 2^31
      for (const std::uint8_t value : bytes) {
        norm += std::uint32_t(value) * value;
        sum += value;
      }
      for (i64 w = 0; w < out.depth; ++w) {
        const std::uint8_t* from = bytes.data() + w * v;
        std::uint32_t left = 0, right = 0;
        if (v == 4) {
          left = from[0] | std::uint32_t(from[1]) << 8 | std::uint32_t(from[2]) << 16 |
                 std::uint32_t(from[3]) << 24;
          right = left ^ 0x80808080u;  // x - 128 as signed bytes
        } else {
          left = from[0] | std::uint32_t(from[1]) << 16;
        }
        const i64 at = (g * out.depth + w) * G + r;
        if (out.left.size() > 0) out.left[at] = static_cast<std::int32_t>(left);
        if (out.right.size() > 0) out.right[at] = static_cast<std::int32_t>(right);
      }
      const std::uint32_t shift = v == 4 ? 128u * sum : 0u;
      out.word_norms[row] = static_cast<std::int32_t>(norm);
      out.word_shifts[row] = static_cast<std::int32_t>(shift);
      out.left_norms[row] = static_cast<std::int32_t>(norm - 2u * shift);
      if (kernel.normalize) out.norms[row] = static_cast<T>(norm > 0 ? 1.0 / std::sqrt(double(norm)) : 0.0);
    }
  }
}

}  // namespace

template <class T>
Packed<T>::Packed(const Points& points, const Kernel& kernel, const SimdTable& simd, i64 multiple,
                  bool as_left, bool as_right, int threads)
    : n(points.n)
    , padded((points.n + multiple - 1) / multiple * multiple)
    , is_words(points.dtype == Dtype::u8 && points.d <= exact_byte_features && points.center == nullptr)
    , depth(is_words ? (points.d + simd.words.values_per_word - 1) / simd.words.values_per_word : points.d)
    , unit(is_words ? points.scale : 1.0) {
  if (!is_words) {
    real = Buffer<T>(padded * depth);
    norms = Buffer<T>(padded);
    split(padded / group<T>, threads, [&](i64 first, i64 last) {
      switch (points.dtype) {
      case Dtype::u8:
        pack_real<T, std::uint8_t>(points, kernel, *this, first, last);
        break;
      case Dtype::f32:
        pack_real<T, float>(points, kernel, *this, first, last);
        break;
      case Dtype::f64:
        pack_real<T, double>(points, kernel, *this, first, last);
        break;
      }
    });
    return;
  }
  const bool two_sides = simd.words.values_per_word == 4;
  if (as_left || !two_sides) left = Buffer<std::int32_t>(padded * depth);
  if (as_right && two_sides) right = Buffer<std::int32_t>(padded * depth);
  word_norms = Buffer<std::int32_t>(padded);
  word_shifts = Buffer<std::int32_t>(padded);
  left_norms = Buffer<std::int32_t>(padded);
  if (kernel.normalize) norms = Buffer<T>(padded);
  split(padded / group<std::int32_t>, threads, [&](i64 first, i64 last) {
    pack_words<T>(points, kernel, simd.words.values_per_word, *this, first, last);
  });
}

template <class T>
double Packed<T>::squared_distance(i64 i, const Packed& z, i64 j) const {
  constexpr i64 G = group<T>;
  const T* x_row = real.data() + (i / G) * depth * G + i % G;
  const T* z_row = z.real.data() + (j / G) * depth * G + j % G;
  double sum = 0.0;
  for (i64 k = 0; k < depth; ++k) {
    const double gap = double(x_row[k * G]) - double(z_row[k * G]);
    sum += gap * gap;
  }
  return sum;
}

template struct Packed<float>;
template struct Packed<double>;

}  // namespace kernelgen
