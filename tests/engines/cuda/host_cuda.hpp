// The names CUDA gives a kernel, for a host compiler: blocks and threads become four loops around it, or, where threads
// of a block wait for each other, one context each, which take turns.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

struct Index {
  int x, y;
};
static Index blockIdx, blockDim, threadIdx;

struct alignas(16) float4 {
  float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
using std::max;

#define __global__
#define __device__
#define __shared__
#define __launch_bounds__(...)

template <typename Kernel>
void launch(int grid_x, int grid_y, int block_x, int block_y, Kernel kernel) {
  blockDim = {block_x, block_y};
  for (blockIdx.y = 0; blockIdx.y < grid_y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < grid_x; ++blockIdx.x)
      for (threadIdx.y = 0; threadIdx.y < block_y; ++threadIdx.y)
        for (threadIdx.x = 0; threadIdx.x < block_x; ++threadIdx.x) kernel();
}

// Dynamic shared memory, of one block at a time; 64 KB is what every card since compute capability 7.5 has.
float4 shared[65536 / sizeof(float4)];

[[noreturn]] inline void stop(const char* why) {
  std::fprintf(stderr, "CUDA kernel on the host: %s\n", why);
  std::abort();
}

// A block whose threads meet at __syncthreads: each runs up to it, one after the other, forward in one stretch and
// backward in the next, so that a result that depends on who comes first is wrong in one of them.
class Block {
 public:
  explicit Block(int count) : contexts_(count), done_(count) {
    for (int t = 0; t < count; ++t) stacks_.emplace_back(new char[kStack]);
  }

  template <typename Kernel>
  void run(const Kernel& kernel) {
    body_ = [](const void* it) { (*static_cast<const Kernel*>(it))(); };
    kernel_ = &kernel;
    here_ = this;
    const int count = static_cast<int>(contexts_.size());
    for (int t = 0; t < count; ++t) {
      getcontext(&contexts_[t]);
      contexts_[t].uc_stack.ss_sp = stacks_[t].get();
      contexts_[t].uc_stack.ss_size = kStack;
      contexts_[t].uc_link = &outside_;
      makecontext(&contexts_[t], enter, 0);
      done_[t] = false;
    }
    for (bool backward = false, left = true; left; backward = !backward) {
      left = false;
      int arrived = 0, finished = 0;
      for (int k = 0; k < count; ++k) {
        current_ = backward ? count - 1 - k : k;
        if (done_[current_]) continue;
        threadIdx = {current_, 0};
        swapcontext(&outside_, &contexts_[current_]);
        (done_[current_] ? finished : arrived) += 1;
      }
      if (arrived != 0 && finished != 0) stop("threads wait for others that never come");
      left = arrived != 0;
    }
  }

  static void wait() { swapcontext(&here_->contexts_[here_->current_], &here_->outside_); }

 private:
  static constexpr int kStack = 1 << 16;

  static void enter() {
    here_->body_(here_->kernel_);
    here_->done_[here_->current_] = true;
  }

  static inline Block* here_;
  std::vector<ucontext_t> contexts_;
  std::vector<std::unique_ptr<char[]>> stacks_;
  std::vector<char> done_;
  ucontext_t outside_;
  int current_ = 0;
  const void* kernel_ = nullptr;
  void (*body_)(const void*) = nullptr;
};

inline void __syncthreads() { Block::wait(); }

// Blocks of block_x threads that meet at __syncthreads. Shared memory is NaN at first, and so it must stay behind its end.
template <typename Kernel>
void launch_together(int grid_x, int grid_y, int block_x, int shared_bytes, Kernel kernel) {
  if (shared_bytes > static_cast<int>(sizeof(shared))) stop("more shared memory than there is");
  blockDim = {block_x, 1};
  Block block(block_x);
  unsigned char* const bytes = reinterpret_cast<unsigned char*>(shared);
  for (blockIdx.y = 0; blockIdx.y < grid_y; ++blockIdx.y)
    for (blockIdx.x = 0; blockIdx.x < grid_x; ++blockIdx.x) {
      std::fill_n(bytes, sizeof(shared), 0xff);
      block.run(kernel);
      if (std::any_of(bytes + shared_bytes, bytes + sizeof(shared), [](unsigned char byte) { return byte != 0xff; }))
        stop("more shared memory was written than was asked for");
    }
}
