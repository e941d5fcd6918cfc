// What the binding files share: array types, and callbacks that hold no reference of their own (the arguments of the
// call outlive it) and take the GIL only while they run.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

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
  nb::object center_owner;
  Points points;
};

struct HeldKernel {
  Kernel kernel;
  nb::object function;  // custom kernels: called with a writable (rows, columns) block
};

Heartbeat heartbeat_of(nb::handle callback);

template <class T>
Transform<T> transform_of(const HeldKernel& kernel);

void bind_points(nb::module_& m);
void bind_lapack(nb::module_& m);
void bind_factor(nb::module_& m);
void bind_gram(nb::module_& m);
void bind_machine(nb::module_& m);

}  // namespace kernelgen::bind
