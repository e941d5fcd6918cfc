#include "kernelgen/random_conv.hpp"

#include <algorithm>
#include <cmath>

namespace kernelgen {

namespace {

using i64 = std::int64_t;
constexpr i64 slab = row_multiple;  // filters of one product
constexpr i64 chunk = 144;  // positions of one product: its result and both operands stay in L1 and L2

i64 round_up(i64 count, i64 multiple) {
  return (count + multiple - 1) / multiple * multiple;
}

// The windows' edges cut positions into segments; a window is a range of segments.
struct Segments {
  std::vector<i64> edges;        // segment s holds positions edges[s] .. edges[s + 1]
  std::vector<i64> first, last;  // window w holds segments first[w] .. last[w]
  std::vector<i64> size;         // and this many positions

  Segments(i64 positions, i64 windows, i64 pool, i64 stride) {
    for (i64 w = 0; w < windows; ++w) {
      edges.push_back(w * stride);
      edges.push_back(std::min(w * stride + pool, positions));
    }
    edges.push_back(0);
    edges.push_back(positions);
    std::sort(edges.begin(), edges.end());
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    const auto at = [&](i64 edge) { return std::find(edges.begin(), edges.end(), edge) - edges.begin(); };
    for (i64 w = 0; w < windows; ++w) {
      const i64 stop = std::min(w * stride + pool, positions);
      first.push_back(at(w * stride));
      last.push_back(at(stop));
      size.push_back(stop - w * stride);
    }
  }
  i64 count() const { return static_cast<i64>(edges.size()) - 1; }
};

// Positions of one segment of one row of positions, beside each other.
struct Pooling {
  Segments down, across;
  std::vector<Run> runs;  // of all positions, in order, never across a chunk

