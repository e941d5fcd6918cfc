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
    Buffer<T> A(b * b), diagonal(b * b);
    Buffer<std::int32_t> words;
    i64 diagonal_of = -1;
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
        loops.product(b, b, b, L + layout.offset(i, j), ld, L + layout.offset(k, j), ld, A.data(), b,
                      Update::subtract, part);
      }
      if (!live) break;

      if (i == k) {
        // A(k, k) = L(k, k) L(k, k)^T
        const i64 minor = potrf(b, A.data(), b);
        const std::lock_guard lock(outcome_mutex);
        if (minor != 0) {
          outcome.pivot_row = k * b + minor - 1;
          team.stop();
          break;
        }
        for (i64 r = 0; r < b; ++r) {
          for (i64 c = r + 1; c < b; ++c) A[r + c * b] = T(0);
          const double pivot = double(A[r + r * b]) * double(A[r + r * b]);
          if (k * b + r < layout.n && pivot < outcome.min_pivot) {
            outcome.min_pivot = pivot;
            outcome.min_pivot_row = k * b + r;
          }
        }
      } else {
        // L(i, k) = A(i, k) L(k, k)^-T
        if (!tile_ready(k, k)) break;
        if (diagonal_of != k) {
          columns_from_group(b, b, L + layout.offset(k, k), ld, diagonal.data(), b);
          diagonal_of = k;
        }
        trsm_right('T', b, b, diagonal.data(), b, A.data(), b);
      }
      group_from_columns(b, b, A.data(), b, L + layout.offset(i, k), ld);
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
