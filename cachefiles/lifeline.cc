#include "cachefiles/lifeline.h"

#include <cerrno>
#include <ctime>

#include <unistd.h>

namespace lacuna {
namespace {

// A lock whose holder died is ours, and to be made whole.
int Recover(pthread_mutex_t& lock, int result) {
  if (result == EOWNERDEAD) pthread_mutex_consistent(&lock);
  return result;
}

timespec After(std::chrono::milliseconds time) {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t nanoseconds = now.tv_nsec + std::chrono::nanoseconds(time).count();
  return {.tv_sec = now.tv_sec + nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
}

}  // namespace

bool Lifeline::Prepare(Memory& memory) {
  pthread_mutexattr_t attributes;
  return pthread_mutexattr_init(&attributes) == 0 &&
         pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
         pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
         pthread_mutex_init(&memory.lock, &attributes) == 0;
}

void Lifeline::Hold() {
  Recover(memory_.lock, pthread_mutex_lock(&memory_.lock));
  memory_.holder.store(gettid(), std::memory_order_release);
}

void Lifeline::LetGo() {
  memory_.holder.store(0, std::memory_order_release);
  pthread_mutex_unlock(&memory_.lock);
}

Lifeline::Watched Lifeline::Watch(std::chrono::milliseconds time) {
  const timespec end = After(time);
  const int result = Recover(memory_.lock, pthread_mutex_clocklock(&memory_.lock, CLOCK_MONOTONIC, &end));
  if (result == ETIMEDOUT) return Watched::kAlive;
  if (result != 0 && result != EOWNERDEAD) return Watched::kUnknown;
  memory_.holder.store(0, std::memory_order_release);
  pthread_mutex_unlock(&memory_.lock);
  return result == EOWNERDEAD ? Watched::kDied : Watched::kEnded;
}

bool Lifeline::TryTake() {
  const int result = Recover(memory_.lock, pthread_mutex_trylock(&memory_.lock));
  return result == 0 || result == EOWNERDEAD;
}

void Lifeline::GiveBack() {
  pthread_mutex_unlock(&memory_.lock);
}

}  // namespace lacuna
