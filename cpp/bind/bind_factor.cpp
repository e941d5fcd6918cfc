#include <nanobind/stl/tuple.h>

#include <tuple>

#include "bind.hpp"
#include "kernelgen/factor.hpp"
#include "kernelgen/solve.hpp"

namespace kernelgen::bind {

namespace {

template <class T>
std::tuple<std::int64_t, double, std::int64_t, double> factorize_into(const HeldPoints& points,
                                                                      const HeldKernel& kernel, double ridge,
                                                                      std::int64_t tile, Vector<T> storage,
                                                                      int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const TileLayout layout{points.points.n, tile};
  const GramTiles<T> K(points.points, kernel.kernel, ridge, tile, threads, transform_of<T>(kernel));
  Team team(threads, heartbeat_of(heartbeat), factor_work(layout, points.points.d));
  const FactorOutcome outcome = factorize(K, layout, storage.data(), team);
  return {outcome.pivot_row, outcome.min_pivot, outcome.min_pivot_row, outcome.gram_seconds};
}

template <class T>
void solve_into(std::int64_t n, std::int64_t tile, Vector<const T> storage, Matrix<const T> B, Matrix<T> X,
                int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const TileLayout layout{n, tile};
  const auto c = static_cast<std::int64_t>(B.shape(1));
  Team team(threads, heartbeat_of(heartbeat), solve_work(layout, c));
  solve(layout, storage.data(), c, B.data(), X.data(), team);
}

template <class T>
void diag_inverse_into(std::int64_t n, std::int64_t tile, Vector<const T> storage, Vector<double> out,
                       int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const TileLayout layout{n, tile};
  Team team(threads, heartbeat_of(heartbeat), diag_inverse_work(layout));
  diag_inverse(layout, storage.data(), out.data(), team);
}

template <class T>
void bind_for(nb::module_& m) {
  m.def("factorize", &factorize_into<T>, nb::arg("points"), nb::arg("kernel"), nb::arg("ridge"),
        nb::arg("tile"), nb::arg("storage").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(),
        "K + ridge I = L L^T into storage; (pivot_row, min_pivot, min_pivot_row, gram_seconds).");
  m.def("solve", &solve_into<T>, nb::arg("n"), nb::arg("tile"), nb::arg("storage").noconvert(),
        nb::arg("B").noconvert(), nb::arg("X").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(),
        "L L^T X = B.");
  m.def("diag_inverse", &diag_inverse_into<T>, nb::arg("n"), nb::arg("tile"), nb::arg("storage").noconvert(),
        nb::arg("out").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(),
        "out[i] = |L^-1 e_i|^2.");
}

}  // namespace

void bind_factor(nb::module_& m) {
  bind_for<float>(m);
  bind_for<double>(m);
}

}  // namespace kernelgen::bind
