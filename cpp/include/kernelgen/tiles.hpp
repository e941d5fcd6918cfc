// Lower tiles of a symmetric or triangular matrix, each tile contiguous and grouped; 64-bit offsets throughout.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include "kernelgen/simd.hpp"

namespace kernelgen {

struct TileLayout {
  std::int64_t n;     // rows of the matrix; the last tile is padded
  std::int64_t tile;  // rows and columns of a tile, a multiple of row_multiple

  std::int64_t count() const { return (n + tile - 1) / tile; }
  std::int64_t padded() const { return count() * tile; }
  // (i, j), i >= j, at index i (i + 1) / 2 + j
  std::int64_t index(std::int64_t i, std::int64_t j) const { return i * (i + 1) / 2 + j; }
  std::int64_t offset(std::int64_t i, std::int64_t j) const { return index(i, j) * tile * tile; }
  std::int64_t tiles() const { return count() * (count() + 1) / 2; }
};

// 64-byte aligned scratch, not initialised.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::int64_t size = 0)
      : data_(size == 0 ? nullptr
                        : static_cast<T*>(::operator new(static_cast<std::size_t>(size) * sizeof(T),
                                                         std::align_val_t{64})))
      , size_(size) {}
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  T& operator[](std::int64_t i) { return data_.get()[i]; }
  const T& operator[](std::int64_t i) const { return data_.get()[i]; }
  std::int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete(p, std::align_val_t{64}); }
  };
  std::unique_ptr<T, Free> data_;
  std::int64_t size_;
};

// Copies between a column-major block and a grouped one.
template <class T>
void group_from_columns(std::int64_t rows, std::int64_t columns, const T* source, std::int64_t ld, T* out,
                        std::int64_t ld_out) {
  constexpr std::int64_t G = group<T>;
  for (std::int64_t g = 0; g < rows / G; ++g) {
    for (std::int64_t k = 0; k < columns; ++k) {
      const T* from = source + g * G + k * ld;
      T* to = out + g * ld_out + k * G;
      for (std::int64_t r = 0; r < G; ++r) to[r] = from[r];
    }
  }
}

template <class T>
void columns_from_group(std::int64_t rows, std::int64_t columns, const T* source, std::int64_t ld_source,
                        T* out, std::int64_t ld) {
  constexpr std::int64_t G = group<T>;
  for (std::int64_t g = 0; g < rows / G; ++g) {
    for (std::int64_t k = 0; k < columns; ++k) {
      const T* from = source + g * ld_source + k * G;
      T* to = out + g * G + k * ld;
      for (std::int64_t r = 0; r < G; ++r) to[r] = from[r];
    }
  }
}

}  // namespace kernelgen
