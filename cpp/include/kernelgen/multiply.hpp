// Products with a Gram matrix that is never stored.
#pragma once

#include "kernelgen/gram.hpp"
#include "kernelgen/team.hpp"

namespace kernelgen {

// Rows and columns of the blocks in which K is made for a product: 192^2 doubles fit in L2.
inline constexpr std::int64_t product_block = 192;

// out = (K + ridge I) P and row_sums = |K + ridge I| 1, from the lower blocks of K. P and out are row-major (n x c).
void multiply(const GramTiles<double>& K, std::int64_t c, const double* P, double* out, double* row_sums,
              Team& team);

double multiply_work(std::int64_t n, std::int64_t features, std::int64_t c);

// out (m x c, row-major) = K(x, z) alpha (n x c, row-major)
template <class T>
void cross_multiply(const GramTiles<T>& K, std::int64_t c, const T* alpha, T* out, Team& team);

// out (rows x columns, row-major) = K
template <class T>
void dense(const GramTiles<T>& K, T* out, Team& team);

}  // namespace kernelgen
