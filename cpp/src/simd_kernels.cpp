// Compiled once per instruction set with KERNELGEN_LEVEL set to its name. Nothing here may be shared between levels
// (an inline function of the standard library compiled for AVX-512 could be picked by the linker for everybody), so all
// is in an unnamed namespace and only builtins are used.
#include <type_traits>

#include "kernelgen/simd.hpp"

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

namespace kernelgen {
namespace {

using i64 = std::int64_t;

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
constexpr int columns = 8;  // 3 x 8 accumulators, 3 rows, 1 broadcast of 32 registers
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
constexpr int columns = 4;  // 3 x 4 accumulators, 3 rows, 1 broadcast of 16 registers
#else
constexpr int vector_bytes = 16;
constexpr int columns = 4;
#endif
constexpr int vectors = 3;

// Memory operands may be unaligned (a factor mapped from a file), hence the second type.
template <class T>
struct Lanes {
  typedef T type __attribute__((vector_size(vector_bytes)));
  typedef T memory __attribute__((vector_size(vector_bytes), aligned(alignof(T)), may_alias));
  static constexpr i64 count = vector_bytes / static_cast<i64>(sizeof(T));
};

template <class T>
struct RealStep {
  using V = typename Lanes<T>::type;
  static inline __attribute__((always_inline)) void step(V& sum, V rows, V column) { sum += rows * column; }
};

struct WordStep {
  using V = Lanes<std::int32_t>::type;
  static inline __attribute__((always_inline)) void step(V& sum, V rows, V column) {
#if defined(__AVX512VNNI__)
    sum = (V)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)rows, (__m512i)column);
#elif defined(__AVX512BW__)
    sum += (V)_mm512_madd_epi16((__m512i)rows, (__m512i)column);
#elif defined(__AVX2__)
    sum += (V)_mm256_madd_epi16((__m256i)rows, (__m256i)column);
#else
    // Values are bytes held in int16, so both halves are non-negative.
    sum += (rows & 0xffff) * (column & 0xffff) + (rows >> 16) * (column >> 16);
#endif
  }
};
#if defined(__AVX512VNNI__)
constexpr int values_per_word = 4;
#else
constexpr int values_per_word = 2;
#endif

enum class Store { assign, add, subtract };

// 3 vectors of rows times `columns` columns, accumulated in registers over k. With `fetch`, one line of 64 bytes from
// there on is asked into L2 at each step. `stride` leads from one column of A to the next.
template <class T, class Step, Store store, bool fetches, class Stride>
inline __attribute__((always_inline)) void micro_kernel(i64 k, const T* a0, const T* a1, const T* a2,
                                                        Stride stride, const T* b, T* c, i64 ldc,
                                                        const char* fetch) {
  using V = typename Lanes<T>::type;
  using M = typename Lanes<T>::memory;
  constexpr i64 G = group<T>;
  constexpr i64 W = Lanes<T>::count;
  V sum[columns][vectors];
#pragma GCC unroll 8
  for (int j = 0; j < columns; ++j) {
    sum[j][0] = V{};
    sum[j][1] = V{};
    sum[j][2] = V{};
  }
  for (i64 p = 0; p < k; ++p) {
    if constexpr (fetches) __builtin_prefetch(fetch + p * 64, 0, 2);
    const V x0 = *(const M*)(a0 + p * stride);
    const V x1 = *(const M*)(a1 + p * stride);
    const V x2 = *(const M*)(a2 + p * stride);
#pragma GCC unroll 8
    for (int j = 0; j < columns; ++j) {
      const V y = b[p * G + j] - V{};
      Step::step(sum[j][0], x0, y);
      Step::step(sum[j][1], x1, y);
      Step::step(sum[j][2], x2, y);
    }
  }
#pragma GCC unroll 8
  for (int j = 0; j < columns; ++j) {
#pragma GCC unroll 3
    for (int v = 0; v < vectors; ++v) {
      M* out = (M*)(c + j * ldc + v * W);
      if constexpr (store == Store::assign) {
        *out = sum[j][v];
      } else if constexpr (store == Store::add) {
        *out += sum[j][v];
      } else {
        *out -= sum[j][v];
      }
    }
  }
}

// Hands out the lines of the upcoming tiles, k at a time.
struct Fetcher {
  const char* next;
  const char* end;
  const char* other;
  i64 bytes;

  explicit Fetcher(const Upcoming& upcoming)
      : next(static_cast<const char*>(upcoming.left))
      , end(next + upcoming.bytes)
      , other(static_cast<const char*>(upcoming.right))
      , bytes(upcoming.bytes) {}

