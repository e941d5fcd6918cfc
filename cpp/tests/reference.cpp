#include "reference.hpp"

namespace kernelgen::reference {

namespace {

template <class T>
T& at(T* A, i64 i, i64 j, i64 ld) {
  return A[i + j * ld];
}

// Lower triangular L only, as the core calls it.
template <class T>
void naive_trsm(char* side, char*, char* op, char*, int* m, int* n, T*, T* L, int* ldl, T* B, int* ldb) {
  if (*side == 'L') {
    for (i64 j = 0; j < *n; ++j) {
      for (i64 i = 0; i < *m; ++i) {
        double x = at(B, i, j, *ldb);
        for (i64 p = 0; p < i; ++p) x -= double(at(L, i, p, *ldl)) * double(at(B, p, j, *ldb));
        at(B, i, j, *ldb) = static_cast<T>(x / double(at(L, i, i, *ldl)));
      }
    }
    return;
  }
  for (i64 i = 0; i < *m; ++i) {
    for (i64 q = 0; q < *n; ++q) {
      const i64 j = *op == 'T' ? q : *n - 1 - q;
      double x = at(B, i, j, *ldb);
      if (*op == 'T') {
        for (i64 p = 0; p < j; ++p) x -= double(at(B, i, p, *ldb)) * double(at(L, j, p, *ldl));
      } else {
        for (i64 p = j + 1; p < *n; ++p) x -= double(at(B, i, p, *ldb)) * double(at(L, p, j, *ldl));
      }
      at(B, i, j, *ldb) = static_cast<T>(x / double(at(L, j, j, *ldl)));
    }
  }
}

template <class T>
void naive_potrf(char*, int* n, T* A, int* lda, int* info) {
  *info = 0;
  for (i64 j = 0; j < *n; ++j) {
    double pivot = at(A, j, j, *lda);
    for (i64 p = 0; p < j; ++p) pivot -= double(at(A, j, p, *lda)) * double(at(A, j, p, *lda));
    if (!(pivot > 0.0)) {
      *info = static_cast<int>(j + 1);
      return;
    }
    at(A, j, j, *lda) = static_cast<T>(std::sqrt(pivot));
    for (i64 i = j + 1; i < *n; ++i) {
      double x = at(A, i, j, *lda);
      for (i64 p = 0; p < j; ++p) x -= double(at(A, i, p, *lda)) * double(at(A, j, p, *lda));
      at(A, i, j, *lda) = static_cast<T>(x / double(at(A, j, j, *lda)));
    }
  }
}

double evaluate(const Kernel& kernel, double product, double squared) {
  switch (kernel.shape) {
  case Shape::gaussian:
    return std::exp(-squared / (2 * kernel.bandwidth * kernel.bandwidth));
  case Shape::laplacian:
    return std::exp(-std::sqrt(squared) / kernel.bandwidth);
  case Shape::polynomial:
    return std::pow(kernel.gamma * product + kernel.coef0, double(kernel.degree));
  case Shape::linear:
    return product;
  case Shape::custom:
    break;
  }
  return kernel.of == Quantity::product    ? product
         : kernel.of == Quantity::distance ? std::sqrt(squared)
                                           : squared;
}

}  // namespace

void use_naive_lapack() {
  lapack<float>() = {naive_trsm<float>, naive_potrf<float>};
  lapack<double>() = {naive_trsm<double>, naive_potrf<double>};
}

std::vector<double> as_doubles(const Points& points) {
  std::vector<double> out(static_cast<std::size_t>(points.n * points.d));
  for (i64 q = 0; q < points.n * points.d; ++q) {
    double value = 0.0;
    switch (points.dtype) {
    case Dtype::u8:
      value = static_cast<const std::uint8_t*>(points.values)[q];
      break;
    case Dtype::f32:
      value = static_cast<const float*>(points.values)[q];
      break;
    case Dtype::f64:
      value = static_cast<const double*>(points.values)[q];
      break;
    }
    if (points.center != nullptr) value -= points.center[q % points.d];
    out[static_cast<std::size_t>(q)] = points.scale * value;
  }
  return out;
}

std::vector<double> gram(const Points& x, const Points& z, const Kernel& kernel) {
  const std::vector<double> a = as_doubles(x), b = as_doubles(z);
  std::vector<double> out(static_cast<std::size_t>(x.n * z.n));
  for (i64 i = 0; i < x.n; ++i) {
    for (i64 j = 0; j < z.n; ++j) {
      double product = 0.0, squared = 0.0, xx = 0.0, zz = 0.0;
      for (i64 k = 0; k < x.d; ++k) {
        const double u = a[static_cast<std::size_t>(i * x.d + k)],
                     v = b[static_cast<std::size_t>(j * x.d + k)];
        product += u * v;
        squared += (u - v) * (u - v);
        xx += u * u;
        zz += v * v;
      }
      if (kernel.normalize) product /= std::sqrt(xx) * std::sqrt(zz);
      out[static_cast<std::size_t>(i * z.n + j)] = evaluate(kernel, product, squared);
    }
  }
  return out;
}

std::vector<double> cholesky(std::vector<double> A, i64 n) {
  // The row-major upper triangle of a symmetric A is the column-major lower one; the result is transposed back.
  char lower = 'L';
  int order = static_cast<int>(n), info = 0;
  naive_potrf(&lower, &order, A.data(), &order, &info);
  std::vector<double> L(A.size(), 0.0);
  for (i64 i = 0; i < n; ++i) {
    for (i64 j = 0; j <= i; ++j)
      L[static_cast<std::size_t>(i * n + j)] = A[static_cast<std::size_t>(i + j * n)];
  }
  return L;
}

}  // namespace kernelgen::reference
