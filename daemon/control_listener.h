// Serves the control API on its unix socket: accepts, checks who calls, and hands the connection to gRPC.
//
// Made and stopped by lacunad's main thread; it owns a thread that accepts, gRPC owns the threads that call
// Control.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"
#include "daemon/control.h"

namespace lacuna {

class ControlListener {
 public:
  // Serves the socket that listens at `socket_path` (ListenOnControlSocket) until Stop. `control` outlives
  // the listener.
  static absl::StatusOr<std::unique_ptr<ControlListener>> Start(const std::string& socket_path,
                                                                UniqueFd listening, Control& control);
  ~ControlListener();

  // Removes the socket, takes no more calls, and cancels those that do not end by themselves in 300 ms.
  // Returns when Control is no longer called: a call of it that waits for something else has to be told to
  // give up before. Idempotent.
  void Stop();

 private:
  class Server;  // what needs gRPC's headers

  ControlListener(std::string socket_path, UniqueFd listening, UniqueFd stop_event, Control& control);
  void AcceptLoop();
  void AcceptOne();

  const std::string socket_path_;
  const UniqueFd stop_event_;  // an eventfd: readable once Stop was called
  UniqueFd listening_;
  std::unique_ptr<Server> server_;
  std::thread accepting_;  // last: it uses the members above
};

}  // namespace lacuna
