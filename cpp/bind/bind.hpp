// What the binding files share: array types, and callbacks that hold no reference of their own (the arguments of the
// call outlive it) and take the GIL only while they run.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <optional>
#include <stdexcept>

#include "kernelgen/gram.hpp"
#include "kernelgen/team.hpp"

namespace nb = nanobind;

namespace kernelgen::bind {

template <class T>
using Vector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Matrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Points with the arrays they point into.
struct HeldPoints {
  nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu> values;
  std::optional<Vector<const double>> center;
  Points points;
};

// Inner products with the array they lie in.
struct HeldProducts {
  Vector<const double> tiles;
  Products products;
};

struct HeldKernel {
  Kernel kernel;
  nb::object function;  // custom kernels: called with a writable (rows, columns) block
};

// Views carry no bounds: what does not fit together is refused here, before a pointer is followed.
inline void require(bool shapes_agree) {
  if (!shapes_agree) throw std::invalid_argument("the shapes of the arrays do not agree");
}

inline bool fits(const TileLayout& layout, std::size_t elements) {
  return layout.tile > 0 && layout.tile % row_multiple == 0 &&
         static_cast<std::int64_t>(elements) == layout.tiles() * layout.tile * layout.tile;
}

Heartbeat heartbeat_of(nb::handle callback);

template <class T>
Transform<T> transform_of(const HeldKernel& kernel);

void bind_points(nb::module_& m);
void bind_lapack(nb::module_& m);
void bind_factor(nb::module_& m);
void bind_features(nb::module_& m);
void bind_solve(nb::module_& m);
void bind_gram(nb::module_& m);
void bind_machine(nb::module_& m);

}  // namespace kernelgen::bind
