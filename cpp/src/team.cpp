#include "kernelgen/team.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace kernelgen {

using namespace std::chrono_literals;

Team::Team(int threads, Heartbeat heartbeat, double total_work)
    : threads_(threads)
    , heartbeat_(std::move(heartbeat))
    , total_(total_work) {
  if (threads < 1) throw std::invalid_argument("threads must be at least 1");
}

void Team::add_work(double amount) {
  double seen = done_.load(std::memory_order_relaxed);
  while (!done_.compare_exchange_weak(seen, seen + amount, std::memory_order_relaxed)) {}
}

bool Team::wait(const std::atomic<std::int32_t>& flag, std::int32_t value) const {
  for (int spin = 0; flag.load(std::memory_order_acquire) != value; ++spin) {
    if (stopped()) return false;
    if (spin < 200) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(20us);
    }
  }
  return true;
}

void Team::run(const std::function<void(int)>& worker) {
  std::mutex mutex;
  std::condition_variable ended;
  std::exception_ptr failure;
  int active = 0;

  auto fail = [&](std::exception_ptr what) {
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::move(what);
    stop();
  };
  auto body = [&](int id) {
    try {
      worker(id);
    } catch (...) {
      fail(std::current_exception());
    }
    const std::lock_guard lock(mutex);
    --active;
    ended.notify_one();
  };

  std::vector<std::thread> crew;
  crew.reserve(static_cast<std::size_t>(threads_));
  try {
    for (int id = 0; id < threads_; ++id) {
      {
        const std::lock_guard lock(mutex);
        ++active;
      }
      try {
        crew.emplace_back(body, id);
      } catch (...) {
        const std::lock_guard lock(mutex);
        --active;
        throw;
      }
    }
  } catch (...) {
    fail(std::current_exception());
  }

  std::unique_lock lock(mutex);
  while (active > 0) {
    ended.wait_for(lock, 50ms, [&] { return active == 0; });
    if (active == 0 || !heartbeat_ || stopped()) continue;
    lock.unlock();
    try {
      heartbeat_(total_ > 0 ? std::min(1.0, done_.load() / total_) : 0.0);
    } catch (...) {
      fail(std::current_exception());
    }
    lock.lock();
  }
  lock.unlock();
  for (std::thread& member : crew) member.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace kernelgen