  const char* take(i64 k) {
    if (next >= end) {
      if (other == nullptr) return nullptr;
      next = other;
      end = other + bytes;
      other = nullptr;
    }
    const char* lines = next;
    next += k * 64;
    return lines;
  }
};

// A grouped is lda apart from group to group and `Grouped` from column to column; a column-major A is the same with G
// and its leading dimension.
template <class T>
using Grouped = std::integral_constant<i64, group<T>>;

template <class T, class Step, Store store, class Stride>
void block_product(i64 m, i64 n, i64 k, const T* A, i64 lda, Stride stride, const T* B, i64 ldb, T* C,
                   i64 ldc, Part part, Fetcher& fetcher) {
  constexpr i64 G = group<T>;
  constexpr i64 W = Lanes<T>::count;
  constexpr i64 rows = vectors * W;
  for (i64 j = 0; j < n; j += columns) {
    const T* b = B + (j / G) * ldb + j % G;
    for (i64 i = part == Part::lower ? j / rows * rows : 0; i < m; i += rows) {
      const i64 i1 = i + W, i2 = i + 2 * W;
      const T* a0 = A + (i / G) * lda + i % G;
      const T* a1 = A + (i1 / G) * lda + i1 % G;
      const T* a2 = A + (i2 / G) * lda + i2 % G;
      T* c = C + i + j * ldc;
      if (const char* lines = fetcher.take(k)) {
        micro_kernel<T, Step, store, true>(k, a0, a1, a2, stride, b, c, ldc, lines);
      } else {
        micro_kernel<T, Step, store, false>(k, a0, a1, a2, stride, b, c, ldc, nullptr);
      }
    }
  }
}

// A slice of B, depth x 64 bytes, stays in a 32 KiB L1 cache.
constexpr i64 depth = 384;

template <class T, class Step>
void product(i64 m, i64 n, i64 k, const T* A, i64 lda, const T* B, i64 ldb, T* C, i64 ldc, Update update,
             Part part, Upcoming upcoming) {
  constexpr i64 G = group<T>;
  Fetcher fetcher(upcoming);
  for (i64 k0 = 0; k0 < k; k0 += depth) {
    const i64 kc = k - k0 < depth ? k - k0 : depth;
    const T* a = A + k0 * G;
    const T* b = B + k0 * G;
    if (update == Update::subtract) {
      block_product<T, Step, Store::subtract>(m, n, kc, a, lda, Grouped<T>{}, b, ldb, C, ldc, part, fetcher);
    } else if (k0 == 0) {
      block_product<T, Step, Store::assign>(m, n, kc, a, lda, Grouped<T>{}, b, ldb, C, ldc, part, fetcher);
    } else {
      block_product<T, Step, Store::add>(m, n, kc, a, lda, Grouped<T>{}, b, ldb, C, ldc, part, fetcher);
    }
  }
}

// C -= A B^T for a block of K: A column-major, B grouped, k at most `depth`.
template <class T>
void dense_product(i64 m, i64 n, i64 k, const T* A, i64 lda, const T* B, i64 ldb, T* C, i64 ldc) {
  Fetcher none{Upcoming{}};
  block_product<T, RealStep<T>, Store::subtract>(m, n, k, A, group<T>, lda, B, ldb, C, ldc, Part::all, none);
}

template <class T>
void real_product(i64 m, i64 n, i64 k, const T* A, i64 lda, const T* B, i64 ldb, T* C, i64 ldc, Update update,
                  Part part, Upcoming upcoming) {
  product<T, RealStep<T>>(m, n, k, A, lda, B, ldb, C, ldc, update, part, upcoming);
}

void word_product(i64 m, i64 n, i64 k, const std::int32_t* A, i64 lda, const std::int32_t* B, i64 ldb,
                  std::int32_t* C, i64 ldc, Part part) {
  product<std::int32_t, WordStep>(m, n, k, A, lda, B, ldb, C, ldc, Update::assign, part, Upcoming{});
}

