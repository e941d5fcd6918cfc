// The kernels known by formula, and how a caller's own one is called.
#pragma once

#include <cstdint>
#include <functional>

namespace kernelgen {

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

}  // namespace kernelgen
