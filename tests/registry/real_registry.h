// Debian's docker-registry as a child process, on a free loopback port, with its storage in a temporary
// folder. Both end with this object.
//
// Used by one thread.
#pragma once

#include <sys/types.h>

#include <string>

namespace lacuna {

class RealRegistry {
 public:
  // Why there can be none on this host; empty where there can.
  static std::string WhyNotHere();

  RealRegistry();
  ~RealRegistry();

  // "127.0.0.1:PORT"; empty when it did not begin to listen.
  const std::string& host() const { return host_; }

 private:
  void Start(int port);

  std::string folder_;
  std::string host_;
  pid_t pid_ = -1;
};

}  // namespace lacuna
