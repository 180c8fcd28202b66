// systemd, as far as a keeper needs it: says how it goes, and leaves what is kept to it, so that also a
// keeper's end is no end of the mounts.
//
// Source: sd_notify(3), sd_listen_fds(3), systemd.service(5) (FileDescriptorStoreMax=, WatchdogSec=). Does
// nothing where there is no service manager. Caller: the supervisor's thread. Does not allocate after it is
// made. (libsystemd would do all of this; the keeper links as little as it can.)
#pragma once

#include <sys/un.h>

#include <string>

#include "daemon/base/clock.h"
#include "daemon/base/unique_fd.h"
#include "daemon/keeper/memory.h"

namespace lacuna {

class ServiceManager {
 public:
  ServiceManager();

  // "READY=1" and so on.
  void Tell(const char* state);
  // A sign of life, where one is asked for and due. When to call it next.
  TimePoint Beat(TimePoint now);

  // The memory, by that name; what is kept, by its place in the table. Removing what is not there does
  // nothing.
  void StoreMemory(int fd);
  void Store(size_t place, int fd);
  void Remove(size_t place);

 private:
  void Send(const char* text, int fd = -1);

  UniqueFd socket_;  // invalid: there is none
  sockaddr_un address_ = {};
  socklen_t address_size_ = 0;
  Duration beat_ = Duration::max();
  TimePoint next_beat_ = TimePoint::max();
};

// What the service manager has kept from an earlier keeper, of this process alone. The memory is invalid
// where there is none, or it cannot be read; the table in it then has the descriptors, by their numbers now.
UniqueFd TakeStored();

}  // namespace lacuna
