#include "kernelgen/rates.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <vector>

#include "kernelgen/simd.hpp"
#include "kernelgen/team.hpp"
#include "kernelgen/tiles.hpp"

namespace kernelgen {

namespace {

using i64 = std::int64_t;
using Clock = std::chrono::steady_clock;
constexpr i64 edge = 384;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Sum over threads of (count of calls) / (time of calls).
template <class Make>
double call_rate(int threads, double seconds, const Make& make) {
  Team team(threads, {}, 0.0);
  std::vector<double> rates(static_cast<std::size_t>(threads), 0.0);
  team.run([&](int id) {
    auto call = make();
    call();
    const auto start = Clock::now();
    double calls = 0.0, elapsed = 0.0;
    while (elapsed < seconds) {
      call();
      calls += 1.0;
      elapsed = seconds_since(start);
    }
    rates[static_cast<std::size_t>(id)] = calls / elapsed;
  });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

}  // namespace

template <class T>
double product_rate(int threads, double seconds) {
  const double flops = 2.0 * double(edge) * double(edge) * double(edge);
  return flops * call_rate(threads, seconds, [] {
           Buffer<T> data(3 * edge * edge);
           std::fill(data.data(), data.data() + data.size(), T(0));
           return [data = std::move(data)]() mutable {
             T* p = data.data();
             simd().template real<T>().product(edge, edge, edge, p, edge * group<T>, p + edge * edge,
                                               edge * group<T>, p + 2 * edge * edge, edge, Update::subtract,
                                               Part::all, {});
           };
         });
}

double byte_product_rate(int threads, double seconds) {
  const double operations =
      2.0 * double(edge) * double(edge) * double(edge) * double(simd().words.values_per_word);
  return operations * call_rate(threads, seconds, [] {
           Buffer<std::int32_t> data(3 * edge * edge);
           std::fill(data.data(), data.data() + data.size(), 0);
           return [data = std::move(data)]() mutable {
             std::int32_t* p = data.data();
             constexpr i64 G = group<std::int32_t>;
             simd().words.product(edge, edge, edge, p, edge * G, p + edge * edge, edge * G,
                                  p + 2 * edge * edge, edge, Part::all);
           };
         });
}

double read_bandwidth(int threads, i64 bytes) {
  Team team(threads, {}, 0.0);
  const i64 count = bytes / static_cast<i64>(sizeof(double)) / threads;
  Buffer<double> data(count * threads);
  std::fill(data.data(), data.data() + data.size(), 1.0);
  std::vector<double> totals(static_cast<std::size_t>(threads), 0.0);
  const auto start = Clock::now();
  team.run([&](int id) {
    const double* p = data.data() + id * count;
    double sums[16] = {};
    for (i64 i = 0; i + 16 <= count; i += 16) {
      for (int q = 0; q < 16; ++q) sums[q] += p[i + q];
    }
    totals[static_cast<std::size_t>(id)] = std::accumulate(sums, sums + 16, 0.0);
  });
  const double seconds = seconds_since(start);
  // The totals are looked at, so that the sums are not optimised away.
  const double total = std::accumulate(totals.begin(), totals.end(), 0.0);
  return total > 0.0 ? double(count * threads) * double(sizeof(double)) / seconds : 0.0;
}

template double product_rate<float>(int, double);
template double product_rate<double>(int, double);

}  // namespace kernelgen
