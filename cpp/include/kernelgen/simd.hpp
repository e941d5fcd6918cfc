// The hot loops, once per instruction set: one source (src/simd_kernels.cpp) compiled once for each level, one table of
// function pointers for each, chosen when first used.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace kernelgen {

// A *grouped* matrix stores rows in groups of 64 bytes: element (r, k) lies at (r / G) * ld + k * G + r % G, where G is
// group<T> and ld the distance between groups. The micro-kernel reads both of its operands in this order, so nothing
// is ever packed: what one task writes, the next multiplies.
template <class T>
inline constexpr std::int64_t group = 64 / static_cast<std::int64_t>(sizeof(T));

// Every number of rows or columns given to the loops is a multiple of this.
inline constexpr std::int64_t row_multiple = 48;

// Squared distances below this share of |x|^2 + |z|^2 are computed again from differences.
template <class T>
inline constexpr T close_pair = T(1e-3);

enum class Update { assign, subtract };
enum class Part { all, lower };  // lower: blocks strictly above the diagonal may be left as they are

// What the next product will read, fetched into L2 while this one computes: two contiguous tiles of `bytes` each.
struct Upcoming {
  const void* left = nullptr;
  const void* right = nullptr;
  std::int64_t bytes = 0;
};

// `length` columns beside each other, from `start` on, that are summed into one region.
struct Run {
  std::int64_t start, length, region;
};

template <class T>
struct RealLoops {
  // C = A B^T  or  C -= A B^T;  A (m x k) and B (n x k) grouped, C column-major
  void (*product)(std::int64_t m, std::int64_t n, std::int64_t k, const T* A, std::int64_t lda, const T* B,
                  std::int64_t ldb, T* C, std::int64_t ldc, Update update, Part part, Upcoming upcoming);
  // C -= A^T X;  A (m x k) grouped; X (m x G) and C (k x G) row-major, one group of right-hand sides
  void (*transposed_product)(std::int64_t m, std::int64_t k, const T* A, std::int64_t lda, const T* X, T* C,
                             Upcoming upcoming);
  // The same with A column-major, a block of K: C -= A B^T (k at most 384) and C -= A^T X
  void (*dense_product)(std::int64_t m, std::int64_t n, std::int64_t k, const T* A, std::int64_t lda,
                        const T* B, std::int64_t ldb, T* C, std::int64_t ldc);
  void (*dense_transposed_product)(std::int64_t m, std::int64_t k, const T* A, std::int64_t lda, const T* X,
                                   T* C);
  // column = max(0, norms + norm - 2 column): squared distances from products. Returns how many are below
  // close_pair (norms + norm), where the subtraction cancels.
  std::int64_t (*squared_distances)(std::int64_t m, T* column, const T* norms, T norm);
  // column = norms + norm - 2 words (mod 2^32: exact because the result fits)
  void (*squared_distances_of_words)(std::int64_t m, const std::int32_t* words, const std::int32_t* norms,
                                     std::int32_t norm, T* column);
  // column = words + shifts
  void (*products_of_words)(std::int64_t m, const std::int32_t* words, const std::int32_t* shifts, T* column);
  // rows += |column|; returns the sum of |column|
  T (*absolute_sums)(std::int64_t m, const T* column, T* rows);
  void (*gaussian)(std::int64_t m, T* column, T rate);   // column = exp(-rate column)
  void (*laplacian)(std::int64_t m, T* column, T rate);  // column = exp(-rate sqrt(column))
  void (*polynomial)(std::int64_t m, T* column, T gamma, T coef0,
                     std::int64_t degree);                 // (gamma column + coef0)^degree
  void (*square_root)(std::int64_t m, T* column, T unit);  // column = unit sqrt(column)
  void (*scale)(std::int64_t m, T* column, const T* factors,
                T factor);                                     // column *= factors * factor (1/|x| of bytes)
  void (*add)(std::int64_t m, const T* column, double* sums);  // sums += column
  // For each column c (row_multiple rows, contiguous) of each run: sums(region, 0) += max(c - above, 0) and
  // sums(region, 1) += max(below - c, 0), elementwise; sums is (regions x 2 x row_multiple).
  void (*rectify)(std::int64_t runs, const Run* run, const T* columns, const T* above, const T* below,
                  T* sums);
};

// Products of bytes, exact in int32. A *word* is 32 bits: four bytes where the machine multiplies unsigned by signed
// bytes (VNNI: the right operand is x - 128 and the shift is added back), else two int16.
struct WordLoops {
  std::int64_t values_per_word;
  void (*product)(std::int64_t m, std::int64_t n, std::int64_t words, const std::int32_t* A, std::int64_t lda,
                  const std::int32_t* B, std::int64_t ldb, std::int32_t* C, std::int64_t ldc, Part part);
};

struct SimdTable {
  std::string_view name;
  RealLoops<float> f32;
  RealLoops<double> f64;
  WordLoops words;

  template <class T>
  const RealLoops<T>& real() const {
    if constexpr (sizeof(T) == 4) {
      return f32;
    } else {
      return f64;
    }
  }
};

// The tables this machine can run, slowest first; the last one is the default.
std::vector<const SimdTable*> supported_tables();
const SimdTable& simd();
// Choose a level by name (tests and comparisons); false when this machine cannot run it.
bool set_simd(std::string_view name);

}  // namespace kernelgen
