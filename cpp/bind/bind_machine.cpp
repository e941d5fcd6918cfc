#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "bind.hpp"
#include "kernelgen/rates.hpp"
#include "kernelgen/simd.hpp"

namespace kernelgen::bind {

void bind_machine(nb::module_& m) {
  m.def(
      "simd_levels",
      [] {
        std::vector<std::string> names;
        for (const SimdTable* table : supported_tables()) names.emplace_back(table->name);
        return names;
      },
      "Instruction sets this machine can run, slowest first.");
  m.def("simd_level", [] { return std::string(simd().name); }, "The instruction set in use.");
  m.def(
      "set_simd_level", [](const std::string& name) { return set_simd(name); }, nb::arg("name"),
      "Use another instruction set; False when this machine cannot run it.");
  m.def(
      "values_per_word", [] { return simd().words.values_per_word; },
      "Bytes of a point that one 32-bit word of a packed operand holds.");
  m.def("product_rate_float32", &product_rate<float>, nb::arg("threads"), nb::arg("seconds"),
        nb::call_guard<nb::gil_scoped_release>(), "Flops per second of the float32 product loop.");
  m.def("product_rate_float64", &product_rate<double>, nb::arg("threads"), nb::arg("seconds"),
        nb::call_guard<nb::gil_scoped_release>(), "Flops per second of the float64 product loop.");
  m.def("byte_product_rate", &byte_product_rate, nb::arg("threads"), nb::arg("seconds"),
        nb::call_guard<nb::gil_scoped_release>(), "Integer operations per second of the byte product loop.");
  m.def("read_bandwidth", &read_bandwidth, nb::arg("threads"), nb::arg("bytes"),
        nb::call_guard<nb::gil_scoped_release>(), "Bytes per second read from memory.");
  m.attr("exact_byte_features") = exact_byte_features;
  m.attr("row_multiple") = row_multiple;
}

}  // namespace kernelgen::bind
