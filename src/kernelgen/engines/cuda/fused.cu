// Random convolutions in one kernel: a response lives in a register and a strip of shared memory, and nowhere else.
//
//     feature (i, cell, side, f):   factor (weight sum over window max(+-(<filter_f, patch_ip> - offset_f) - bias, 0) - mean)
//
// A block of 256 threads makes all features of 128 filters of one image. Its positions come in an order of slots, by
// region: regions are the rectangles that the edges of all windows cut the positions into, so that a response is added
// once, however many windows it is in, and a window is the sum of its regions. Slots are taken 128 at a time: the tile of
// their responses is a matrix product, 8 x 8 values a thread, 8 of the depth at a time from two buffers of shared memory;
// patches are cut there from the image, which is read once. Four slots that follow each other are in one region: a thread
// rectifies and adds them where they are, in registers, and these sums are laid out and added by the owner of a filter's
// side. Sums have one owner and one order: no atomics.
//
// A row of the image in shared memory has a gap behind it: a region is a few columns wide, so that the 32 patches of a
// warp start in several rows, and rows of 32 values would start in one bank.
//
// Pixels are scaled in double and kept in float, as gather does. A patch's mean is subtracted in two floats, so that
// normalized values are good to three roundings without double arithmetic in the loop.
//
// Compiled by NVRTC through CuPy; and by a host compiler in tests, where a header gives the names CUDA would.

namespace fused {
constexpr int kSide = 128;      // filters, and slots of a tile
constexpr int kDepth = 8;       // values of a patch at a time
constexpr int kThreads = 256;   // 16 x 16 for products; 2 sides x 128 filters for sums
constexpr int kGroups = 16;     // of four slots, that are laid out at a time
constexpr int kBuffer = kDepth * kSide;
static_assert(kGroups * kThreads == 4 * kBuffer, "sums of groups lie where the four buffers were");

__device__ inline void load(float* into, const float* from) {
  const float4 four = *reinterpret_cast<const float4*>(from);
  into[0] = four.x, into[1] = four.y, into[2] = four.z, into[3] = four.w;
}

__device__ inline void store(float* to, const float* from) {
  *reinterpret_cast<float4*>(to) = make_float4(from[0], from[1], from[2], from[3]);
}
}  // namespace fused

