#include "kernelgen/solve.hpp"

#include <algorithm>
#include <vector>

#include "kernelgen/lapack.hpp"
#include "kernelgen/right_hand_sides.hpp"

namespace kernelgen {

namespace {

using i64 = std::int64_t;
using Flags = std::vector<std::atomic<std::int32_t>>;

// A tile that will be read next.
template <class T>
Upcoming upcoming(const TileLayout& layout, const T* L, i64 i, i64 j) {
  return {L + layout.offset(i, j), nullptr, layout.tile * layout.tile * static_cast<i64>(sizeof(T))};
}

// Y_i = L_ii^-1 (B_i - sum_{j < i} L_ij Y_j), rows claimed downwards
template <class T>
void forward(const TileLayout& layout, const T* L, RightHandSides<T>& Y, Team& team) {
  constexpr i64 G = group<T>;
  const i64 nt = layout.count(), b = layout.tile, ld = b * G;
  const RealLoops<T>& loops = simd().template real<T>();
  Flags ready(static_cast<std::size_t>(nt));
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> sum(b * Y.groups * G), diagonal(b * b);
    for (i64 i = next++; i < nt && !team.stopped(); i = next++) {
      std::fill(sum.data(), sum.data() + sum.size(), T(0));
      for (i64 j = 0; j < i; ++j) {
        if (!team.wait(ready[static_cast<std::size_t>(j)], 1)) return;
        const Upcoming then = j + 1 < i ? upcoming(layout, L, i, j + 1) : Upcoming{};
        loops.product(b, Y.groups * G, b, L + layout.offset(i, j), ld, Y.block(0, j * b), Y.ld, sum.data(), b,
                      Update::subtract, Part::all, then);
      }
      columns_from_group(b, b, L + layout.offset(i, i), ld, diagonal.data(), b);
      for (i64 g = 0; g < Y.groups; ++g) {
        T* y = Y.block(g, i * b);  // row-major (b x G) = column-major (G x b): Y^T
        for (i64 r = 0; r < b; ++r) {
          for (i64 q = 0; q < G; ++q) y[r * G + q] += sum[r + (g * G + q) * b];
        }
        trsm_right('T', G, b, diagonal.data(), b, y, G);
      }
      ready[static_cast<std::size_t>(i)].store(1, std::memory_order_release);
      team.add_work(double(b) * double(i * b + b) * double(Y.c));
    }
  });
}

// X_i = L_ii^-T (Y_i - sum_{j > i} L_ji^T X_j), rows claimed upwards
template <class T>
void backward(const TileLayout& layout, const T* L, RightHandSides<T>& X, Team& team) {
  constexpr i64 G = group<T>;
  const i64 nt = layout.count(), b = layout.tile, ld = b * G;
  const RealLoops<T>& loops = simd().template real<T>();
  Flags ready(static_cast<std::size_t>(nt));
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> diagonal(b * b);
    for (i64 claim = next++; claim < nt && !team.stopped(); claim = next++) {
      const i64 i = nt - 1 - claim;
      for (i64 j = nt - 1; j > i; --j) {
        if (!team.wait(ready[static_cast<std::size_t>(j)], 1)) return;
        for (i64 g = 0; g < X.groups; ++g) {
          const Upcoming then = g == 0 && j - 1 > i ? upcoming(layout, L, j - 1, i) : Upcoming{};
          loops.transposed_product(b, b, L + layout.offset(j, i), ld, X.block(g, j * b), X.block(g, i * b),
                                   then);
        }
      }
      columns_from_group(b, b, L + layout.offset(i, i), ld, diagonal.data(), b);
      for (i64 g = 0; g < X.groups; ++g) trsm_right('N', G, b, diagonal.data(), b, X.block(g, i * b), G);
      ready[static_cast<std::size_t>(i)].store(1, std::memory_order_release);
      team.add_work(double(b) * double(claim * b + b) * double(X.c));
    }
  });
}

}  // namespace

double solve_work(const TileLayout& layout, i64 c) {
  return double(layout.padded()) * double(layout.padded() + layout.tile) * double(c);
}

template <class T>
void solve(const TileLayout& layout, const T* L, i64 c, const T* B, T* X, Team& team) {
  RightHandSides<T> rhs(layout.n, layout.padded(), c);
  rhs.read(B);
  forward(layout, L, rhs, team);
  backward(layout, L, rhs, team);
  rhs.write(X);
}

double diag_inverse_work(const TileLayout& layout) {
  const double nt = double(layout.count()), b = double(layout.tile);
  return nt * (nt + 1) * (nt + 2) / 6 * b * b * b;
}

template <class T>
void diag_inverse(const TileLayout& layout, const T* L, double* out, Team& team) {
  constexpr i64 G = group<T>;
  const i64 nt = layout.count(), b = layout.tile, ld = b * G;
  const RealLoops<T>& loops = simd().template real<T>();
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> Z(b * layout.padded()), C(b * b), diagonal(b * b);
    Buffer<double> norms(b);
    for (i64 k = next++; k < nt && !team.stopped(); k = next++) {
      // Z = columns k of L^-1, from row block k downwards: Z_i = -L_ii^-1 sum_{k <= j < i} L_ij Z_j.
      // Columns of Z are the grouped rows of a right operand: element (column, row) at (column / G) ldz + row G + ...
      const i64 ldz = (nt - k) * b * G;
      std::fill(norms.data(), norms.data() + b, 0.0);
      for (i64 i = k; i < nt; ++i) {
        if (team.stopped()) return;
        std::fill(C.data(), C.data() + b * b, T(0));
        if (i == k) {
          for (i64 r = 0; r < b; ++r) C[r + r * b] = T(1);
        }
        for (i64 j = k; j < i; ++j) {
          const Upcoming then = j + 1 < i ? upcoming(layout, L, i, j + 1) : Upcoming{};
          loops.product(b, b, b, L + layout.offset(i, j), ld, Z.data() + (j - k) * b * G, ldz, C.data(), b,
                        Update::subtract, Part::all, then);
        }
        columns_from_group(b, b, L + layout.offset(i, i), ld, diagonal.data(), b);
        trsm_left(b, b, diagonal.data(), b, C.data(), b);
        for (i64 column = 0; column < b; ++column) {
          T* z = Z.data() + (column / G) * ldz + (i - k) * b * G + column % G;
          double norm = 0.0;
          for (i64 r = 0; r < b; ++r) {
            const T value = C[r + column * b];
            z[r * G] = value;
            norm += double(value) * double(value);
          }
          norms[column] += norm;
        }
        team.add_work(double(i - k + 1) * double(b) * double(b) * double(b));
      }
      for (i64 r = 0; r < b && k * b + r < layout.n; ++r) out[k * b + r] = norms[r];
    }
  });
}

#define KERNELGEN_INSTANTIATE(T)                                                                             \
  template void solve(const TileLayout&, const T*, std::int64_t, const T*, T*, Team&);                       \
  template void diag_inverse(const TileLayout&, const T*, double*, Team&);
KERNELGEN_INSTANTIATE(float)
KERNELGEN_INSTANTIATE(double)

}  // namespace kernelgen
