#include "tests/registry/loopback_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lacuna {
namespace {

void Require(bool good) {
  if (!good) std::abort();
}

// Takes one whole request off the front of `input`, if there is one.
std::optional<ServedRequest> TakeRequest(std::string* input) {
  const size_t end = input->find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  ServedRequest request;
  const std::vector<std::string> lines = absl::StrSplit(input->substr(0, end), "\r\n");
  const std::vector<std::string> first = absl::StrSplit(lines.front(), ' ');
  request.method = first.at(0);
  request.path = first.at(1);
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<std::string, std::string> header = absl::StrSplit(lines[i], absl::MaxSplits(": ", 1));
    request.headers[absl::AsciiStrToLower(header.first)] = header.second;
  }
  size_t length = 0;
  if (!request.Header("content-length").empty())
    Require(absl::SimpleAtoi(request.Header("content-length"), &length));
  if (input->size() < end + 4 + length) return std::nullopt;
  request.body = input->substr(end + 4, length);
  input->erase(0, end + 4 + length);
  return request;
}

}  // namespace

std::string ServedRequest::Header(const std::string& name) const {
  const auto it = headers.find(name);
  return it == headers.end() ? "" : it->second;
}

LoopbackServer::LoopbackServer(Responder responder, const char* address)
    : responder_(std::move(responder)),
      listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      wake_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in name{.sin_family = AF_INET};
  socklen_t size = sizeof(name);
  auto* const generic = reinterpret_cast<sockaddr*>(&name);
  Require(inet_pton(AF_INET, address, &name.sin_addr) == 1);
  Require(bind(listener_.get(), generic, size) == 0 && listen(listener_.get(), 256) == 0);
  Require(getsockname(listener_.get(), generic, &size) == 0);
  authority_ = absl::StrCat(address, ":", ntohs(name.sin_port));
  thread_ = std::thread([this] { Loop(); });
}

LoopbackServer::~LoopbackServer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
}

std::string LoopbackServer::Answer(int code, absl::string_view body, absl::string_view headers) {
  return absl::StrCat("HTTP/1.1 ", code, " X\r\n", headers, "Content-Length: ", body.size(), "\r\n\r\n",
                      body);
}

std::string LoopbackServer::Url(absl::string_view path) const {
  return absl::StrCat("http://", authority_, path);
}

int LoopbackServer::accepted() const {
  MutexLock lock(mutex_);
  return accepted_;
}

std::vector<ServedRequest> LoopbackServer::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

void LoopbackServer::AwaitRequests(size_t count) const {
  MutexLock lock(mutex_);
  while (requests_.size() < count) came_.Wait(mutex_);
}

std::chrono::steady_clock::duration LoopbackServer::longest_pause() const {
  MutexLock lock(mutex_);
  return longest_pause_;
}

void LoopbackServer::Release() {
  {
    MutexLock lock(mutex_);
    released_ = true;
  }
  Wake();
}

void LoopbackServer::Wake() const {
  const uint64_t one = 1;
  Require(write(wake_.get(), &one, sizeof(one)) == sizeof(one));
}

void LoopbackServer::Loop() {
  while (PollOnce()) {
  }
}

bool LoopbackServer::PollOnce() {
  std::vector<pollfd> fds = {{wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
  for (const Connection& connection : connections_) fds.push_back({connection.fd.get(), POLLIN, 0});
  Require(poll(fds.data(), fds.size(), -1) > 0);
  uint64_t count = 0;
  if (fds[0].revents != 0) Require(read(wake_.get(), &count, sizeof(count)) == sizeof(count));
  bool release = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    release = released_;
  }
  for (size_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = connections_[i];
    if (release && connection.held.hold) Send(connection, std::exchange(connection.held, {}));
    if (connection.open && fds[i + 2].revents != 0) Receive(connection);
  }
  std::erase_if(connections_, [](const Connection& connection) { return !connection.open; });
  if (fds[1].revents != 0) Accept();
  return true;
}

void LoopbackServer::Accept() {
  const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
  Require(fd >= 0);
  connections_.push_back({.fd = UniqueFd(fd)});
  MutexLock lock(mutex_);
  ++accepted_;
}

void LoopbackServer::Receive(Connection& connection) {
  char buffer[64 * 1024];
  const ssize_t size = recv(connection.fd.get(), buffer, sizeof(buffer), 0);
  if (size <= 0) {
    connection.open = false;
    return;
  }
  connection.input.append(buffer, size);
  while (connection.open) {
    std::optional<ServedRequest> request = TakeRequest(&connection.input);
    if (!request.has_value()) return;
    Respond(connection, *std::move(request));
  }
}

void LoopbackServer::Respond(Connection& connection, ServedRequest request) {
  ServedAnswer answer = responder_(request);
  bool hold = false;
  {
    MutexLock lock(mutex_);
    hold = answer.hold && !released_;
    requests_.push_back(std::move(request));
    came_.NotifyAll();
  }
  if (hold) {
    connection.held = std::move(answer);
  } else {
    Send(connection, answer);
  }
}

void LoopbackServer::Pause(std::chrono::milliseconds pause) {
  if (pause.count() == 0) return;
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(pause);
  MutexLock lock(mutex_);
  longest_pause_ = std::max(longest_pause_, std::chrono::steady_clock::now() - start);
}

void LoopbackServer::Send(Connection& connection, const ServedAnswer& answer) {
  const int fd = connection.fd.get();
  const size_t piece = answer.bytes.size() / answer.pieces + 1;
  for (size_t sent = 0; sent < answer.bytes.size();) {
    Pause(answer.pause);
    const size_t length = std::min(piece, answer.bytes.size() - sent);
    const ssize_t size = send(fd, answer.bytes.data() + sent, length, MSG_NOSIGNAL);
    if (size <= 0) break;  // the client went away
    sent += size;
  }
  if (answer.after == ServedAnswer::After::kKeepOpen) return;
  if (answer.after == ServedAnswer::After::kReset) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }
  connection.fd.Reset();
  connection.open = false;
}

}  // namespace lacuna
