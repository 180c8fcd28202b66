// What a worker tells its keeper, over a SOCK_SEQPACKET socket: a fixed structure, with a descriptor
// (SCM_RIGHTS) where something is to be kept. The keeper answers nothing.
//
// Pure but for Send and Receive, which neither wait nor allocate.
#pragma once

#include <array>
#include <cstdint>

#include "cachefiles/keeper.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

struct KeeperMessage {
  static constexpr uint32_t kMagic = 0x4c4b4d31;  // "LKM1": its version is in it
  enum class Type : uint32_t {
    kKeep = 1,     // kind, fd; of an object also id, size and name
    kDrop = 2,     // kind, id
    kReady = 3,    // requests are being served, or will be at once
    kUpgrade = 4,  // to what now lies where worker and keeper were started from
  };

  uint32_t magic = kMagic;
  uint32_t checksum = 0;  // over the rest, itself 0
  Type type = {};
  KeptKind kind = KeptKind::kNone;
  uint64_t id = 0;
  uint64_t size = 0;
  std::array<char, 256> name = {};  // NUL-terminated
};

// `fd` -1: none. 0 or an errno value.
int SendToKeeper(int socket, KeeperMessage message, int fd = -1);

struct ReceivedMessage {
  KeeperMessage message;
  UniqueFd fd;
};
enum class Reception {
  kMessage,
  kNothing,  // for now
  kEnd,      // the worker has gone
  kGarbage,  // left out
};
Reception ReceiveFromWorker(int socket, ReceivedMessage& received);

}  // namespace lacuna
