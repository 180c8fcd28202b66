// A real HTTP/1.1 server on loopback, in one thread, that behaves as badly as a test asks.
//
// Thread-safe. The responder is called on the server's thread. Ends with the object.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "daemon/base/mutex.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

struct ServedRequest {
  std::string method;
  std::string path;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string Header(const std::string& name) const;
};

struct ServedAnswer {
  enum class After { kKeepOpen, kClose, kReset };

  std::string bytes;  // all that is sent, status line included
  After after = After::kKeepOpen;
  bool hold = false;  // only once Release() is called
  // Sent in this many pieces, with a pause before each.
  int pieces = 1;
  std::chrono::milliseconds pause{0};
};

class LoopbackServer {
 public:
  using Responder = std::function<ServedAnswer(const ServedRequest&)>;

  // `address` is of 127.0.0.0/8.
  explicit LoopbackServer(Responder responder, const char* address = "127.0.0.1");
  ~LoopbackServer();

  // "HTTP/1.1 CODE" with `headers` ("Name: value\r\n"…), Content-Length and `body`.
  static std::string Answer(int code, absl::string_view body, absl::string_view headers = "");

  std::string Url(absl::string_view path) const;
  int accepted() const;  // connections so far
  std::vector<ServedRequest> requests() const;
  // Returns once `count` requests have come.
  void AwaitRequests(size_t count) const;
  // How long a pause between two pieces has taken, at most.
  std::chrono::steady_clock::duration longest_pause() const;
  // Sends the answers that are held, and holds none from now on.
  void Release();

 private:
  struct Connection {
    UniqueFd fd;
    std::string input;
    ServedAnswer held;
    bool open = true;
  };

  void Loop();
  bool PollOnce();
  void Accept();
  void Receive(Connection& connection);
  void Respond(Connection& connection, ServedRequest request);
  void Send(Connection& connection, const ServedAnswer& answer);
  void Pause(std::chrono::milliseconds pause);
  void Wake() const;

  const Responder responder_;
  UniqueFd listener_;
  UniqueFd wake_;
  std::string authority_;

  std::vector<Connection> connections_;  // the server's thread only

  mutable Mutex mutex_;
  mutable CondVar came_;
  std::vector<ServedRequest> requests_ ABSL_GUARDED_BY(mutex_);
  int accepted_ ABSL_GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::duration longest_pause_ ABSL_GUARDED_BY(mutex_){};
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses the members above
};

}  // namespace lacuna
