// Blocks of a Gram matrix, made when they are needed. K as a whole never exists.
#pragma once

#include <cstdint>
#include <optional>

#include "kernelgen/kernel.hpp"
#include "kernelgen/packed.hpp"
#include "kernelgen/products.hpp"

namespace kernelgen {

template <class T>
class GramTiles {
 public:
  // Symmetric K(x, x) + ridge I; rows past n are rows of the identity.
  GramTiles(const Points& x, const Kernel& kernel, double ridge, std::int64_t multiple, int threads,
            Transform<T> transform = {});
  // Symmetric K + ridge I from inner products that are there already.
  GramTiles(const Products& products, const Kernel& kernel, double ridge, Transform<T> transform = {});
  // K(x, z); columns past z.n are zero.
  GramTiles(const Points& x, const Points& z, const Kernel& kernel, std::int64_t multiple, int threads,
            Transform<T> transform = {});

  std::int64_t rows() const { return products_ ? products_->layout.n : x_->n; }
  std::int64_t columns() const { return products_ ? products_->layout.n : z().n; }
  std::int64_t features() const { return features_; }

  // out (m x n, column-major) = K(i0 : i0 + m, j0 : j0 + n). All four are multiples of row_multiple. `words` holds
  // m n integers. In a symmetric K a block with i0 == j0 has its exact diagonal.
  void fill(std::int64_t i0, std::int64_t m, std::int64_t j0, std::int64_t n, T* out, std::int64_t ld,
            Buffer<std::int32_t>& words, Part part = Part::all) const;

 private:
  bool symmetric() const { return !z_; }
  const Packed<T>& z() const { return z_ ? *z_ : *x_; }
  void read_products(std::int64_t i0, std::int64_t m, std::int64_t j0, std::int64_t n, T* out,
                     std::int64_t ld) const;

  void quantities(std::int64_t i0, std::int64_t m, std::int64_t j0, std::int64_t n, T* out, std::int64_t ld,
                  Buffer<std::int32_t>& words, Part part) const;
  void transform_column(std::int64_t m, T* column) const;
  void pad(std::int64_t i0, std::int64_t m, std::int64_t j0, std::int64_t n, T* out, std::int64_t ld) const;

  const SimdTable& simd_;
  Kernel kernel_;
  Transform<T> transform_;
  double ridge_ = 0.0;
  std::int64_t features_;
  std::optional<Packed<T>> x_;  // none where the products are there
  std::optional<Packed<T>> z_;  // none when symmetric
  std::optional<Products> products_;
  Buffer<double> squares_;  // <x, x>: the diagonal of the products
};

}  // namespace kernelgen
