// Right-hand sides in the order the loops read them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernelgen/simd.hpp"
#include "kernelgen/tiles.hpp"

namespace kernelgen {

// Right-hand sides in groups of G columns: element (row, column) at (column / G) * ld + row * G + column % G.
template <class T>
struct RightHandSides {
  static constexpr std::int64_t G = group<T>;

  RightHandSides(std::int64_t n, std::int64_t padded, std::int64_t c)
      : n(n)
      , c(c)
      , groups((c + G - 1) / G)
      , ld(padded * G)
      , data(groups * ld) {}

  void read(const T* B) {
    std::fill(data.data(), data.data() + data.size(), T(0));
    for (std::int64_t r = 0; r < n; ++r) {
      for (std::int64_t q = 0; q < c; ++q) data[(q / G) * ld + r * G + q % G] = B[r * c + q];
    }
  }
  void write(T* X) const {
    for (std::int64_t r = 0; r < n; ++r) {
      for (std::int64_t q = 0; q < c; ++q) X[r * c + q] = data[(q / G) * ld + r * G + q % G];
    }
  }
  T* block(std::int64_t g, std::int64_t row) { return data.data() + g * ld + row * G; }
  const T* block(std::int64_t g, std::int64_t row) const { return data.data() + g * ld + row * G; }

  std::int64_t n, c, groups, ld;
  Buffer<T> data;
};

}  // namespace kernelgen
