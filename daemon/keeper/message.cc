#include "daemon/keeper/message.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "daemon/keeper/checksum.h"
#include "daemon/keeper/send_with_fd.h"

namespace lacuna {
namespace {

bool IsWhole(KeeperMessage message, ssize_t size) {
  const uint32_t checksum = std::exchange(message.checksum, 0);
  return size == sizeof(message) && message.magic == KeeperMessage::kMagic &&
         checksum == ChecksumOf(&message, sizeof(message)) && message.name.back() == '\0';
}

UniqueFd DescriptorIn(msghdr& header) {
  const cmsghdr* const control = CMSG_FIRSTHDR(&header);
  if (control == nullptr || control->cmsg_type != SCM_RIGHTS) return {};
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(control), sizeof(fd));
  return UniqueFd(fd);
}

}  // namespace

int SendToKeeper(int socket, KeeperMessage message, int fd) {
  message.checksum = 0;
  message.checksum = ChecksumOf(&message, sizeof(message));
  iovec piece = {&message, sizeof(message)};
  return SendWithFd(socket, {.msg_iov = &piece, .msg_iovlen = 1}, fd);
}

Reception ReceiveFromWorker(int socket, ReceivedMessage& received) {
  iovec piece = {&received.message, sizeof(received.message)};
  FdControl control = {};
  msghdr header = {.msg_iov = &piece,
                   .msg_iovlen = 1,
                   .msg_control = control.bytes.data(),
                   .msg_controllen = control.bytes.size()};
  const ssize_t size = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? Reception::kNothing : Reception::kEnd;
  if (size == 0) return Reception::kEnd;
  received.fd = DescriptorIn(header);
  return IsWhole(received.message, size) ? Reception::kMessage : Reception::kGarbage;
}

}  // namespace lacuna
