#include "bind.hpp"
#include "kernelgen/solve.hpp"

namespace kernelgen::bind {

namespace {

template <class T>
void solve_into(std::int64_t n, std::int64_t tile, Vector<const T> storage, Matrix<const T> B, Matrix<T> X,
                int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const TileLayout layout{n, tile};
  const auto c = static_cast<std::int64_t>(B.shape(1));
  require(fits(layout, storage.size()) && static_cast<std::int64_t>(B.shape(0)) == n &&
          X.shape(0) == B.shape(0) && X.shape(1) == B.shape(1));
  Team team(threads, heartbeat_of(heartbeat), solve_work(layout, c));
  solve(layout, storage.data(), c, B.data(), X.data(), team);
}

template <class T>
void diag_inverse_into(std::int64_t n, std::int64_t tile, Vector<const T> storage, Vector<double> out,
                       int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const TileLayout layout{n, tile};
  require(fits(layout, storage.size()) && static_cast<std::int64_t>(out.size()) == n);
  Team team(threads, heartbeat_of(heartbeat), diag_inverse_work(layout));
  diag_inverse(layout, storage.data(), out.data(), team);
}

template <class T>
void bind_for(nb::module_& m) {
  m.def("solve", &solve_into<T>, nb::arg("n"), nb::arg("tile"), nb::arg("storage").noconvert(),
        nb::arg("B").noconvert(), nb::arg("X").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(),
        "L L^T X = B.");
  m.def("diag_inverse", &diag_inverse_into<T>, nb::arg("n"), nb::arg("tile"), nb::arg("storage").noconvert(),
        nb::arg("out").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(),
        "out[i] = |L^-1 e_i|^2.");
}

}  // namespace

void bind_solve(nb::module_& m) {
  bind_for<float>(m);
  bind_for<double>(m);
}

}  // namespace kernelgen::bind
