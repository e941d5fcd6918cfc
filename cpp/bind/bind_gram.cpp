#include "bind.hpp"
#include "kernelgen/multiply.hpp"

namespace kernelgen::bind {

namespace {

void multiply_into(const GramTiles<double>& K, Matrix<const double> P, Matrix<double> out,
                   Vector<double> row_sums, int threads, nb::handle heartbeat) {
  const auto c = static_cast<std::int64_t>(P.shape(1)), n = K.rows();
  require(static_cast<std::int64_t>(P.shape(0)) == n && out.shape(0) == P.shape(0) &&
          out.shape(1) == P.shape(1) && static_cast<std::int64_t>(row_sums.size()) == n);
  Team team(threads, heartbeat_of(heartbeat), multiply_work(n, K.features(), c));
  multiply(K, c, P.data(), out.data(), row_sums.data(), team);
}

void multiply_points(const HeldPoints& points, const HeldKernel& kernel, double ridge, Matrix<const double> P,
                     Matrix<double> out, Vector<double> row_sums, int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const GramTiles<double> K(points.points, kernel.kernel, ridge, product_block, threads,
                            transform_of<double>(kernel));
  multiply_into(K, P, out, row_sums, threads, heartbeat);
}

void multiply_products(const HeldProducts& products, const HeldKernel& kernel, double ridge,
                       Matrix<const double> P, Matrix<double> out, Vector<double> row_sums, int threads,
                       nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const GramTiles<double> K(products.products, kernel.kernel, ridge, transform_of<double>(kernel));
  multiply_into(K, P, out, row_sums, threads, heartbeat);
}

template <class T>
void cross_multiply_into(const HeldPoints& test, const HeldPoints& train, const HeldKernel& kernel,
                         Matrix<const T> alpha, Matrix<T> out, int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const auto c = static_cast<std::int64_t>(alpha.shape(1));
  require(static_cast<std::int64_t>(alpha.shape(0)) == train.points.n && out.shape(1) == alpha.shape(1) &&
          static_cast<std::int64_t>(out.shape(0)) == test.points.n);
  const GramTiles<T> K(test.points, train.points, kernel.kernel, product_block, threads,
                       transform_of<T>(kernel));
  Team team(threads, heartbeat_of(heartbeat),
            double(test.points.n) * double(train.points.n) * double(test.points.d + c));
  cross_multiply(K, c, alpha.data(), out.data(), team);
}

template <class T>
void cross_gram_into(const HeldPoints& x, const HeldPoints& z, const HeldKernel& kernel, Matrix<T> out,
                     int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  require(static_cast<std::int64_t>(out.shape(0)) == x.points.n &&
          static_cast<std::int64_t>(out.shape(1)) == z.points.n);
  const GramTiles<T> K(x.points, z.points, kernel.kernel, product_block, threads, transform_of<T>(kernel));
  Team team(threads, heartbeat_of(heartbeat), double(x.points.n) * double(z.points.n) * double(x.points.d));
  dense(K, out.data(), team);
}

template <class T>
void gram_into(const HeldPoints& x, const HeldKernel& kernel, Matrix<T> out, int threads,
               nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  require(static_cast<std::int64_t>(out.shape(0)) == x.points.n && out.shape(1) == out.shape(0));
  const GramTiles<T> K(x.points, kernel.kernel, 0.0, product_block, threads, transform_of<T>(kernel));
  Team team(threads, heartbeat_of(heartbeat), double(x.points.n) * double(x.points.n) * double(x.points.d));
  dense(K, out.data(), team);
}

template <class T>
void bind_for(nb::module_& m) {
  m.def("cross_multiply", &cross_multiply_into<T>, nb::arg("test"), nb::arg("train"), nb::arg("kernel"),
        nb::arg("alpha").noconvert(), nb::arg("out").noconvert(), nb::arg("threads"),
        nb::arg("heartbeat").none(), "out = K(test, train) alpha.");
  m.def("cross_gram", &cross_gram_into<T>, nb::arg("x"), nb::arg("z"), nb::arg("kernel"),
        nb::arg("out").noconvert(), nb::arg("threads"), nb::arg("heartbeat").none(), "out = K(x, z).");
  m.def("gram", &gram_into<T>, nb::arg("x"), nb::arg("kernel"), nb::arg("out").noconvert(),
        nb::arg("threads"), nb::arg("heartbeat").none(), "out = K(x, x), with its exact diagonal.");
}

}  // namespace

void bind_gram(nb::module_& m) {
  m.def("multiply", &multiply_products, nb::arg("products"), nb::arg("kernel"), nb::arg("ridge"),
        nb::arg("P").noconvert(), nb::arg("out").noconvert(), nb::arg("row_sums").noconvert(),
        nb::arg("threads"), nb::arg("heartbeat").none(),
        "The same from inner products that are there already.");
  m.def("multiply", &multiply_points, nb::arg("points"), nb::arg("kernel"), nb::arg("ridge"),
        nb::arg("P").noconvert(), nb::arg("out").noconvert(), nb::arg("row_sums").noconvert(),
        nb::arg("threads"), nb::arg("heartbeat").none(),
        "out = (K + ridge I) P and row_sums = |K + ridge I| 1.");
  bind_for<float>(m);
  bind_for<double>(m);
}

}  // namespace kernelgen::bind
