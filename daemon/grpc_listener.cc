#include "daemon/grpc_listener.h"

#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/unix_socket.h"

namespace lacuna {
namespace {

constexpr auto kGrace = std::chrono::milliseconds(300);
constexpr int kRetryAcceptMs = 100;

}  // namespace

class GrpcListener::Server {
 public:
  explicit Server(std::unique_ptr<grpc::Service> service) : service_(std::move(service)) {
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
  }

  bool started() const { return server_ != nullptr; }
  void Serve(UniqueFd connection) { grpc::AddInsecureChannelFromFd(server_.get(), connection.Release()); }
  void Stop() { server_->Shutdown(std::chrono::system_clock::now() + kGrace); }

 private:
  std::unique_ptr<grpc::Service> service_;  // outlives the server
  std::unique_ptr<grpc::Server> server_;
};

absl::StatusOr<std::unique_ptr<GrpcListener>> GrpcListener::Start(const std::string& socket_path,
                                                                  UniqueFd listening,
                                                                  std::unique_ptr<grpc::Service> service) {
  UniqueFd stop_event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event.valid()) return ErrnoStatus(errno, "eventfd");
  std::unique_ptr<GrpcListener> listener(
      new GrpcListener(socket_path, std::move(listening), std::move(stop_event), std::move(service)));
  if (!listener->server_->started()) return absl::InternalError("gRPC did not start; its own log says why");
  listener->accepting_ = std::thread([raw = listener.get()] { raw->AcceptLoop(); });
  return listener;
}

GrpcListener::GrpcListener(std::string socket_path, UniqueFd listening, UniqueFd stop_event,
                           std::unique_ptr<grpc::Service> service)
    : socket_path_(std::move(socket_path)),
      stop_event_(std::move(stop_event)),
      listening_(std::move(listening)),
      server_(std::make_unique<Server>(std::move(service))) {}

GrpcListener::~GrpcListener() {
  Stop();
}

void GrpcListener::Stop() {
  if (!listening_.valid()) return;
  eventfd_write(stop_event_.get(), 1);
  if (accepting_.joinable()) accepting_.join();
  unlink(socket_path_.c_str());  // before it closes: while we listen nobody else takes the path over
  listening_.Reset();
  if (server_->started()) server_->Stop();
}

void GrpcListener::AcceptLoop() {
  pollfd wanted[] = {{.fd = stop_event_.get(), .events = POLLIN}, {.fd = listening_.get(), .events = POLLIN}};
  while (true) {
    if (poll(wanted, 2, -1) < 0 && errno != EINTR) {
      LogError(socket_path_, ": poll: ", std::strerror(errno));
      return;
    }
    if (wanted[0].revents != 0) return;
    if (wanted[1].revents != 0) AcceptOne();
  }
}

void GrpcListener::AcceptOne() {
  UniqueFd connection(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection.valid()) {
    if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return;
    LogWarning(socket_path_, ": accept: ", std::strerror(errno));
    pollfd stop = {.fd = stop_event_.get(), .events = POLLIN};
    poll(&stop, 1, kRetryAcceptMs);  // out of descriptors or memory: the caller stays in the backlog
    return;
  }
  const absl::Status peer = CheckUnixPeer(connection.get());
  if (peer.ok()) return server_->Serve(std::move(connection));
  LogWarning(socket_path_, ": refused: ", peer.message());
}

}  // namespace lacuna
