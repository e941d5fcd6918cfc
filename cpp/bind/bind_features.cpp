#include "bind.hpp"
#include "kernelgen/products.hpp"
#include "kernelgen/random_conv.hpp"

namespace kernelgen::bind {

namespace {

template <class T>
void convolve_with(const HeldPoints& images, const Convolution& shape, Matrix<const double> weights,
                   Vector<const double> offsets, double bias, Vector<const double> mean,
                   Vector<const double> factor, const FeatureOrder& order, T* out, int threads,
                   nb::handle heartbeat) {
  const auto count = static_cast<std::int64_t>(weights.shape(0));
  require(static_cast<std::int64_t>(weights.shape(1)) == shape.depth() &&
          offsets.size() == weights.shape(0) &&
          images.points.d == shape.height * shape.width * shape.channels && mean.size() == factor.size() &&
          static_cast<std::int64_t>(mean.size()) == 2 * shape.cells() * count);
  const Filters<T> filters(count, shape.depth(), weights.data(), offsets.data(), bias, mean.data(),
                           factor.data());
  Team team(threads, heartbeat_of(heartbeat), convolve_work(images.points.n, shape, count));
  convolve(images.points, shape, filters, order, out, team);
}

template <class T>
void convolve_rows(const HeldPoints& images, const Convolution& shape, Matrix<const double> weights,
                   Vector<const double> offsets, double bias, Vector<const double> mean,
                   Vector<const double> factor, Matrix<T> out, int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const auto features = static_cast<std::int64_t>(out.shape(1));
  require(static_cast<std::int64_t>(out.shape(0)) == images.points.n &&
          features == 2 * shape.cells() * static_cast<std::int64_t>(weights.shape(0)));
  convolve_with(images, shape, weights, offsets, bias, mean, factor, {group<T> * features, features, 1},
                out.data(), threads, heartbeat);
}

template <class T>
void convolve_grouped(const HeldPoints& images, const Convolution& shape, Matrix<const double> weights,
                      Vector<const double> offsets, double bias, Vector<const double> mean,
                      Vector<const double> factor, Vector<T> out, int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  constexpr std::int64_t G = group<T>;
  const std::int64_t features = 2 * shape.cells() * static_cast<std::int64_t>(weights.shape(0));
  require(static_cast<std::int64_t>(out.size()) >= (images.points.n + G - 1) / G * G * features);
  convolve_with(images, shape, weights, offsets, bias, mean, factor, {G * features, 1, G}, out.data(),
                threads, heartbeat);
}

template <class T>
void add_products_into(std::int64_t n, std::int64_t tile, std::int64_t depth, Vector<const T> Phi,
                       Vector<double> tiles, int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const TileLayout layout{n, tile};
  require(fits(layout, tiles.size()) && static_cast<std::int64_t>(Phi.size()) == layout.padded() * depth);
  Team team(threads, heartbeat_of(heartbeat), add_products_work(layout, depth));
  add_products(layout, depth, Phi.data(), tiles.data(), team);
}

template <class T>
void add_cross_products_into(std::int64_t tile, std::int64_t depth, Vector<const T> Phi, Vector<const T> Psi,
                             Matrix<double> out, int threads, nb::handle heartbeat) {
  const nb::gil_scoped_release release;
  const auto m = static_cast<std::int64_t>(out.shape(0)), n = static_cast<std::int64_t>(out.shape(1));
  const TileLayout rows{m, tile}, columns{n, tile};
  require(tile > 0 && tile % row_multiple == 0 &&
          static_cast<std::int64_t>(Phi.size()) == rows.padded() * depth &&
          static_cast<std::int64_t>(Psi.size()) == columns.padded() * depth);
  Team team(threads, heartbeat_of(heartbeat),
            double(rows.padded()) * double(columns.padded()) * double(depth));
  add_cross_products(tile, m, n, depth, Phi.data(), Psi.data(), out.data(), team);
}

template <class T>
void bind_for(nb::module_& m) {
  m.def("convolve", &convolve_rows<T>, nb::arg("images"), nb::arg("shape"), nb::arg("filters").noconvert(),
        nb::arg("offsets").noconvert(), nb::arg("bias"), nb::arg("mean").noconvert(),
        nb::arg("factor").noconvert(), nb::arg("out").noconvert(), nb::arg("threads"),
        nb::arg("heartbeat").none(),
        "out (n x features) = pooled, rectified responses of filters to patches.");
  m.def("convolve_grouped", &convolve_grouped<T>, nb::arg("images"), nb::arg("shape"),
        nb::arg("filters").noconvert(), nb::arg("offsets").noconvert(), nb::arg("bias"),
        nb::arg("mean").noconvert(), nb::arg("factor").noconvert(), nb::arg("out").noconvert(),
        nb::arg("threads"), nb::arg("heartbeat").none(),
        "The same in the order in which add_products reads them.");
  m.def("add_products", &add_products_into<T>, nb::arg("n"), nb::arg("tile"), nb::arg("depth"),
        nb::arg("Phi").noconvert(), nb::arg("tiles").noconvert(), nb::arg("threads"),
        nb::arg("heartbeat").none(), "tiles += Phi Phi^T for one block of features.");
  m.def("add_cross_products", &add_cross_products_into<T>, nb::arg("tile"), nb::arg("depth"),
        nb::arg("Phi").noconvert(), nb::arg("Psi").noconvert(), nb::arg("out").noconvert(),
        nb::arg("threads"), nb::arg("heartbeat").none(), "out += Phi Psi^T for one block of features.");
}

}  // namespace

void bind_features(nb::module_& m) {
  nb::class_<Convolution>(m, "Convolution", "Shape of a convolution with pooling; see random_conv.hpp.")
      .def(nb::init<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                    std::int64_t, std::int64_t, std::int64_t, bool, double>(),
           nb::arg("height"), nb::arg("width"), nb::arg("channels"), nb::arg("row_step"),
           nb::arg("column_step"), nb::arg("channel_step"), nb::arg("patch"), nb::arg("pool"),
           nb::arg("stride"), nb::arg("average"), nb::arg("contrast"))
      .def_prop_ro("cells", &Convolution::cells, "Pooled cells of one image.");
  nb::class_<HeldProducts>(m, "Products", "Inner products accumulated by add_products.")
      .def(
          "__init__",
          [](HeldProducts* self, std::int64_t n, std::int64_t tile, Vector<const double> tiles) {
            const TileLayout layout{n, tile};
            require(fits(layout, tiles.size()));
            new (self) HeldProducts{tiles, {layout, tiles.data()}};
          },
          nb::arg("n"), nb::arg("tile"), nb::arg("tiles").noconvert());
  bind_for<float>(m);
  bind_for<double>(m);
}

}  // namespace kernelgen::bind
