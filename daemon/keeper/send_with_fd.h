// One datagram with one descriptor (SCM_RIGHTS), or none: to the keeper, and to the service manager.
#pragma once

#include <sys/socket.h>

#include <array>

namespace lacuna {

// Room for the control message of one descriptor.
union FdControl {
  cmsghdr header;  // for its alignment
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

// `header` has all but the control message. `fd` -1: none. Does not wait: a receiver that was stopped must
// not stop us. 0 or an errno value.
int SendWithFd(int socket, msghdr header, int fd);

}  // namespace lacuna
