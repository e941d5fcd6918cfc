#include <nanobind/stl/string.h>

#include <cstring>

#include "bind.hpp"
#include "kernelgen/lapack.hpp"

namespace kernelgen::bind {

namespace {

// The pointer inside a capsule whose name, its C signature, has 32-bit integers.
template <class F>
void take(F& slot, const nb::dict& capsules, const char* name) {
  const nb::capsule capsule = nb::cast<nb::capsule>(capsules[name]);
  const char* signature = capsule.name();
  if (signature == nullptr || std::strstr(signature, ", int *") == nullptr)
    throw nb::value_error("BLAS with 32-bit integers is needed");
  slot = reinterpret_cast<F>(capsule.data());
}

}  // namespace

void bind_lapack(nb::module_& m) {
  m.def(
      "use_lapack",
      [](const nb::dict& capsules) {
        take(lapack<float>().trsm, capsules, "strsm");
        take(lapack<float>().potrf, capsules, "spotrf");
        take(lapack<double>().trsm, capsules, "dtrsm");
        take(lapack<double>().potrf, capsules, "dpotrf");
      },
      nb::arg("capsules"), "Take the BLAS and LAPACK routines from SciPy's capsules.");
}

}  // namespace kernelgen::bind
