#include "kernelgen/products.hpp"

#include <algorithm>

namespace kernelgen {

namespace {

using i64 = std::int64_t;
constexpr i64 depth_in_T = 384;  // features whose products are summed in T

}  // namespace

double add_products_work(const TileLayout& layout, i64 depth) {
  return double(layout.tiles()) * double(layout.tile) * double(layout.tile) * double(depth);
}

template <class T>
void add_products(const TileLayout& layout, i64 depth, const T* Phi, double* tiles, Team& team) {
  constexpr i64 G = group<T>;
  const RealLoops<T>& loops = simd().template real<T>();
  const i64 b = layout.tile, nt = layout.count();
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> A(b * b);
    for (i64 t = next++; t < layout.tiles() && !team.stopped(); t = next++) {
      // Task t in row order: row i holds tiles (i, 0) .. (i, i).
      i64 i = 0;
      while (i + 1 < nt && layout.index(i + 1, 0) <= t) ++i;
      const i64 j = t - layout.index(i, 0);
      double* tile = tiles + layout.offset(i, j);
      // A(i, j) += Phi(i, p) Phi(j, p)^T
      for (i64 p = 0; p < depth; p += depth_in_T) {
        const i64 width = std::min(depth_in_T, depth - p);
        loops.product(b, b, width, Phi + i * b * depth + p * G, depth * G, Phi + j * b * depth + p * G,
                      depth * G, A.data(), b, Update::assign, i == j ? Part::lower : Part::all, {});
        if (i == j) {
          for (i64 c = 0; c < b; ++c) {
            for (i64 r = c + 1; r < b; ++r) A[c + r * b] = A[r + c * b];
          }
        }
        loops.add(b * b, A.data(), tile);
      }
      team.add_work(double(b) * double(b) * double(depth));
    }
  });
}

template <class T>
void add_cross_products(i64 b, i64 m, i64 n, i64 depth, const T* Phi, const T* Psi, double* out, Team& team) {
  constexpr i64 G = group<T>;
  const RealLoops<T>& loops = simd().template real<T>();
  const i64 mt = (m + b - 1) / b, nt = (n + b - 1) / b;
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> A(b * b);
    for (i64 t = next++; t < mt * nt && !team.stopped(); t = next++) {
      const i64 i = t / nt, j = t % nt, rows = std::min(b, m - i * b), columns = std::min(b, n - j * b);
      for (i64 p = 0; p < depth; p += depth_in_T) {
        const i64 width = std::min(depth_in_T, depth - p);
        // the other way round: a column of the result is a row of `out`
        loops.product(b, b, width, Psi + j * b * depth + p * G, depth * G, Phi + i * b * depth + p * G,
                      depth * G, A.data(), b, Update::assign, Part::all, {});
        for (i64 r = 0; r < rows; ++r) loops.add(columns, A.data() + r * b, out + (i * b + r) * n + j * b);
      }
      team.add_work(double(b) * double(b) * double(depth));
    }
  });
}

template void add_cross_products(i64, i64, i64, i64, const float*, const float*, double*, Team&);
template void add_cross_products(i64, i64, i64, i64, const double*, const double*, double*, Team&);
template void add_products(const TileLayout&, i64, const float*, double*, Team&);
template void add_products(const TileLayout&, i64, const double*, double*, Team&);

}  // namespace kernelgen