// features: images x 2 cells filters, leading dimension ldf.   columns: filters as columns, depth x filters, padded with
// zeros to multiples of 8 and 128.   statistics: mean and 1 / sqrt(variance + contrast) of each patch, read where
// normalize is 1.   order: the position in each slot, or -1.   region_of: of each four slots.   windows: first and
// last + 1 row and column of regions of each cell.
// Shared memory, 4 bytes each: four buffers; 256 thresholds; 256 sums for each region; the image, with gaps; the region of
// each four slots, and one more; an offset for each depth.
template <typename S>
__global__ void __launch_bounds__(fused::kThreads, 2)
    convolve_and_pool(float* features, long long ldf, const S* images, long long image_step, double scale,
                      const double* statistics, int normalize, const float* columns, int ldc, const float* above,
                      const float* below, const double* mean, const double* factor, const int* order,
                      const int* region_of, const int* windows, const float* weights, int filters, int values, int gap,
                      int positions, int across, int slots, int regions, int regions_across, int cells, int patch,
                      int channels, int row_step, int column_step, int channel_step) {
  using namespace fused;
  extern __shared__ float4 shared[];
  const int t = threadIdx.x, depth = (patch * patch * channels + kDepth - 1) / kDepth * kDepth;
  const int first_filter = blockIdx.y * kSide;
  const long long image = blockIdx.x;
  float* const buffers = reinterpret_cast<float*>(shared);
  float* const thresholds = buffers + 4 * kBuffer;
  float* const sums = thresholds + kThreads;
  float* const pixels = sums + regions * kThreads;
  int* const region = reinterpret_cast<int*>(pixels + values + values / row_step * gap);
  int* const offsets = region + slots / 4 + 1;
  const int f = first_filter + t % kSide, side = t / kSide;  // whose sums are this thread's

  for (int k = t; k < values; k += kThreads)
    pixels[k + k / row_step * gap] = static_cast<float>(scale * static_cast<double>(images[image * image_step + k]));
  for (int k = t; k < regions * kThreads; k += kThreads) sums[k] = 0.0f;
  for (int g = t; g < slots / 4 + 1; g += kThreads) region[g] = g < slots / 4 ? region_of[g] : 0;
  thresholds[t] = f < filters ? (side == 0 ? above[f] : below[f]) : 0.0f;
  for (int k = t; k < depth; k += kThreads) {  // filters are 0 beyond the patch: any pixel will do
    const int channel = k % channels, u = k / channels % patch, v = k / channels / patch;
    const int inside = v * row_step + u * column_step + channel * channel_step;
    offsets[k] = v < patch ? inside + (v + channel * channel_step / row_step) * gap : 0;
  }
  __syncthreads();

  // For products: slots 4 y .. 4 y + 3 and 64 + those of the tile, and filters likewise with x.
  const int x = t % 16, y = t / 16;
  // For buffers: one slot and four of the eight depths; one depth and four filters.
  const int own_slot = t % kSide, own_depth = t / kSide * 4;
  const int own_column = t / 32 * ldc + first_filter + t % 32 * 4;

  for (int start = 0; start < slots; start += kSide) {
    const int filled = order[start + own_slot], p = max(filled, 0);
    const float* const corner = pixels + p / across * (row_step + gap) + p % across * column_step;
    float high = 0.0f, low = 0.0f, inverse = 1.0f;
    if (normalize) {
      const double* const statistic = statistics + 2 * (image * positions + p);
      high = static_cast<float>(statistic[0]);
      low = static_cast<float>(statistic[0] - static_cast<double>(high));
      inverse = static_cast<float>(statistic[1]);
    }
    if (filled < 0) inverse = nanf("");  // an empty slot: its responses are NaN, and fmaxf(NaN, 0) is 0

    float tile[8][8] = {};
    float4 column;
    auto fetch = [&](int k) {  // early: it comes from far away
      column = *reinterpret_cast<const float4*>(columns + own_column + k * ldc);
    };
    auto cut = [&](int k) {
      float* const buffer = buffers + k / kDepth % 2 * 2 * kBuffer;
      for (int j = own_depth; j < own_depth + 4; ++j)
        buffer[j * kSide + own_slot] = ((corner[offsets[k + j]] - high) - low) * inverse;
      *reinterpret_cast<float4*>(buffer + kBuffer + 4 * t) = column;
    };
    fetch(0);
    cut(0);
    __syncthreads();
    for (int k = 0; k < depth; k += kDepth) {
      const float* const now = buffers + k / kDepth % 2 * 2 * kBuffer;
      if (k + kDepth < depth) fetch(k + kDepth);
#pragma unroll
      for (int j = 0; j < kDepth; ++j) {
        if (j == kDepth / 2 && k + j >= patch * patch * channels) break;  // the rest is zeros
        float a[8], b[8];
        const float* const rows = now + j * kSide + 4 * y;
        const float* const filters_of = now + kBuffer + j * kSide + 4 * x;
        load(a, rows);
        load(a + 4, rows + kSide / 2);
        load(b, filters_of);
        load(b + 4, filters_of + kSide / 2);
#pragma unroll
        for (int r = 0; r < 8; ++r)
#pragma unroll
          for (int c = 0; c < 8; ++c) tile[r][c] += a[r] * b[c];
      }
      if (k + kDepth < depth) cut(k + kDepth);
      __syncthreads();
    }

#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
      for (int c = 0; c < 8; c += 4) {
        float up[4], down[4], over[4] = {}, under[4] = {};
        float* const laid_out = buffers + y * kThreads + c / 4 * (kSide / 2) + 4 * x;
        load(up, thresholds + c / 4 * (kSide / 2) + 4 * x);
        load(down, thresholds + kSide + c / 4 * (kSide / 2) + 4 * x);
#pragma unroll
        for (int r = 0; r < 4; ++r)
#pragma unroll
          for (int b = 0; b < 4; ++b) {
            const float response = tile[4 * half + r][c + b];
            over[b] += fmaxf(response - up[b], 0.0f);
            under[b] += fmaxf(down[b] - response, 0.0f);
          }
        store(laid_out, over);
        store(laid_out + kSide, under);
      }
      __syncthreads();
      const int first = start / 4 + half * kGroups;
      float sum = 0.0f;
      int now = region[first];
      for (int g = 0; g < kGroups; ++g) {
        sum += buffers[g * kThreads + t];
        const int next = region[first + g + 1];
        if (next != now) {  // the same for all threads
          sums[now * kThreads + t] += sum;
          sum = 0.0f;
          now = next;
        }
      }
      sums[now * kThreads + t] += sum;
      __syncthreads();
    }
  }

  if (f >= filters) return;
  for (int cell = 0; cell < cells; ++cell) {
    float sum = 0.0f;
    for (int v = windows[4 * cell]; v < windows[4 * cell + 1]; ++v)
      for (int u = windows[4 * cell + 2]; u < windows[4 * cell + 3]; ++u)
        sum += sums[(v * regions_across + u) * kThreads + t];
    const int own = (2 * cell + side) * filters + f;
    features[image * ldf + own] =
        static_cast<float>((static_cast<double>(weights[cell] * sum) - mean[own]) * factor[own]);
  }
}
