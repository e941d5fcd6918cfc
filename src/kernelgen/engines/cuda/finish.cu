// From products <x_i, z_j> to kernel values, in place: distance, clamp, formula and diagonal in one pass over memory.
//
//     q_ij = (r_i + c_j + w p_ij) f_i g_j,   w = -2 (squared distance) or 1 (product)
//
// p are products of rows in the kernel's precision, or exact int32 products of bytes less 128. Then r and c are int64
// and the sum is exact:  |x - z|^2 = |a|^2 + |b|^2 - 2 <a, b>  and  <x, z> = <a, b> + 128 (sum a + sum b) + 128^2 d
// with a = x - 128, b = z - 128. Where |x - z|^2 is small beside |x|^2 + |z|^2 nothing is left of it in floating point:
// such a pair is computed again by differences, in double (decision 0005).
//
// Compiled by NVRTC through CuPy; and by a host compiler in tests, where KERNELGEN_HOST gives the names CUDA would.

enum Formula { QUANTITY = 0, GAUSSIAN = 1, LAPLACIAN = 2, POLYNOMIAL = 3, LINEAR = 4 };
enum Of { SQUARED_DISTANCE = 0, DISTANCE = 1, PRODUCT = 2 };

constexpr int ROWS = 8;        // rows a thread walks down its column
constexpr double CLOSE = 1e-3; // a distance this much below its terms is computed by differences

template <typename T>
struct Terms;
template <>
struct Terms<int> {
  typedef long long type;
};
template <>
struct Terms<float> {
  typedef float type;
};
template <>
struct Terms<double> {
  typedef double type;
};

__device__ inline float exponential(float x) { return expf(x); }
__device__ inline double exponential(double x) { return exp(x); }
__device__ inline float root(float x) { return sqrtf(x); }
__device__ inline double root(double x) { return sqrt(x); }

template <typename T>
__device__ T power(T base, int degree) {
  T result = 1;
  for (; degree > 0; degree >>= 1) {
    if (degree & 1) result *= base;
    base *= base;
  }
  return result;
}

// sum_k (x_k - z_k)^2
template <typename T>
__device__ double differences(const T* x, const T* z, int d) {
  double sum = 0.0;
  for (int k = 0; k < d; ++k) {
    const double gap = static_cast<double>(x[k]) - static_cast<double>(z[k]);
    sum += gap * gap;
  }
  return sum;
}

template <typename T>
__device__ bool is_close(T q, T terms) { return q < static_cast<T>(CLOSE) * terms; }
__device__ inline bool is_close(long long, long long) { return false; }  // exact already

// K (rows x columns, leading dimension ldk) from products (leading dimension ldp; the same memory where types agree).
// x and z hold the rows the products were made of (leading dimension ldx), for close pairs; unread for bytes.
// Element (i, j) lies on the diagonal of a symmetric K where i + offset == j; an offset of `columns` means nowhere.
template <typename T, typename P, int FORMULA, int OF>
__global__ void finish(T* K, long long ldk, const P* products, long long ldp,
                       const typename Terms<P>::type* row_terms, const typename Terms<P>::type* column_terms,
                       const T* row_factors, const T* column_factors, const T* x, const T* z, long long ldx, int d,
                       int rows, int columns, double a, double b, int degree, long long offset, int has_diagonal,
                       double diagonal, double ridge) {
  typedef typename Terms<P>::type Sum;
  const int j = blockIdx.x * blockDim.x + threadIdx.x;
  if (j >= columns) return;
  const int first = (blockIdx.y * blockDim.y + threadIdx.y) * ROWS;
  const int last = first + ROWS < rows ? first + ROWS : rows;
  const Sum column_term = column_terms[j];
  const T column_factor = column_factors[j];
  for (int i = first; i < last; ++i) {
    const Sum terms = row_terms[i] + column_term;
    const Sum product = static_cast<Sum>(products[i * ldp + j]);
    T q;
    if (OF == PRODUCT) {
      q = static_cast<T>(terms + product);
    } else {
      const Sum sum = terms - 2 * product;
      q = static_cast<T>(sum > 0 ? sum : (sum == sum ? Sum(0) : sum));  // nan stays nan
      if (is_close(sum, terms)) q = static_cast<T>(differences(x + i * ldx, z + j * ldx, d));
    }
    q *= row_factors[i] * column_factor;
    if (OF == DISTANCE) q = root(q);
    T value = q;
    if (FORMULA == GAUSSIAN || FORMULA == LAPLACIAN) value = exponential(static_cast<T>(a) * q);
    if (FORMULA == POLYNOMIAL) value = power(static_cast<T>(a) * q + static_cast<T>(b), degree);
    if (i + offset == j) {
      if (has_diagonal) value = static_cast<T>(diagonal);
      value += static_cast<T>(ridge);
    }
    K[i * ldk + j] = value;
  }
}
