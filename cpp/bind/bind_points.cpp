#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "bind.hpp"

namespace kernelgen::bind {

namespace {

Dtype dtype_of(const nb::dlpack::dtype& dtype) {
  if (dtype == nb::dtype<std::uint8_t>()) return Dtype::u8;
  if (dtype == nb::dtype<float>()) return Dtype::f32;
  if (dtype == nb::dtype<double>()) return Dtype::f64;
  throw nb::type_error("values must be uint8, float32 or float64");
}

Shape shape_of(const std::string& name) {
  if (name == "gaussian") return Shape::gaussian;
  if (name == "laplacian") return Shape::laplacian;
  if (name == "polynomial") return Shape::polynomial;
  if (name == "linear") return Shape::linear;
  if (name == "custom") return Shape::custom;
  throw nb::value_error("unknown kernel");
}

Quantity quantity_of(const std::string& name) {
  if (name == "product") return Quantity::product;
  if (name == "squared_distance") return Quantity::squared_distance;
  if (name == "distance") return Quantity::distance;
  throw nb::value_error("unknown quantity");
}

}  // namespace

Heartbeat heartbeat_of(nb::handle callback) {
  return [callback](double fraction) {
    const nb::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw nb::python_error();
    if (!callback.is_none()) callback(fraction);
  };
}

template <class T>
Transform<T> transform_of(const HeldKernel& kernel) {
  const nb::handle function = kernel.function;
  return [function](T* block, std::int64_t rows, std::int64_t columns, std::int64_t ld) {
    const nb::gil_scoped_acquire gil;
    const auto m = static_cast<std::size_t>(rows), n = static_cast<std::size_t>(columns);
    const nb::ndarray<T, nb::numpy, nb::ndim<2>> view(block, {m, n}, nb::handle(), {1, ld});
    function(nb::cast(view, nb::rv_policy::reference));  // the default policy would hand over a copy
  };
}
template Transform<float> transform_of<float>(const HeldKernel&);
template Transform<double> transform_of<double>(const HeldKernel&);

void bind_points(nb::module_& m) {
  nb::class_<HeldPoints>(m, "Points", "n points in R^d: the kernel sees scale * (values - center).")
      .def(
          "__init__",
          [](HeldPoints* self, nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu> values,
             double scale, std::optional<Vector<const double>> center) {
            const auto n = static_cast<std::int64_t>(values.shape(0)),
                       d = static_cast<std::int64_t>(values.shape(1));
            require(!center || center->size() == values.shape(1));
            const Points points{values.data(), dtype_of(values.dtype()),         n, d,
                                scale,         center ? center->data() : nullptr};
            new (self) HeldPoints{values, center, points};
          },
          nb::arg("values").noconvert(), nb::arg("scale"), nb::arg("center").none());
  nb::class_<HeldKernel>(m, "Kernel", "A kernel's formula and parameters.")
      .def(
          "__init__",
          [](HeldKernel* self, const std::string& shape, const std::string& of, double bandwidth,
             double gamma, double coef0, std::int64_t degree, bool normalize, nb::object function) {
            new (self)
                HeldKernel{{shape_of(shape), quantity_of(of), bandwidth, gamma, coef0, degree, normalize},
                           std::move(function)};
          },
          nb::arg("shape"), nb::arg("of"), nb::arg("bandwidth"), nb::arg("gamma"), nb::arg("coef0"),
          nb::arg("degree"), nb::arg("normalize"), nb::arg("function").none());
}

}  // namespace kernelgen::bind
