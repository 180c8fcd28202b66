// The sign of life of a worker, in memory that it shares with its keeper: a lock that the thread which takes
// requests from the device holds, and beats of the threads that must never stand still.
//
// The lock is robust (pthread_mutexattr_setrobust(3)): the kernel hands it on in the instant its thread dies,
// however that comes about, and long before the process may be gone (a thread of it can be stuck in a mount
// that waits for one of our own answers). Who holds it may read the device, nobody else.
//
// Callers: a door's thread holds and beats, the daemon's clock beats, the keeper's guard watches.
// Thread-safe.
#pragma once

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace lacuna {

class Lifeline {
 public:
  // How often those who beat do so.
  static constexpr std::chrono::milliseconds kBeat{500};

  // What is shared. All zero but for the lock, which Prepare makes.
  struct Memory {
    pthread_mutex_t lock;
    std::atomic<int32_t> holder;  // the thread that holds it; 0 for none, and while the guard has it
    std::atomic<uint64_t> door_beats;
    std::atomic<uint64_t> clock_beats;
  };
  // Once, by whoever makes the memory. False when the system cannot.
  static bool Prepare(Memory& memory);

  explicit Lifeline(Memory& memory) : memory_(memory) {}

  // By the door's thread. Waits for a guard that is just answering.
  void Hold();
  void LetGo();
  void BeatOfDoor() { memory_.door_beats.fetch_add(1, std::memory_order_relaxed); }
  void BeatOfClock() { memory_.clock_beats.fetch_add(1, std::memory_order_relaxed); }

  // By the guard.
  enum class Watched {
    kAlive,    // the time is up, and the thread holds on
    kEnded,    // it let go
    kDied,     // it is dead
    kUnknown,  // the lock is damaged
  };
  // Watches the thread that holds the lock for `time`, or until it does no more.
  Watched Watch(std::chrono::milliseconds time);
  bool held() const { return memory_.holder.load(std::memory_order_acquire) != 0; }
  // The device is the caller's until GiveBack. False when somebody holds it.
  bool TryTake();
  void GiveBack();

 private:
  Memory& memory_;
};

}  // namespace lacuna
