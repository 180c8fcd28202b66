// The kernel's end of a FUSE connection, played by a test over a SOCK_SEQPACKET socket pair: sends any bytes,
// receives answers, dies when told.
//
// Used by one thread.
#pragma once

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/unique_fd.h"

namespace lacuna {

class FakeFuseKernel {
 public:
  struct Answer {
    uint64_t unique = 0;
    int error = 0;  // an errno value
    std::string payload;
    template <typename T>
    T As() const {
      T value = {};
      std::memcpy(&value, payload.data(), std::min(payload.size(), sizeof(value)));
      return value;
    }
  };

  FakeFuseKernel() {
    std::signal(SIGPIPE, SIG_IGN);  // a dead kernel's answers
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
    kernel_ = UniqueFd(ends[0]);
    daemon_ = UniqueFd(ends[1]);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    // The real device never runs full.
    const int buffer = 64 << 20;
    for (const int fd : ends) {
      setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
    }
  }

  UniqueFd TakeDaemonsEnd() { return std::move(daemon_); }
  void Die() { kernel_.Reset(); }

  // Sends a request and returns its number.
  template <typename Body>
  uint64_t Send(uint32_t opcode, uint64_t node, const Body& body) {
    return SendBytes(opcode, node, std::string(reinterpret_cast<const char*>(&body), sizeof(body)));
  }
  uint64_t SendBytes(uint32_t opcode, uint64_t node, const std::string& body) {
    const uint64_t unique = next_unique_ += 2;
    SendAs(unique, opcode, node, body);
    return unique;
  }
  void SendAs(uint64_t unique, uint32_t opcode, uint64_t node, const std::string& body) {
    const fuse_in_header header = {.len = static_cast<uint32_t>(sizeof(header) + body.size()),
                                   .opcode = opcode,
                                   .unique = unique,
                                   .nodeid = node};
    SendRaw(std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + body);
  }
  void SendRaw(const std::string& message) {
    if (send(kernel_.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) std::abort();
  }

  // The next answer; nullopt after 20 s without one, or when the daemon has hung up.
  std::optional<Answer> Receive() {
    pollfd ready = {.fd = kernel_.get(), .events = POLLIN};
    if (poll(&ready, 1, 20'000) != 1) return std::nullopt;
    static thread_local std::vector<char> buffer(2 << 20);
    const ssize_t size = recv(kernel_.get(), buffer.data(), buffer.size(), 0);
    fuse_out_header header = {};
    if (size < static_cast<ssize_t>(sizeof(header))) return std::nullopt;
    std::memcpy(&header, buffer.data(), sizeof(header));
    if (header.len != size) return std::nullopt;
    return Answer{header.unique, -header.error,
                  std::string(buffer.data() + sizeof(header), static_cast<size_t>(size) - sizeof(header))};
  }

 private:
  UniqueFd kernel_;
  UniqueFd daemon_;
  uint64_t next_unique_ = 100;
};

}  // namespace lacuna