// C(k, :) -= sum_r A(r, k) X(r, :): 12 columns of A at a time, one vector of right-hand sides.
template <class T, class Stride>
inline __attribute__((always_inline)) void transposed(i64 m, i64 k, const T* A, i64 lda, Stride stride,
                                                      const T* X, T* C, Upcoming upcoming) {
  using V = typename Lanes<T>::type;
  using M = typename Lanes<T>::memory;
  constexpr i64 G = group<T>;
  constexpr int wide = 12;
  Fetcher fetcher(upcoming);
  for (i64 k0 = 0; k0 < k; k0 += wide) {
    for (i64 lane = 0; lane < G; lane += Lanes<T>::count) {
      V sum[wide];
#pragma GCC unroll 12
      for (int q = 0; q < wide; ++q) sum[q] = V{};
      for (i64 g = 0; g < m / G; ++g) {
        if (const char* lines = fetcher.take(wide)) {
          for (i64 line = 0; line < wide; ++line) __builtin_prefetch(lines + line * 64, 0, 2);
        }
        const T* a = A + g * lda + k0 * stride;
        for (i64 r = 0; r < G; ++r) {
          const V x = *(const M*)(X + (g * G + r) * G + lane);
#pragma GCC unroll 12
          for (int q = 0; q < wide; ++q) sum[q] += x * (a[q * stride + r] - V{});
        }
      }
#pragma GCC unroll 12
      for (int q = 0; q < wide; ++q) *(M*)(C + (k0 + q) * G + lane) -= sum[q];
    }
  }
}

template <class T>
void transposed_product(i64 m, i64 k, const T* A, i64 lda, const T* X, T* C, Upcoming upcoming) {
  transposed(m, k, A, lda, Grouped<T>{}, X, C, upcoming);
}

template <class T>
void dense_transposed_product(i64 m, i64 k, const T* A, i64 lda, const T* X, T* C) {
  transposed(m, k, A, group<T>, lda, X, C, Upcoming{});
}

// exp(x) for x <= 0, about 1 ulp: x = n log 2 + r with |r| <= log(2)/2, a Taylor polynomial in r, then n into the
// exponent. Below -87 (-708) the result is 0, a little before it would leave the normal numbers. nan stays nan.
inline __attribute__((always_inline)) float exp_nonpositive(float argument) {
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const bool tiny = argument < -87.0f;
  const float x = tiny ? -87.0f : argument;
  const float t = x * 1.44269504f + shift;
  const float n = t - shift;
  float r = x - n * 0.693145752f;
  r = r - n * 1.42860677e-6f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const std::int32_t exponent =
      (__builtin_bit_cast(std::int32_t, t) - __builtin_bit_cast(std::int32_t, shift)) << 23;
  const float y = __builtin_bit_cast(float, __builtin_bit_cast(std::int32_t, p) + exponent);
  return tiny ? 0.0f : argument == argument ? y : argument;
}

inline __attribute__((always_inline)) double exp_nonpositive(double argument) {
  constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  const bool tiny = argument < -708.0;
  const double x = tiny ? -708.0 : argument;
  const double t = x * 1.4426950408889634 + shift;
  const double n = t - shift;
  double r = x - n * 6.93147180369123816490e-01;
  r = r - n * 1.90821492927058770002e-10;
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  p = p * r + 0.5;
  p = p * r + 1.0;
  p = p * r + 1.0;
  const std::int64_t exponent =
      (__builtin_bit_cast(std::int64_t, t) - __builtin_bit_cast(std::int64_t, shift)) << 52;
  const double y = __builtin_bit_cast(double, __builtin_bit_cast(std::int64_t, p) + exponent);
  return tiny ? 0.0 : argument == argument ? y : argument;
}

template <class T>
i64 squared_distances(i64 m, T* __restrict column, const T* __restrict norms, T norm) {
  i64 close = 0;
  for (i64 i = 0; i < m; ++i) {
    const T both = norms[i] + norm;
    const T d = both - T(2) * column[i];
    close += d < close_pair<T> * both;
    column[i] = d < T(0) ? T(0) : d;  // nan stays nan: a pivot will tell
  }
  return close;
}

template <class T>
void squared_distances_of_words(i64 m, const std::int32_t* __restrict words,
                                const std::int32_t* __restrict norms, std::int32_t norm,
                                T* __restrict column) {
  for (i64 i = 0; i < m; ++i) {
    const std::uint32_t d = std::uint32_t(norms[i]) + std::uint32_t(norm) - 2u * std::uint32_t(words[i]);
    column[i] = static_cast<T>(static_cast<std::int32_t>(d));
  }
}

template <class T>
void products_of_words(i64 m, const std::int32_t* __restrict words, const std::int32_t* __restrict shifts,
                       T* __restrict column) {
  for (i64 i = 0; i < m; ++i) {
    column[i] = static_cast<T>(static_cast<std::int32_t>(std::uint32_t(words[i]) + std::uint32_t(shifts[i])));
  }
}

