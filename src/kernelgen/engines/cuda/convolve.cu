// Random convolutions beside a matrix product: patches of images as its rows, and its results pooled into features.
//
//     patch (i, p), k:   scale image_i[corner_p + offset_k], or (that - mean) / sqrt(variance + contrast)
//     feature (i, cell, side, f):   factor (weight sum over window max(+-(r_pf - offset_f) - bias, 0) - mean)
//
// with r the products of patches and filters. Both run on a few images at a time, whose r is made, read and overwritten.
// Arithmetic is that of the processor's loops: pixels are scaled, patches normalized and features standardized in
// double, and kept in T.
//
// Compiled by NVRTC through CuPy; and by a host compiler in tests, where a header gives the names CUDA would.

// Value k of a patch, ordered by row, column and channel, from the image's value at the patch's corner on.
template <typename S, typename T>
__device__ T pixel(const S* corner, int k, double scale, int patch, int channels, int row_step, int column_step,
                   int channel_step) {
  const int channel = k % channels, u = k / channels % patch, v = k / channels / patch;
  return static_cast<T>(scale * static_cast<double>(corner[v * row_step + u * column_step + channel * channel_step]));
}

// The image's value at the corner of patch `row` of the launch: image row / positions, position row % positions.
template <typename S>
__device__ const S* corner_of(const S* images, long long image_step, int row, int positions, int columns, int row_step,
                              int column_step) {
  const int position = row % positions;
  return images + row / positions * image_step + position / columns * row_step + position % columns * column_step;
}

// statistics (rows x 2): mean and 1 / sqrt(variance + contrast) of each patch, the variance over depth - 1.
template <typename S, typename T>
__global__ void measure_contrast(double* statistics, const S* images, long long image_step, double scale,
                                 double contrast, int rows, int positions, int columns, int patch, int channels,
                                 int row_step, int column_step, int channel_step) {
  const int row = blockIdx.x * blockDim.x + threadIdx.x;
  if (row >= rows) return;
  const S* corner = corner_of(images, image_step, row, positions, columns, row_step, column_step);
  const int depth = patch * patch * channels;
  double mean = 0.0, square = 0.0;
  for (int k = 0; k < depth; ++k)
    mean += static_cast<double>(pixel<S, T>(corner, k, scale, patch, channels, row_step, column_step, channel_step));
  mean /= depth;
  for (int k = 0; k < depth; ++k) {
    const double gap =
        static_cast<double>(pixel<S, T>(corner, k, scale, patch, channels, row_step, column_step, channel_step)) - mean;
    square += gap * gap;
  }
  statistics[2LL * row] = mean;
  statistics[2LL * row + 1] = 1.0 / sqrt(square / (depth > 1 ? depth - 1 : 1) + contrast);
}

// patches (rows x depth): threads of a row of the block walk along one patch. Statistics are read where normalize is 1.
template <typename S, typename T>
__global__ void gather(T* patches, const S* images, long long image_step, double scale, const double* statistics,
                       int normalize, int rows, int positions, int columns, int patch, int channels, int row_step,
                       int column_step, int channel_step) {
  const int row = blockIdx.x * blockDim.y + threadIdx.y;
  if (row >= rows) return;
  const S* corner = corner_of(images, image_step, row, positions, columns, row_step, column_step);
  const int depth = patch * patch * channels;
  const double mean = normalize ? statistics[2LL * row] : 0.0;
  const double factor = normalize ? statistics[2LL * row + 1] : 1.0;
  for (int k = threadIdx.x; k < depth; k += blockDim.x) {
    T value = pixel<S, T>(corner, k, scale, patch, channels, row_step, column_step, channel_step);
    if (normalize) value = static_cast<T>((static_cast<double>(value) - mean) * factor);
    patches[1LL * row * depth + k] = value;
  }
}

// features (images x 2 cells filters, leading dimension ldf) from responses (images positions x filters, leading
// dimension ldr): one thread for a filter of a window of an image; neighbours are neighbouring filters, and blocks
// that follow each other are windows of one image, which share its responses.
template <typename T>
__global__ void rectify_and_pool(T* features, long long ldf, const T* responses, long long ldr, const T* above,
                                 const T* below, const double* mean, const double* factor, int filters, int rows,
                                 int columns, int cells, int cells_across, int pool, int stride, int average) {
  const int f = blockIdx.y * blockDim.x + threadIdx.x;
  if (f >= filters) return;
  const int image = blockIdx.x / cells, cell = blockIdx.x % cells;
  const int top = cell / cells_across * stride, left = cell % cells_across * stride;
  const int bottom = top + pool < rows ? top + pool : rows, right = left + pool < columns ? left + pool : columns;
  const T up = above[f], down = below[f];
  T positive = 0, negative = 0;
  for (int y = top; y < bottom; ++y) {
    const T* r = responses + (1LL * image * rows * columns + y * columns + left) * ldr + f;
    for (int x = left; x < right; ++x, r += ldr) {
      const T over = *r - up, under = down - *r;
      positive += over > 0 ? over : T(0);
      negative += under > 0 ? under : T(0);
    }
  }
  const T weight = average ? T(1) / static_cast<T>((bottom - top) * (right - left)) : T(1);
  const int first = 2 * cell * filters + f, second = first + filters;
  T* out = features + image * ldf;
  out[first] = static_cast<T>((static_cast<double>(weight * positive) - mean[first]) * factor[first]);
  out[second] = static_cast<T>((static_cast<double>(weight * negative) - mean[second]) * factor[second]);
}
