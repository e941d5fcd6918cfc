// Random convolutions: every patch times every filter, rectified on both sides and pooled, with no map in between.
#pragma once

#include <cstdint>
#include <vector>

#include "kernelgen/packed.hpp"
#include "kernelgen/team.hpp"

namespace kernelgen {

// Images are rows of `Points`; value (y, x, channel) of one lies at y row_step + x column_step + channel channel_step.
struct Convolution {
  std::int64_t height, width, channels;
  std::int64_t row_step, column_step, channel_step;
  std::int64_t patch;   // side of a square patch; every position where it fits is used
  std::int64_t pool;    // side of a pooling window, in positions
  std::int64_t stride;  // from one window to the next; the last one may reach over the edge
  bool average;         // pooled values are divided by the number of positions pooled
  double contrast;      // negative: patches as they are; else (p - mean(p)) / sqrt(var(p) + contrast)

  std::int64_t rows() const { return height - patch + 1; }
  std::int64_t columns() const { return width - patch + 1; }
  std::int64_t depth() const { return patch * patch * channels; }
  std::int64_t cells() const { return windows(rows()) * windows(columns()); }
  std::int64_t windows(std::int64_t positions) const {
    return positions <= pool ? 1 : (positions - pool + stride - 1) / stride + 1;
  }
};

// Filters (count x depth, row-major; depth ordered by row, column, channel of a patch) in the micro-kernel's order.
// The response of filter f to a patch p is z = <f, p> - offset_f, and its two features are the pooled
// max(z - bias, 0) and max(-z - bias, 0), each less its `mean` and times its `factor` (cells x 2 x count).
template <class T>
struct Filters {
  Filters(std::int64_t count, std::int64_t depth, const double* filters, const double* offsets, double bias,
          const double* mean, const double* factor);

  std::int64_t count, padded, depth;
  Buffer<T> grouped;
  Buffer<T> above;  // offset + bias: max(<f, p> - above, 0)
  Buffer<T> below;  // offset - bias: max(below - <f, p>, 0)
  const double *mean, *factor;
};

// Feature (cell, side, filter) of image i goes to out[i / G * group_step + i % G * image_step + feature * feature_step]
// with G = group<T>, and is numbered (2 cell + side) count + filter.
struct FeatureOrder {
  std::int64_t group_step, image_step, feature_step;
};

template <class T>
void convolve(const Points& images, const Convolution& shape, const Filters<T>& filters,
              const FeatureOrder& order, T* out, Team& team);

// In the team's units: multiply-adds.
double convolve_work(std::int64_t images, const Convolution& shape, std::int64_t filters);

}  // namespace kernelgen
