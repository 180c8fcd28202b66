// Serves a gRPC service on a unix socket: accepts, checks who calls, and hands the connection to gRPC.
//
// Made and stopped by lacunad's main thread; it owns a thread that accepts, gRPC owns the threads that call
// the service.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"

namespace grpc {
class Service;
}

namespace lacuna {

class GrpcListener {
 public:
  // Serves the socket that listens at `socket_path` (ListenOnUnixSocket) until Stop.
  static absl::StatusOr<std::unique_ptr<GrpcListener>> Start(const std::string& socket_path,
                                                             UniqueFd listening,
                                                             std::unique_ptr<grpc::Service> service);
  ~GrpcListener();

  // Removes the socket, takes no more calls, and cancels those that do not end by themselves in 300 ms.
  // Returns when the service is no longer called: a call that waits for something else has to be told to
  // give up before. Idempotent.
  void Stop();

 private:
  class Server;  // what needs gRPC's headers

  GrpcListener(std::string socket_path, UniqueFd listening, UniqueFd stop_event,
               std::unique_ptr<grpc::Service> service);
  void AcceptLoop();
  void AcceptOne();

  const std::string socket_path_;
  const UniqueFd stop_event_;  // an eventfd: readable once Stop was called
  UniqueFd listening_;
  std::unique_ptr<Server> server_;
  std::thread accepting_;  // last: it uses the members above
};

}  // namespace lacuna
