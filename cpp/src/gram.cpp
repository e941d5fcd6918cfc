#include "kernelgen/gram.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

namespace kernelgen {

namespace {

using i64 = std::int64_t;

i64 round_up(i64 value, i64 multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// body(first, last) over [0, count) on `threads` threads.
template <class Body>
void split(i64 count, int threads, const Body& body) {
  const i64 parts = std::clamp<i64>(threads, 1, std::max<i64>(count, 1));
  std::vector<std::jthread> crew;
  for (i64 p = 1; p < parts; ++p)
    crew.emplace_back([&, p] { body(count * p / parts, count * (p + 1) / parts); });
  body(0, count / parts);
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
        const S* from = values + row * d;
        for (i64 k = 0; k < d; ++k) {
          const double centred = points.center ? double(from[k]) - points.center[k] : double(from[k]);
          const T value = static_cast<T>(points.scale * centred);
          to[k * G + r] = value;
          norm += double(value) * double(value);
        }
      }
      out.norms[row] = static_cast<T>(kernel.normalize ? (norm > 0.0 ? 1.0 / std::sqrt(norm) : 0.0) : norm);
    }
  }
}

// Row r of group g: word w holds values w v .. w v + v - 1 (v = values per word).
template <class T>
void pack_words(const Points& points, const Kernel& kernel, Packed<T>& out, i64 first_group, i64 last_group) {
  constexpr i64 G = group<std::int32_t>;
  const i64 d = points.d, v = simd().words.values_per_word;
  const auto* values = static_cast<const std::uint8_t*>(points.values);
  for (i64 g = first_group; g < last_group; ++g) {
    for (i64 r = 0; r < G; ++r) {
      const i64 row = g * G + r;
      i64 norm = 0, sum = 0;
      for (i64 w = 0; w < out.depth; ++w) {
        std::uint32_t left = 0, right = 0;
        for (i64 q = 0; q < v; ++q) {
          const i64 k = w * v + q;
          const std::uint32_t value = row < points.n && k < d ? values[row * d + k] : 0u;
          norm += i64(value) * value;
          sum += value;
          left |= value << (32 / v * q);
          right |= (value ^ 0x80u) << (32 / v * q);  // x - 128 as a signed byte
        }
        const i64 at = (g * out.depth + w) * G + r;
        if (out.left.size() > 0) out.left[at] = static_cast<std::int32_t>(left);
        if (out.right.size() > 0) out.right[at] = static_cast<std::int32_t>(right);
      }
      const std::uint32_t shift = v == 4 ? 128u * static_cast<std::uint32_t>(sum) : 0u;
      out.word_norms[row] = static_cast<std::int32_t>(norm);
      out.word_shifts[row] = static_cast<std::int32_t>(shift);
      out.left_norms[row] = static_cast<std::int32_t>(static_cast<std::uint32_t>(norm) - 2u * shift);
      if (kernel.normalize) out.norms[row] = static_cast<T>(norm > 0 ? 1.0 / std::sqrt(double(norm)) : 0.0);
    }
  }
}

}  // namespace

template <class T>
Packed<T>::Packed(const Points& points, const Kernel& kernel, i64 multiple, bool as_left, bool as_right,
                  int threads)
    : n(points.n)
    , padded(round_up(points.n, multiple))
    , is_words(points.dtype == Dtype::u8 && points.d <= exact_byte_features && points.center == nullptr)
    , depth(is_words ? (points.d + simd().words.values_per_word - 1) / simd().words.values_per_word
                     : points.d)
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
  const bool two_sides = simd().words.values_per_word == 4;
  if (as_left || !two_sides) left = Buffer<std::int32_t>(padded * depth);
  if (as_right && two_sides) right = Buffer<std::int32_t>(padded * depth);
  word_norms = Buffer<std::int32_t>(padded);
  word_shifts = Buffer<std::int32_t>(padded);
  left_norms = Buffer<std::int32_t>(padded);
  if (kernel.normalize) norms = Buffer<T>(padded);
  split(padded / group<std::int32_t>, threads,
        [&](i64 first, i64 last) { pack_words<T>(points, kernel, *this, first, last); });
}

template <class T>
GramTiles<T>::GramTiles(const Points& x, const Kernel& kernel, double ridge, i64 multiple, int threads,
                        Transform<T> transform)
    : kernel_(kernel)
    , transform_(std::move(transform))
    , ridge_(ridge)
    , symmetric_(true)
    , features_(x.d)
    , x_(x, kernel, multiple, true, true, threads)
    , z_({x.values, x.dtype, 0, x.d, x.scale, x.center}, kernel, multiple, false, true, 1) {}

template <class T>
GramTiles<T>::GramTiles(const Points& x, const Points& z, const Kernel& kernel, i64 multiple, int threads,
                        Transform<T> transform)
    : kernel_(kernel)
    , transform_(std::move(transform))
    , symmetric_(false)
    , features_(x.d)
    , x_(x, kernel, multiple, true, false, threads)
    , z_(z, kernel, multiple, false, true, threads) {
  if (x_.is_words != z_.is_words)
    throw std::invalid_argument("both sets of points must be bytes, or neither");
}

