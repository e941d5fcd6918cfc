#include <nanobind/stl/tuple.h>

#include <tuple>

#include "bind.hpp"
#include "kernelgen/factor.hpp"

namespace kernelgen::bind {

namespace {

using Outcome = std::tuple<std::int64_t, double, std::int64_t, double>;

template <class T>
Outcome factorize_into(const GramTiles<T>& K, std::int64_t tile, Vector<T> storage, int threads,
                       nb::handle heartbeat) {
  const TileLayout layout{K.rows(), tile};
  require(fits(layout, storage.size()));
  Team team(threads, heartbeat_of(heartbeat), factor_work(layout, K.features()));
  const FactorOutcome outcome = factorize(K, layout, storage.data(), team);
  return {outcome.pivot_row, outcome.min_pivot, outcome.min_pivot_row, outcome.gram_seconds};
}

template <class T>
Outcome factorize_points(const HeldPoints& points, const HeldKernel& kernel, double ridge, std::int64_t tile,
                         Vector<T> storage, int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  require(tile > 0);
  const GramTiles<T> K(points.points, kernel.kernel, ridge, tile, threads, transform_of<T>(kernel));
  return factorize_into(K, tile, storage, threads, heartbeat);
}

template <class T>
Outcome factorize_products(const HeldProducts& products, const HeldKernel& kernel, double ridge,
                           std::int64_t tile, Vector<T> storage, int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const GramTiles<T> K(products.products, kernel.kernel, ridge, transform_of<T>(kernel));
  return factorize_into(K, tile, storage, threads, heartbeat);
}

template <class T>
void bind_for(nb::module_& m) {
  m.def("factorize", &factorize_products<T>, nb::arg("products"), nb::arg("kernel"), nb::arg("ridge"),
        nb::arg("tile"), nb::arg("storage").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(),
        "The same from inner products that are there already.");
  m.def("factorize", &factorize_points<T>, nb::arg("points"), nb::arg("kernel"), nb::arg("ridge"),
        nb::arg("tile"), nb::arg("storage").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(),
        "K + ridge I = L L^T into storage; (pivot_row, min_pivot, min_pivot_row, gram_seconds).");
}

}  // namespace

void bind_factor(nb::module_& m) {
  bind_for<float>(m);
  bind_for<double>(m);
}

}  // namespace kernelgen::bind
