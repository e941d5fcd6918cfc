// The schedule: exceptions of workers and of the heartbeat reach the caller, and waiting ends when the work is stopped.
#include <stdexcept>
#include <string>

#include "kernelgen/team.hpp"
#include "reference.hpp"

using namespace kernelgen;

namespace {

template <class F>
std::string message_of(const F& call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace

int main() {
  for (const int threads : {1, 2, 5}) {
    std::atomic<int> count{0};
    Team(threads, {}, 0.0).run([&](int) { ++count; });
    CHECK(count == threads);

    CHECK(message_of([&] {
            Team(threads, {}, 0.0).run([](int id) {
              if (id == 0) throw std::runtime_error("worker");
            });
          }) == "worker");

    // A heartbeat that throws ends a wait that nobody would have ended.
    std::atomic<std::int32_t> never{0};
    bool waited = true;
    Team team(threads, [](double) { throw std::runtime_error("interrupted"); }, 1.0);
    CHECK(message_of([&] {
            team.run([&](int id) {
              const bool got = team.wait(never, 1);
              if (id == 0) waited = got;
            });
          }) == "interrupted");
    CHECK(!waited);
  }
  std::atomic<double> last{-1.0};
  Team team(2, [&](double fraction) { last = fraction; }, 4.0);
  std::atomic<std::int32_t> go{0};
  team.run([&](int id) {
    team.add_work(1.0);
    if (id == 0) {
      while (last < 0.0) {}
      go = 1;
    } else {
      CHECK(team.wait(go, 1));
    }
  });
  CHECK(last > 0.0 && last <= 1.0, "fraction %g", last.load());
  return reference::report("team");
}