// m is a multiple of row_multiple, so of every vector's length.
template <class T>
T absolute_sums(i64 m, const T* column, T* rows) {
  using V = typename Lanes<T>::type;
  using M = typename Lanes<T>::memory;
  V total{};
  for (i64 i = 0; i < m; i += Lanes<T>::count) {
    const V x = *(const M*)(column + i);
    const V size = x < V{} ? -x : x;
    *(M*)(rows + i) += size;
    total += size;
  }
  T sum = T(0);
  for (i64 lane = 0; lane < Lanes<T>::count; ++lane) sum += total[lane];
  return sum;
}

template <class T>
void gaussian(i64 m, T* column, T rate) {
  for (i64 i = 0; i < m; ++i) column[i] = exp_nonpositive(-rate * column[i]);
}

template <class T>
inline __attribute__((always_inline)) T root(T x) {
  if constexpr (sizeof(T) == 4) {
    return __builtin_sqrtf(x);
  } else {
    return __builtin_sqrt(x);
  }
}

template <class T>
void laplacian(i64 m, T* column, T rate) {
  for (i64 i = 0; i < m; ++i) column[i] = exp_nonpositive(-rate * root(column[i]));
}

template <class T>
void square_root(i64 m, T* column, T unit) {
  for (i64 i = 0; i < m; ++i) column[i] = unit * root(column[i]);
}

// Repeated squaring, the same multiplications for every element.
template <class T>
void polynomial(i64 m, T* column, T gamma, T coef0, i64 degree) {
  constexpr i64 block = 64;
  for (i64 i0 = 0; i0 < m; i0 += block) {
    const i64 length = m - i0 < block ? m - i0 : block;
    T base[block], power[block];
    for (i64 i = 0; i < length; ++i) {
      base[i] = gamma * column[i0 + i] + coef0;
      power[i] = T(1);
    }
    for (i64 e = degree; e > 0; e >>= 1) {
      if (e & 1) {
        for (i64 i = 0; i < length; ++i) power[i] *= base[i];
      }
      for (i64 i = 0; i < length; ++i) base[i] *= base[i];
    }
    for (i64 i = 0; i < length; ++i) column[i0 + i] = power[i];
  }
}

template <class T>
void scale(i64 m, T* __restrict column, const T* __restrict factors, T factor) {
  for (i64 i = 0; i < m; ++i) column[i] *= factors[i] * factor;
}

template <class T>
void add(i64 m, const T* __restrict column, double* __restrict sums) {
  for (i64 i = 0; i < m; ++i) sums[i] += double(column[i]);
}

template <class T>
void rectify(i64 runs, const Run* run, const T* columns_of, const T* above, const T* below, T* sums) {
  using V = typename Lanes<T>::type;
  using M = typename Lanes<T>::memory;
  constexpr i64 W = Lanes<T>::count;
  for (i64 lane = 0; lane < row_multiple; lane += W) {
    const V up = *(const M*)(above + lane), down = *(const M*)(below + lane);
    for (i64 q = 0; q < runs; ++q) {
      const T* c = columns_of + run[q].start * row_multiple + lane;
      T* to = sums + run[q].region * 2 * row_multiple + lane;
      V positive = *(const M*)to, negative = *(const M*)(to + row_multiple);
      for (i64 j = 0; j < run[q].length; ++j) {
        const V x = *(const M*)(c + j * row_multiple);
        const V over = x - up, under = down - x;
        positive += over > V{} ? over : V{};
        negative += under > V{} ? under : V{};
      }
      *(M*)to = positive;
      *(M*)(to + row_multiple) = negative;
    }
  }
}

template <class T>
constexpr RealLoops<T> real_loops{
    real_product<T>,
    transposed_product<T>,
    dense_product<T>,
    dense_transposed_product<T>,
    squared_distances<T>,
    squared_distances_of_words<T>,
    products_of_words<T>,
    absolute_sums<T>,
    gaussian<T>,
    laplacian<T>,
    polynomial<T>,
    square_root<T>,
    scale<T>,
    add<T>,
    rectify<T>,
};

}  // namespace

#define KERNELGEN_JOIN_(a, b) a##b
#define KERNELGEN_JOIN(a, b) KERNELGEN_JOIN_(a, b)
#define KERNELGEN_TEXT_(a) #a
#define KERNELGEN_TEXT(a) KERNELGEN_TEXT_(a)

extern const SimdTable KERNELGEN_JOIN(simd_table_, KERNELGEN_LEVEL);
const SimdTable KERNELGEN_JOIN(simd_table_, KERNELGEN_LEVEL){
    KERNELGEN_TEXT(KERNELGEN_LEVEL), real_loops<float>, real_loops<double>, {values_per_word, word_product}};

}  // namespace kernelgen
