// The names CUDA gives a kernel, for a host compiler: blocks and threads become four loops around it.
#pragma once

#include <cmath>

struct Index {
  int x, y;
};
static Index blockIdx, blockDim, threadIdx;

#define __global__
#define __device__

template <typename Kernel>
void launch(int grid_x, int grid_y, int block_x, int block_y, Kernel kernel) {
  blockDim = {block_x, block_y};
  for (blockIdx.y = 0; blockIdx.y < grid_y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < grid_x; ++blockIdx.x)
      for (threadIdx.y = 0; threadIdx.y < block_y; ++threadIdx.y)
        for (threadIdx.x = 0; threadIdx.x < block_x; ++threadIdx.x) kernel();
}
