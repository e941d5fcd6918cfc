// Points in the order in which the micro-kernel reads them.
#pragma once

#include <cstdint>

#include "kernelgen/kernel.hpp"
#include "kernelgen/simd.hpp"
#include "kernelgen/tiles.hpp"

namespace kernelgen {

enum class Dtype { u8, f32, f64 };

// n points in R^d, row-major; the kernel sees scale * (values - center).
struct Points {
  const void* values;
  Dtype dtype;
  std::int64_t n;
  std::int64_t d;
  double scale = 1.0;
  const double* center = nullptr;  // (d,) or none
};

// The largest d whose byte products and squared distances fit in 32 bits: 255^2 d < 2^31.
inline constexpr std::int64_t exact_byte_features = 32768;

// Bytes stay integers (words) where their products are exact; anything else becomes T, centred and scaled, and of
// length 1 for normalized kernels.
template <class T>
struct Packed {
  Packed(const Points& points, const Kernel& kernel, const SimdTable& simd, std::int64_t multiple,
         bool as_left, bool as_right, int threads);

  // |x_i - z_j|^2 from differences, for pairs so close that products cancel; not for words, which are exact.
  double squared_distance(std::int64_t i, const Packed& z, std::int64_t j) const;

  std::int64_t n;
  std::int64_t padded;
  bool is_words;
  std::int64_t depth;  // elements or words of one row
  double unit;         // the kernel sees unit * packed values
  Buffer<T> real;
  Buffer<T> norms;                   // of reals |x|^2; of words, for normalized kernels, 1/|x|
  Buffer<std::int32_t> left;         // unsigned bytes or int16 pairs
  Buffer<std::int32_t> right;        // signed bytes (x - 128); empty where `left` serves both sides
  Buffer<std::int32_t> word_norms;   // |x|^2
  Buffer<std::int32_t> word_shifts;  // what a word product lacks: 128 sum(x), or 0
  Buffer<std::int32_t> left_norms;   // word_norms - 2 word_shifts
};

}  // namespace kernelgen
