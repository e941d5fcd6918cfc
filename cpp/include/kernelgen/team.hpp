// Threads made for one call and joined at its end. Tasks are claimed in a fixed order and wait for flags that earlier
// tasks raise; since whoever raises a flag was claimed before, nobody waits for ever, and since every number is
// computed by one task in one order, the bits do not depend on the number of threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>

namespace kernelgen {

// Called by the caller's thread about 20 times a second with the fraction done; may throw, which stops the work.
using Heartbeat = std::function<void(double)>;

class Team {
 public:
  Team(int threads, Heartbeat heartbeat, double total_work);

  // Run worker(id) on every thread; returns when all have ended. Rethrows what a worker or the heartbeat threw.
  void run(const std::function<void(int)>& worker);

  int threads() const { return threads_; }
  void stop() { stop_.store(true, std::memory_order_relaxed); }
  bool stopped() const { return stop_.load(std::memory_order_relaxed); }
  void add_work(double amount);

  // Wait until *flag == value; false when the work was stopped.
  bool wait(const std::atomic<std::int32_t>& flag, std::int32_t value) const;

 private:
  int threads_;
  Heartbeat heartbeat_;
  double total_;
  std::atomic<bool> stop_{false};
  std::atomic<double> done_{0.0};
};

}  // namespace kernelgen