// Products, squared distances or normalized products of a block, with an exact diagonal.
template <class T>
void GramTiles<T>::quantities(i64 i0, i64 m, i64 j0, i64 n, T* out, i64 ld, Buffer<std::int32_t>& words,
                              Part part) const {
  const RealLoops<T>& loops = simd().template real<T>();
  const Packed<T>& x = x_;
  const Packed<T>& z = symmetric_ ? x_ : z_;
  const bool distances = kernel_.uses_distance();
  if (x.is_words) {
    constexpr i64 G = group<std::int32_t>;
    const Buffer<std::int32_t>& right = z.right.size() > 0 ? z.right : z.left;
    simd().words.product(m, n, x.depth, x.left.data() + i0 * x.depth, x.depth * G,
                         right.data() + j0 * z.depth, z.depth * G, words.data(), m, part);
    for (i64 j = 0; j < n; ++j) {
      if (distances) {
        loops.squared_distances_of_words(m, words.data() + j * m, x.left_norms.data() + i0,
                                         z.word_norms[j0 + j], out + j * ld);
      } else {
        loops.products_of_words(m, words.data() + j * m, x.word_shifts.data() + i0, out + j * ld);
      }
    }
  } else {
    constexpr i64 G = group<T>;
    loops.product(m, n, x.depth, x.real.data() + i0 * x.depth, x.depth * G, z.real.data() + j0 * z.depth,
                  z.depth * G, out, ld, Update::assign, part, {});
    if (distances) {
      for (i64 j = 0; j < n; ++j)
        loops.squared_distances(m, out + j * ld, x.norms.data() + i0, z.norms[j0 + j]);
    }
  }
  if (kernel_.normalize) {
    for (i64 j = 0; j < n; ++j) loops.scale(m, out + j * ld, x.norms.data() + i0, z.norms[j0 + j]);
  }
  if (symmetric_ && i0 == j0 && (distances || kernel_.normalize)) {
    for (i64 j = 0; j < std::min(m, n); ++j) out[j + j * ld] = distances ? T(0) : T(1);
  }
}

template <class T>
void GramTiles<T>::transform_column(i64 m, T* column) const {
  const RealLoops<T>& loops = simd().template real<T>();
  const double unit = x_.unit;
  switch (kernel_.shape) {
  case Shape::gaussian:
    loops.gaussian(m, column, static_cast<T>(unit * unit / (2.0 * kernel_.bandwidth * kernel_.bandwidth)));
    break;
  case Shape::laplacian:
    loops.laplacian(m, column, static_cast<T>(unit / kernel_.bandwidth));
    break;
  case Shape::polynomial:
    loops.polynomial(m, column,
                     static_cast<T>(kernel_.normalize ? kernel_.gamma : kernel_.gamma * unit * unit),
                     static_cast<T>(kernel_.coef0), kernel_.degree);
    break;
  case Shape::linear:
    loops.polynomial(m, column, static_cast<T>(unit * unit), T(0), 1);
    break;
  case Shape::custom:
    if (kernel_.of == Quantity::distance) {
      loops.square_root(m, column, static_cast<T>(unit));
    } else {
      loops.polynomial(m, column, static_cast<T>(unit * unit), T(0), 1);
    }
    break;
  }
}

template <class T>
void GramTiles<T>::pad(i64 i0, i64 m, i64 j0, i64 n, T* out, i64 ld) const {
  const i64 live_rows = symmetric_ ? std::clamp<i64>(rows() - i0, 0, m) : m;
  const i64 live_columns = std::clamp<i64>(columns() - j0, 0, n);
  for (i64 j = 0; j < n; ++j) {
    T* column = out + j * ld;
    std::fill(column + (j < live_columns ? live_rows : 0), column + m, T(0));
  }
  if (!symmetric_ || i0 != j0) return;
  for (i64 j = 0; j < std::min(m, n); ++j) {
    if (j < live_columns) {
      out[j + j * ld] += static_cast<T>(ridge_);
    } else {
      out[j + j * ld] = T(1);
    }
  }
}

template <class T>
void GramTiles<T>::fill(i64 i0, i64 m, i64 j0, i64 n, T* out, i64 ld, Buffer<std::int32_t>& words,
                        Part part) const {
  if (x_.is_words && words.size() < m * n) words = Buffer<std::int32_t>(m * n);
  const bool custom = kernel_.shape == Shape::custom;
  quantities(i0, m, j0, n, out, ld, words, custom ? Part::all : part);
  for (i64 j = 0; j < n; ++j) transform_column(m, out + j * ld);
  // A caller's function sees points only, never padding.
  const i64 live_rows = std::min(m, rows() - i0), live_columns = std::min(n, columns() - j0);
  if (custom && live_rows > 0 && live_columns > 0) transform_(out, live_rows, live_columns, ld);
  pad(i0, m, j0, n, out, ld);
}

template struct Packed<float>;
template struct Packed<double>;
template class GramTiles<float>;
template class GramTiles<double>;

}  // namespace kernelgen
