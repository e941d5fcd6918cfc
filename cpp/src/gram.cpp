#include "kernelgen/gram.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace kernelgen {

namespace {
using i64 = std::int64_t;
}

template <class T>
GramTiles<T>::GramTiles(const Points& x, const Kernel& kernel, double ridge, i64 multiple, int threads,
                        Transform<T> transform)
    : simd_(simd())
    , kernel_(kernel)
    , transform_(std::move(transform))
    , ridge_(ridge)
    , features_(x.d)
    , x_(std::in_place, x, kernel, simd_, multiple, true, true, threads) {}

template <class T>
GramTiles<T>::GramTiles(const Products& products, const Kernel& kernel, double ridge, Transform<T> transform)
    : simd_(simd())
    , kernel_(kernel)
    , transform_(std::move(transform))
    , ridge_(ridge)
    , features_(0)
    , products_(products)
    , squares_(products.layout.n) {
  for (i64 i = 0; i < products.layout.n; ++i) squares_[i] = products.at(i, i);
}

template <class T>
GramTiles<T>::GramTiles(const Points& x, const Points& z, const Kernel& kernel, i64 multiple, int threads,
                        Transform<T> transform)
    : simd_(simd())
    , kernel_(kernel)
    , transform_(std::move(transform))
    , features_(x.d)
    , x_(std::in_place, x, kernel, simd_, multiple, true, false, threads)
    , z_(std::in_place, z, kernel, simd_, multiple, false, true, threads) {
  if (x.d != z.d) throw std::invalid_argument("both sets of points must have the same number of features");
  if (x_->is_words != z_->is_words)
    throw std::invalid_argument("both sets of points must be bytes, or neither");
}

// Products, squared distances or normalized products of a block, with an exact diagonal.
template <class T>
void GramTiles<T>::quantities(i64 i0, i64 m, i64 j0, i64 n, T* out, i64 ld, Buffer<std::int32_t>& words,
                              Part part) const {
  if (products_) return read_products(i0, m, j0, n, out, ld);
  const RealLoops<T>& loops = simd_.template real<T>();
  const Packed<T>& x = *x_;
  const Packed<T>& z = this->z();
  const bool distances = kernel_.uses_distance();
  if (x.is_words) {
    constexpr i64 G = group<std::int32_t>;
    const Buffer<std::int32_t>& right = z.right.size() > 0 ? z.right : z.left;
    simd_.words.product(m, n, x.depth, x.left.data() + i0 * x.depth, x.depth * G, right.data() + j0 * z.depth,
                        z.depth * G, words.data(), m, part);
    for (i64 j = 0; j < n; ++j) {
      T* column = out + j * ld;
      if (distances) {
        loops.squared_distances_of_words(m, words.data() + j * m, x.left_norms.data() + i0,
                                         z.word_norms[j0 + j], column);
      } else {
        loops.products_of_words(m, words.data() + j * m, x.word_shifts.data() + i0, column);
      }
      if (kernel_.normalize) loops.scale(m, column, x.norms.data() + i0, z.norms[j0 + j]);
    }
  } else {
    constexpr i64 G = group<T>;
    loops.product(m, n, x.depth, x.real.data() + i0 * x.depth, x.depth * G, z.real.data() + j0 * z.depth,
                  z.depth * G, out, ld, Update::assign, part, {});
    for (i64 j = 0; distances && j < n; ++j) {
      T* column = out + j * ld;
      if (loops.squared_distances(m, column, x.norms.data() + i0, z.norms[j0 + j]) == 0) continue;
      for (i64 i = 0; i < m; ++i) {
        if (column[i] < close_pair<T> * (x.norms[i0 + i] + z.norms[j0 + j])) {
          column[i] = static_cast<T>(x.squared_distance(i0 + i, z, j0 + j));
        }
      }
    }
  }
  if (symmetric() && i0 == j0 && (distances || kernel_.normalize)) {
    for (i64 j = 0; j < std::min(m, n); ++j) out[j + j * ld] = distances ? T(0) : T(1);
  }
}

// The same from inner products: |x - z|^2 = <x, x> + <z, z> - 2 <x, z> in double. Entries above the diagonal are read
// only where their tile is on it; elsewhere they are left at zero, as Part::lower allows.
template <class T>
void GramTiles<T>::read_products(i64 i0, i64 m, i64 j0, i64 n, T* out, i64 ld) const {
  const bool distances = kernel_.uses_distance();
  const TileLayout& layout = products_->layout;
  const i64 b = layout.tile, last_row = std::min(i0 + m, rows()), last_column = std::min(j0 + n, columns());
  for (i64 j = 0; j < n; ++j) std::fill(out + j * ld, out + j * ld + m, T(0));
  for (i64 c = j0; c < last_column; ++c) {
    T* column = out + (c - j0) * ld - i0;  // column[r] belongs to row r
    const double square = squares_[c];
    for (i64 r0 = std::max(i0, c / b * b); r0 < last_row; r0 = (r0 / b + 1) * b) {
      const i64 r1 = std::min(last_row, (r0 / b + 1) * b);
      const double* products = products_->tiles + layout.offset(r0 / b, c / b) + c % b * b - r0 / b * b;
      const double* squares = squares_.data();
      if (distances) {
        for (i64 r = r0; r < r1; ++r)
          column[r] = static_cast<T>(std::max(0.0, squares[r] + square - 2.0 * products[r]));
      } else if (kernel_.normalize) {
        for (i64 r = r0; r < r1; ++r)
          column[r] = static_cast<T>(products[r] / std::sqrt(squares[r] * square));
      } else {
        for (i64 r = r0; r < r1; ++r) column[r] = static_cast<T>(products[r]);
      }
    }
    if (i0 <= c && c < last_row && distances) column[c] = T(0);
  }
}

template <class T>
void GramTiles<T>::transform_column(i64 m, T* column) const {
  const RealLoops<T>& loops = simd_.template real<T>();
  const double unit = x_ ? x_->unit : 1.0;
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
  const i64 live_rows = symmetric() ? std::clamp<i64>(rows() - i0, 0, m) : m;
  const i64 live_columns = std::clamp<i64>(columns() - j0, 0, n);
  for (i64 j = 0; j < n; ++j) {
    T* column = out + j * ld;
    std::fill(column + (j < live_columns ? live_rows : 0), column + m, T(0));
  }
  if (!symmetric() || i0 != j0) return;
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
  if (x_ && x_->is_words && words.size() < m * n) words = Buffer<std::int32_t>(m * n);
  const bool custom = kernel_.shape == Shape::custom;
  quantities(i0, m, j0, n, out, ld, words, custom ? Part::all : part);
  for (i64 j = 0; j < n; ++j) transform_column(m, out + j * ld);
  // A caller's function sees points only, never padding.
  const i64 live_rows = std::min(m, rows() - i0), live_columns = std::min(n, columns() - j0);
  if (custom && live_rows > 0 && live_columns > 0) transform_(out, live_rows, live_columns, ld);
  pad(i0, m, j0, n, out, ld);
}

template class GramTiles<float>;
template class GramTiles<double>;

}  // namespace kernelgen
