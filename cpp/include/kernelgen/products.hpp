// Inner products of features that are never all there: blocks of features come, their products are added, they go.
#pragma once

#include "kernelgen/team.hpp"
#include "kernelgen/tiles.hpp"

namespace kernelgen {

// Lower tiles in double, column-major inside, tile (i, j) at layout.offset(i, j); tiles on the diagonal hold both
// triangles. Rows past n are zero.
struct Products {
  TileLayout layout;
  const double* tiles;

  double at(std::int64_t i, std::int64_t j) const {  // i >= j, or both in one tile
    const std::int64_t b = layout.tile;
    return tiles[layout.offset(i / b, j / b) + i % b + j % b * b];
  }
};

// tiles += Phi Phi^T for one block of features; Phi (layout.padded() x depth) grouped. Products of at most 384 features
// are summed in T; the sum over all features is in double, so that its error does not grow with their number.
template <class T>
void add_products(const TileLayout& layout, std::int64_t depth, const T* Phi, double* tiles, Team& team);

// out (m x n, row-major) += Phi Psi^T for the same block of features of m other rows; both grouped, in tiles of b rows.
template <class T>
void add_cross_products(std::int64_t b, std::int64_t m, std::int64_t n, std::int64_t depth, const T* Phi,
                        const T* Psi, double* out, Team& team);

double add_products_work(const TileLayout& layout, std::int64_t depth);

}  // namespace kernelgen
