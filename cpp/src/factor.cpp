#include "kernelgen/factor.hpp"

#include <chrono>
#include <limits>
#include <vector>

#include "kernelgen/lapack.hpp"

namespace kernelgen {

namespace {

using i64 = std::int64_t;
using Clock = std::chrono::steady_clock;

double task_work(i64 tile, i64 k, i64 features) {
  return double(tile) * double(tile) * double(k * tile + features);
}

// X = A L^-T for one tile, X and L grouped, A column-major and overwritten. Strips of row_multiple columns:
//   A(:, s) -= X(:, < s) L(s, < s)^T   in the micro-kernel,   X(:, s) = A(:, s) L(s, s)^-T   in BLAS
template <class T>
void solve_tile(i64 b, const T* L, T* A, T* X) {
  constexpr i64 G = group<T>, strip = row_multiple;
  const i64 ld = b * G;
  const RealLoops<T>& loops = simd().template real<T>();
  T diagonal[strip * strip];
  for (i64 s = 0; s < b; s += strip) {
    const T* rows = L + s / G * ld;
    T* columns = A + s * b;
    if (s > 0) loops.product(b, strip, s, X, ld, rows, ld, columns, b, Update::subtract, Part::all, {});
    columns_from_group(strip, strip, rows + s * G, ld, diagonal, strip);
    trsm_right('T', b, strip, diagonal, strip, columns, b);
    group_from_columns(b, strip, columns, b, X + s * G, ld);
  }
}

struct Claim {
  i64 i, k;
};

}  // namespace

double factor_work(const TileLayout& layout, i64 features) {
  double work = 0.0;
  for (i64 k = 0; k < layout.count(); ++k)
    work += double(layout.count() - k) * task_work(layout.tile, k, features);
  return work;
}

template <class T>
FactorOutcome factorize(const GramTiles<T>& K, const TileLayout& layout, T* L, Team& team) {
  constexpr i64 G = group<T>;
  const i64 nt = layout.count(), b = layout.tile, ld = b * G;
  const RealLoops<T>& loops = simd().template real<T>();
  const i64 tile_bytes = b * b * static_cast<i64>(sizeof(T));
  const auto tile_of = [&](i64 i, i64 j) { return L + layout.offset(i, j); };

  // Tasks (i, k), i >= k, claimed column by column.
  std::vector<Claim> tasks;
  tasks.reserve(static_cast<std::size_t>(layout.tiles()));
  for (i64 k = 0; k < nt; ++k) {
    for (i64 i = k; i < nt; ++i) tasks.push_back({i, k});
  }
  std::vector<std::atomic<std::int32_t>> ready(tasks.size());
  std::atomic<std::size_t> next{0};

  FactorOutcome outcome;
  outcome.min_pivot = std::numeric_limits<double>::infinity();
  std::mutex outcome_mutex;

  team.run([&](int) {
    Buffer<T> A(b * b);
    Buffer<std::int32_t> words;
    double gram_seconds = 0.0;

    for (std::size_t t = next++; t < tasks.size() && !team.stopped(); t = next++) {
      const auto [i, k] = tasks[t];
      const auto tile_ready = [&](i64 row, i64 column) {
        return team.wait(ready[static_cast<std::size_t>(layout.index(row, column))], 1);
      };
      const Part part = i == k ? Part::lower : Part::all;

      const auto start = Clock::now();
      K.fill(i * b, b, k * b, b, A.data(), b, words, part);
      gram_seconds += std::chrono::duration<double>(Clock::now() - start).count();

      // A(i, k) -= L(i, 0 : k) L(k, 0 : k)^T
      bool live = true;
      for (i64 j = 0; j < k && live; ++j) {
        live = tile_ready(i, j) && tile_ready(k, j);
        if (!live) break;
        const Upcoming then =
            j + 1 == k ? Upcoming{} : Upcoming{tile_of(i, j + 1), tile_of(k, j + 1), tile_bytes};
        loops.product(b, b, b, tile_of(i, j), ld, tile_of(k, j), ld, A.data(), b, Update::subtract, part,
                      then);
      }
      if (!live) break;

      if (i == k) {
        // A(k, k) = L(k, k) L(k, k)^T
        const i64 minor = potrf(b, A.data(), b);
        const std::lock_guard lock(outcome_mutex);
        if (minor != 0) outcome.pivot_row = k * b + minor - 1;
        for (i64 r = 0; r < b && outcome.pivot_row < 0; ++r) {
          for (i64 c = r + 1; c < b; ++c) A[r + c * b] = T(0);
          const double pivot = double(A[r + r * b]) * double(A[r + r * b]);
          if (!(pivot > 0.0 && pivot <= std::numeric_limits<double>::max())) {
            outcome.pivot_row = k * b + r;  // inf and nan: not every LAPACK stops at them
          }
          if (k * b + r < layout.n && pivot < outcome.min_pivot) {
            outcome.min_pivot = pivot;
            outcome.min_pivot_row = k * b + r;
          }
        }
        if (outcome.pivot_row >= 0) {
          team.stop();
          break;
        }
        group_from_columns(b, b, A.data(), b, tile_of(k, k), ld);
      } else {
        if (!tile_ready(k, k)) break;
        solve_tile(b, tile_of(k, k), A.data(), tile_of(i, k));
      }
      ready[static_cast<std::size_t>(layout.index(i, k))].store(1, std::memory_order_release);
      team.add_work(task_work(b, k, K.features()));
    }
    const std::lock_guard lock(outcome_mutex);
    outcome.gram_seconds += gram_seconds / team.threads();
  });
  return outcome;
}

template FactorOutcome factorize(const GramTiles<float>&, const TileLayout&, float*, Team&);
template FactorOutcome factorize(const GramTiles<double>&, const TileLayout&, double*, Team&);

}  // namespace kernelgen
