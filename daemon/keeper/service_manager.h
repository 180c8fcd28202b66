// systemd, as far as a keeper needs it: says how it goes, and leaves what is kept to it, so that also a
// keeper's end is no end of the mounts.
//
// Source: sd_notify(3), systemd.service(5) (FileDescriptorStoreMax=, WatchdogSec=). Does nothing where there
// is no service manager. It waits for nobody: what does not fit into the service manager's queue, which can
// be as short as 10 datagrams (net.unix.max_dgram_qlen), is told by a later Sync. Caller: the supervisor's
// thread. Does not allocate after it is made. (libsystemd would do all of this; the keeper links as little as
// it can.)
#pragma once

#include <sys/un.h>

#include <string>
#include <vector>

#include "daemon/base/clock.h"
#include "daemon/base/unique_fd.h"
#include "daemon/keeper/kept_table.h"

namespace lacuna {

class ServiceManager {
 public:
  ServiceManager();

  // "READY=1" or "STOPPING=1", with the next Sync.
  void Tell(const char* state) { state_ = state; }
  // The memory, with the next Sync.
  void StoreMemory(int fd) { memory_ = fd; }
  // Removes what is stored under these names, with the next Syncs.
  void RemoveStored(std::vector<std::string> names) { useless_ = std::move(names); }

  // A sign of life, where one is asked for and due. When to call it next.
  TimePoint Beat(TimePoint now);
  // Tells what is to be told, with what has changed in the table, whose mutex the caller holds. False when
  // there is more: again after a moment.
  bool Sync(KeptTable& kept);

 private:
  bool SyncPlace(size_t place, int fd);
  // False when it is to be tried again.
  bool Send(const char* text, int fd = -1);

  UniqueFd socket_;  // invalid: there is none
  sockaddr_un address_ = {};
  socklen_t address_size_ = 0;
  Duration beat_ = Duration::max();
  TimePoint next_beat_ = TimePoint::max();

  std::vector<std::string> useless_;
  int memory_ = -1;
  const char* state_ = nullptr;
};

}  // namespace lacuna
