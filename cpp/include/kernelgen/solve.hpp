// What one factor answers: L L^T X = B, and the diagonal of (L L^T)^-1.
#pragma once

#include "kernelgen/team.hpp"
#include "kernelgen/tiles.hpp"

namespace kernelgen {

// Y = L^-1 B, then X = L^-T Y. `B` and `X` are row-major (n x c); they may be the same array.
template <class T>
void solve(const TileLayout& layout, const T* L, std::int64_t c, const T* B, T* X, Team& team);

double solve_work(const TileLayout& layout, std::int64_t c);

// out[i] = |L^-1 e_i|^2 = ((L L^T)^-1)_ii, accumulated in double; n^3 / 3 multiply-adds.
template <class T>
void diag_inverse(const TileLayout& layout, const T* L, double* out, Team& team);

double diag_inverse_work(const TileLayout& layout);

}  // namespace kernelgen
