#include <nanobind/stl/tuple.h>

#include <tuple>

#include "bind.hpp"
#include "kernelgen/factor.hpp"

namespace kernelgen::bind {

namespace {

template <class T>
std::tuple<std::int64_t, double, std::int64_t, double> factorize_into(const HeldPoints& points,
                                                                      const HeldKernel& kernel, double ridge,
                                                                      std::int64_t tile, Vector<T> storage,
                                                                      int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const TileLayout layout{points.points.n, tile};
  require(fits(layout, storage.size()));
  const GramTiles<T> K(points.points, kernel.kernel, ridge, tile, threads, transform_of<T>(kernel));
  Team team(threads, heartbeat_of(heartbeat), factor_work(layout, points.points.d));
  const FactorOutcome outcome = factorize(K, layout, storage.data(), team);
  return {outcome.pivot_row, outcome.min_pivot, outcome.min_pivot_row, outcome.gram_seconds};
}

template <class T>
void bind_for(nb::module_& m) {
  m.def("factorize", &factorize_into<T>, nb::arg("points"), nb::arg("kernel"), nb::arg("ridge"),
        nb::arg("tile"), nb::arg("storage").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(),
        "K + ridge I = L L^T into storage; (pivot_row, min_pivot, min_pivot_row, gram_seconds).");
}

}  // namespace

void bind_factor(nb::module_& m) {
  bind_for<float>(m);
  bind_for<double>(m);
}

}  // namespace kernelgen::bind
