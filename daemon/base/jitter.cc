#include "daemon/base/jitter.h"

#include <random>

namespace lacuna {

Duration Jittered(Duration duration) {
  thread_local std::minstd_rand random(std::random_device{}());
  std::uniform_int_distribution<Duration::rep> distribution(duration.count() / 2, duration.count());
  return Duration(distribution(random));
}

}  // namespace lacuna
