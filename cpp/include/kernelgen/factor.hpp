// K = L L^T with K made tile by tile and L in lower tiles.
#pragma once

#include "kernelgen/gram.hpp"
#include "kernelgen/team.hpp"
#include "kernelgen/tiles.hpp"

namespace kernelgen {

struct FactorOutcome {
  std::int64_t pivot_row = -1;  // row of the first non-positive pivot; -1 when positive definite
  double min_pivot = 0.0;       // smallest L_ii^2
  std::int64_t min_pivot_row = -1;
  double gram_seconds = 0.0;  // time spent making K, averaged over the threads
};

// Left-looking tile Cholesky. `L` holds layout.tiles() * tile^2 elements.
template <class T>
FactorOutcome factorize(const GramTiles<T>& K, const TileLayout& layout, T* L, Team& team);

// Work in the team's units: multiply-adds.
double factor_work(const TileLayout& layout, std::int64_t features);

}  // namespace kernelgen
