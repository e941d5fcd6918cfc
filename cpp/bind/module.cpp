#include "bind.hpp"

NB_MODULE(_core, m) {
  m.doc() = "Compiled core of kernelgen: Gram tiles, tile Cholesky, triangular solves.";
  kernelgen::bind::bind_points(m);
  kernelgen::bind::bind_features(m);
  kernelgen::bind::bind_lapack(m);
  kernelgen::bind::bind_factor(m);
  kernelgen::bind::bind_solve(m);
  kernelgen::bind::bind_gram(m);
  kernelgen::bind::bind_machine(m);
}