  explicit Pooling(const Convolution& c)
      : down(c.rows(), c.windows(c.rows()), c.pool, c.stride)
      , across(c.columns(), c.windows(c.columns()), c.pool, c.stride) {
    i64 position = 0;
    for (i64 s = 0; s < down.count(); ++s) {
      for (i64 y = down.edges[s]; y < down.edges[s + 1]; ++y) {
        for (i64 t = 0; t < across.count(); ++t) {
          i64 left = across.edges[t + 1] - across.edges[t];
          while (left > 0) {
            const i64 length = std::min(left, chunk - position % chunk);
            runs.push_back({position % chunk, length, s * across.count() + t});
            position += length;
            left -= length;
          }
        }
      }
    }
  }
  i64 regions() const { return down.count() * across.count(); }
};

// One image as planes of T: value (channel, y, x) at (channel height + y) width + x.
template <class T, class S>
void read_planes(const S* image, double scale, const double* center, const Convolution& c, T* planes) {
  for (i64 channel = 0; channel < c.channels; ++channel) {
    for (i64 y = 0; y < c.height; ++y) {
      const i64 first = channel * c.channel_step + y * c.row_step;
      for (i64 x = 0; x < c.width; ++x) {
        const i64 at = first + x * c.column_step;
        *planes++ = static_cast<T>(scale * (double(image[at]) - (center ? center[at] : 0.0)));
      }
    }
  }
}

// Patches in the micro-kernel's order: element (position, k) at (position / G) depth G + k G + position % G. The values
// at k of all positions come beside each other in `line` first, which is 0 behind them: copies of a row, and of a group,
// instead of pieces of both.
template <class T>
void gather(const T* planes, const Convolution& c, T* line, T* patches) {
  constexpr i64 G = group<T>;
  const i64 depth = c.depth(), groups = round_up(c.rows() * c.columns(), G) / G;
  for (i64 v = 0; v < c.patch; ++v) {
    for (i64 u = 0; u < c.patch; ++u) {
      for (i64 channel = 0; channel < c.channels; ++channel, patches += G) {
        const T* from = planes + (channel * c.height + v) * c.width + u;
        for (T *to = line, *const stop = line + c.rows() * c.columns(); to < stop;
             to += c.columns(), from += c.width)
          std::copy_n(from, c.columns(), to);
        for (i64 g = 0; g < groups; ++g) std::copy_n(line + g * G, G, patches + g * depth * G);
      }
    }
  }
}

// (p - mean(p)) / sqrt(var(p) + contrast), the variance over depth - 1; `groups` groups of positions side by side.
template <class T>
void normalize(i64 groups, i64 depth, double contrast, T* patches) {
  constexpr i64 G = group<T>;
  for (i64 g = 0; g < groups; ++g, patches += depth * G) {
    double mean[G] = {}, square[G] = {};
    for (i64 k = 0; k < depth; ++k) {
      for (i64 r = 0; r < G; ++r) mean[r] += double(patches[k * G + r]);
    }
    for (i64 r = 0; r < G; ++r) mean[r] /= double(depth);
    for (i64 k = 0; k < depth; ++k) {
      for (i64 r = 0; r < G; ++r) {
        const double gap = double(patches[k * G + r]) - mean[r];
        square[r] += gap * gap;
      }
    }
    for (i64 r = 0; r < G; ++r)
      square[r] = 1.0 / std::sqrt(square[r] / double(std::max<i64>(1, depth - 1)) + contrast);
    for (i64 k = 0; k < depth; ++k) {
      for (i64 r = 0; r < G; ++r)
        patches[k * G + r] = static_cast<T>((double(patches[k * G + r]) - mean[r]) * square[r]);
    }
  }
}

template <class T>
void read_planes(const Points& images, i64 i, const Convolution& c, T* planes) {
  const i64 at = i * images.d;
  switch (images.dtype) {
  case Dtype::u8:
    return read_planes(static_cast<const std::uint8_t*>(images.values) + at, images.scale, images.center, c,
                       planes);
  case Dtype::f32:
    return read_planes(static_cast<const float*>(images.values) + at, images.scale, images.center, c, planes);
  case Dtype::f64:
    return read_planes(static_cast<const double*>(images.values) + at, images.scale, images.center, c,
                       planes);
  }
}

// Sums over segments into windows: out(cell, side, filter) = factor (sum over its regions / positions - mean), for
// the slab of filters from f0 on.
template <class T>
void pool(const Pooling& pooling, bool average, const T* sums, const Filters<T>& filters, i64 f0,
          i64 feature_step, T* out) {
  const i64 live = std::min(slab, filters.count - f0);
  i64 cell = 0;
  for (std::size_t a = 0; a < pooling.down.first.size(); ++a) {
    for (std::size_t b = 0; b < pooling.across.first.size(); ++b, ++cell) {
      const T weight = average ? T(1) / T(pooling.down.size[a] * pooling.across.size[b]) : T(1);
      for (i64 side = 0; side < 2; ++side) {
        T total[slab] = {};
        for (i64 s = pooling.down.first[a]; s < pooling.down.last[a]; ++s) {
          for (i64 t = pooling.across.first[b]; t < pooling.across.last[b]; ++t) {
            const T* from = sums + ((s * pooling.across.count() + t) * 2 + side) * slab;
            for (i64 f = 0; f < slab; ++f) total[f] += from[f];
          }
        }
        const i64 first = (2 * cell + side) * filters.count + f0;
        for (i64 f = 0; f < live; ++f) {
          out[(first + f) * feature_step] = static_cast<T>(
              (double(weight * total[f]) - filters.mean[first + f]) * filters.factor[first + f]);
        }
      }
    }
  }
}

}  // namespace

template <class T>
Filters<T>::Filters(i64 count, i64 depth, const double* filters, const double* offsets, double bias,
                    const double* mean, const double* factor)
    : count(count)
    , padded(round_up(count, slab))
    , depth(depth)
    , grouped(padded * depth)
    , above(padded)
    , below(padded)
    , mean(mean)
    , factor(factor) {
  constexpr i64 G = group<T>;
  for (i64 f = 0; f < padded; ++f) {
    for (i64 k = 0; k < depth; ++k) {
      grouped[f / G * depth * G + k * G + f % G] = f < count ? static_cast<T>(filters[f * depth + k]) : T(0);
    }
    above[f] = f < count ? static_cast<T>(offsets[f] + bias) : T(0);
    below[f] = f < count ? static_cast<T>(offsets[f] - bias) : T(0);
  }
}

double convolve_work(i64 images, const Convolution& shape, i64 filters) {
  return double(images) * double(shape.rows() * shape.columns()) * double(shape.depth()) * double(filters);
}

template <class T>
void convolve(const Points& images, const Convolution& shape, const Filters<T>& filters,
              const FeatureOrder& order, T* out, Team& team) {
  constexpr i64 G = group<T>;
  const RealLoops<T>& loops = simd().template real<T>();
  const Pooling pooling(shape);
  const i64 depth = shape.depth(), positions = shape.rows() * shape.columns(),
            padded = round_up(positions, chunk);
  const double work = convolve_work(1, shape, filters.count);
  std::atomic<i64> next{0};
  team.run([&](int) {
    Buffer<T> planes(images.d), line(padded), patches(padded * depth), responses(slab * chunk),
        sums(pooling.regions() * 2 * slab);
    std::fill(line.data(), line.data() + line.size(), T(0));
    std::fill(patches.data(), patches.data() + patches.size(), T(0));
    // A group of images at a time: their features share cache lines where they go to the micro-kernel's order.
    for (i64 g = next++; g * G < images.n; g = next++) {
      for (i64 i = g * G; i < std::min(g * G + G, images.n); ++i) {
        if (team.stopped()) return;
        read_planes(images, i, shape, planes.data());
        gather(planes.data(), shape, line.data(), patches.data());
        if (shape.contrast >= 0.0) normalize((positions + G - 1) / G, depth, shape.contrast, patches.data());
        T* features = out + i / G * order.group_step + i % G * order.image_step;
        for (i64 f = 0; f < filters.count; f += slab) {
          std::fill(sums.data(), sums.data() + sums.size(), T(0));
          const Run* run = pooling.runs.data();
          const Run* const end = run + pooling.runs.size();
          for (i64 p = 0; p < positions; p += chunk) {
            const i64 width = round_up(std::min(chunk, positions - p), G);
            // responses(filter, position) = <filter, patch>
            loops.product(slab, width, depth, filters.grouped.data() + f * depth, depth * G,
                          patches.data() + p * depth, depth * G, responses.data(), slab, Update::assign,
                          Part::all, {});
            const Run* stop = run + 1;
            while (stop != end && stop->start != 0) ++stop;
            loops.rectify(stop - run, run, responses.data(), filters.above.data() + f,
                          filters.below.data() + f, sums.data());
            run = stop;
          }
          pool(pooling, shape.average, sums.data(), filters, f, order.feature_step, features);
        }
        team.add_work(work);
      }
    }
  });
}

#define KERNELGEN_INSTANTIATE(T)                                                                             \
  template struct Filters<T>;                                                                                \
  template void convolve(const Points&, const Convolution&, const Filters<T>&, const FeatureOrder&, T*,      \
                         Team&);
KERNELGEN_INSTANTIATE(float)
KERNELGEN_INSTANTIATE(double)

}  // namespace kernelgen
