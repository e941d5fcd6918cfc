// Naive float64 oracles and a few lines of test harness: each test is a program that ends with 0 or names its failures.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "kernelgen/gram.hpp"
#include "kernelgen/lapack.hpp"

namespace kernelgen::reference {

using i64 = std::int64_t;

inline int failures = 0;

#define CHECK(condition, ...)                                                                                \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      ++kernelgen::reference::failures;                                                                      \
      std::printf("%s:%d: %s failed; ", __FILE__, __LINE__, #condition);                                     \
      std::printf("" __VA_ARGS__);                                                                           \
      std::printf("\n");                                                                                     \
    }                                                                                                        \
  } while (0)

inline int report(const char* name) {
  std::printf("%s: %d failures\n", name, failures);
  return failures == 0 ? 0 : 1;
}

// Fill the BLAS tables with naive loops, so that the tests need no BLAS.
void use_naive_lapack();

// Row-major points as doubles: scale * (values - center).
std::vector<double> as_doubles(const Points& points);

// K(x, z), row-major, by the formula of each kernel.
std::vector<double> gram(const Points& x, const Points& z, const Kernel& kernel);

template <class T>
std::vector<T> random_values(i64 count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<T> out(static_cast<std::size_t>(count));
  if constexpr (sizeof(T) == 1) {
    std::uniform_int_distribution<int> bytes(0, 255);
    for (T& v : out) v = static_cast<T>(bytes(generator));
  } else {
    std::normal_distribution<double> normal;
    for (T& v : out) v = static_cast<T>(normal(generator));
  }
  return out;
}

// Lower Cholesky factor of a row-major matrix, in double.
std::vector<double> cholesky(std::vector<double> A, i64 n);

}  // namespace kernelgen::reference
