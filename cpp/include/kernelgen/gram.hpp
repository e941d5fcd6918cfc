// Blocks of a Gram matrix, made when they are needed. K as a whole never exists.
#pragma once

#include <cstdint>
#include <functional>

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

enum class Shape { gaussian, laplacian, polynomial, linear, custom };
enum class Quantity { product, squared_distance, distance };

struct Kernel {
  Shape shape;
  Quantity of = Quantity::squared_distance;  // what a custom kernel is a function of
  double bandwidth = 1.0;  // gaussian exp(-|x-z|^2 / (2 bandwidth^2)), laplacian exp(-|x-z| / bandwidth)
  double gamma = 1.0;      // polynomial (gamma <x,z> + coef0)^degree
  double coef0 = 0.0;
  std::int64_t degree = 1;
  bool normalize = false;  // polynomial of x/|x|, z/|z|

  bool uses_distance() const {
    return shape == Shape::gaussian || shape == Shape::laplacian ||
           (shape == Shape::custom && of != Quantity::product);
  }
};

// Custom kernels: applied in place to a column-major block of the quantity.
template <class T>
using Transform = std::function<void(T* block, std::int64_t rows, std::int64_t columns, std::int64_t ld)>;

// The largest d whose byte products and squared distances fit in 32 bits: 255^2 d < 2^31.
inline constexpr std::int64_t exact_byte_features = 32768;

// Points as the micro-kernel reads them. Bytes stay integers (words), anything else becomes T.
template <class T>
struct Packed {
  Packed(const Points& points, const Kernel& kernel, std::int64_t multiple, bool as_left, bool as_right,
         int threads);

  std::int64_t n;
  std::int64_t padded;
  bool is_words;
  std::int64_t depth;  // elements or words of one row
  double unit;         // the kernel sees unit * packed values
  Buffer<T> real;
  Buffer<T> norms;                   // |x|^2, or 1/|x| for normalized kernels
  Buffer<std::int32_t> left;         // unsigned bytes or int16 pairs
  Buffer<std::int32_t> right;        // signed bytes (x - 128); empty where `left` serves both sides
  Buffer<std::int32_t> word_norms;   // |x|^2
  Buffer<std::int32_t> word_shifts;  // what a word product lacks: 128 sum(x), or 0
  Buffer<std::int32_t> left_norms;   // word_norms - 2 word_shifts
};

template <class T>
class GramTiles {
 public:
  // Symmetric K(x, x) + ridge I; rows past n are rows of the identity.
  GramTiles(const Points& x, const Kernel& kernel, double ridge, std::int64_t multiple, int threads,
            Transform<T> transform = {});
  // K(x, z); columns past z.n are zero.
  GramTiles(const Points& x, const Points& z, const Kernel& kernel, std::int64_t multiple, int threads,
            Transform<T> transform = {});

  std::int64_t rows() const { return x_.n; }
  std::int64_t columns() const { return symmetric_ ? x_.n : z_.n; }
  std::int64_t features() const { return features_; }

  // out (m x n, column-major) = K(i0 : i0 + m, j0 : j0 + n). All four are multiples of row_multiple. `words` holds
  // m n integers. In a symmetric K a block with i0 == j0 has its exact diagonal.
  void fill(std::int64_t i0, std::int64_t m, std::int64_t j0, std::int64_t n, T* out, std::int64_t ld,
            Buffer<std::int32_t>& words, Part part = Part::all) const;

 private:
  void quantities(std::int64_t i0, std::int64_t m, std::int64_t j0, std::int64_t n, T* out, std::int64_t ld,
                  Buffer<std::int32_t>& words, Part part) const;
  void transform_column(std::int64_t m, T* column) const;
  void pad(std::int64_t i0, std::int64_t m, std::int64_t j0, std::int64_t n, T* out, std::int64_t ld) const;

  Kernel kernel_;
  Transform<T> transform_;
  double ridge_ = 0.0;
  bool symmetric_;
  std::int64_t features_;
  Packed<T> x_;
  Packed<T> z_;  // empty when symmetric
};

}  // namespace kernelgen
