#include "daemon/cli/control_client.h"

#include <grpcpp/create_channel_posix.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/duration.h"
#include "daemon/base/mutex.h"
#include "daemon/control_errors.h"
#include "daemon/unix_socket.h"
#include "proto/lacuna/control/v1/control.grpc.pb.h"

namespace lacuna {
namespace {

namespace api = control::v1;

// A status lists every object of the cache: beyond gRPC's default of 4 MiB when there are 30,000.
constexpr int kMaxResponseBytes = 256 << 20;

absl::Status Unreachable(const std::string& path, absl::string_view cause) {
  const absl::string_view advice =
      geteuid() == 0 ? "is lacunad running? (systemctl status lacunad)" : "try again as root";
  return DaemonUnreachableError(absl::StrCat("cannot reach lacunad at ", path, ": ", cause, "; ", advice));
}

}  // namespace

class ControlClient::Connection {
 public:
  Connection(std::string path, UniqueFd fd, std::optional<Duration> timeout)
      : path_(std::move(path)), timeout_(timeout) {
    channel_ = grpc::CreateCustomInsecureChannelFromFd("lacunad", fd.Release(), [] {
      grpc::ChannelArguments arguments;
      arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
      return arguments;
    }());
    stub_ = api::Control::NewStub(channel_);
  }

  api::Control::Stub& stub() { return *stub_; }

  // Runs one call, `call(context)`, with the timeout, and so that Cancel finds it.
  template <typename Call>
  absl::Status Run(Call call) {
    grpc::ClientContext context;
    if (timeout_.has_value()) context.set_deadline(std::chrono::system_clock::now() + *timeout_);
    if (!Enter(&context)) return absl::CancelledError("interrupted");
    const grpc::Status status = call(context);
    Leave();
    return Explain(status);
  }

  // One call without streams.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (api::Control::Stub::*method)(grpc::ClientContext*,
                                                                           const Request&, Response*),
                                const Request& request) {
    Response response;
    const absl::Status status = Run(
        [&](grpc::ClientContext& context) { return (stub_.get()->*method)(&context, request, &response); });
    if (!status.ok()) return status;
    return response;
  }

  void Cancel() {
    MutexLock lock(mutex_);
    cancelled_ = true;
    if (in_progress_ != nullptr) in_progress_->TryCancel();
  }
  bool cancelled() {
    MutexLock lock(mutex_);
    return cancelled_;
  }

 private:
  bool Enter(grpc::ClientContext* context) {
    MutexLock lock(mutex_);
    if (cancelled_) return false;
    in_progress_ = context;
    return true;
  }
  void Leave() {
    MutexLock lock(mutex_);
    in_progress_ = nullptr;
  }

  absl::Status Explain(const grpc::Status& status) const {
    absl::Status result = FromGrpcStatus(status);
    if (IsDaemonUnreachable(result)) return Unreachable(path_, result.message());
    if (absl::IsDeadlineExceeded(result) && status.error_details().empty()) {
      return absl::DeadlineExceededError(absl::StrCat("no answer from lacunad within ",
                                                      FormatDuration(*timeout_), "; try a longer --timeout"));
    }
    return result;
  }

  const std::string path_;
  const std::optional<Duration> timeout_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<api::Control::Stub> stub_;

  Mutex mutex_;
  grpc::ClientContext* in_progress_ ABSL_GUARDED_BY(mutex_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
};

ControlClient::ControlClient(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
ControlClient::~ControlClient() = default;

absl::StatusOr<std::unique_ptr<ControlClient>> ControlClient::Connect(const std::string& run_dir,
                                                                      std::optional<Duration> timeout) {
  const std::string path = ControlSocketPath(run_dir);
  absl::StatusOr<UniqueFd> fd = ConnectToUnixSocket(path);
  if (!fd.ok()) return Unreachable(path, fd.status().message());
  return std::unique_ptr<ControlClient>(
      new ControlClient(std::make_unique<Connection>(path, *std::move(fd), timeout)));
}

absl::StatusOr<api::MountResponse> ControlClient::Mount(const api::MountRequest& request) {
  return connection_->Call(&api::Control::Stub::Mount, request);
}
absl::StatusOr<api::UnmountResponse> ControlClient::Unmount(const api::UnmountRequest& request) {
  return connection_->Call(&api::Control::Stub::Unmount, request);
}
absl::StatusOr<api::ListImagesResponse> ControlClient::ListImages() {
  return connection_->Call(&api::Control::Stub::ListImages, api::ListImagesRequest());
}
absl::StatusOr<api::ListMountsResponse> ControlClient::ListMounts() {
  return connection_->Call(&api::Control::Stub::ListMounts, api::ListMountsRequest());
}
absl::StatusOr<api::GetStatusResponse> ControlClient::GetStatus() {
  return connection_->Call(&api::Control::Stub::GetStatus, api::GetStatusRequest());
}

absl::StatusOr<api::PrefetchProgress> ControlClient::Prefetch(
    const api::PrefetchRequest& request,
    const std::function<void(const api::PrefetchProgress&)>& on_progress) {
  api::PrefetchProgress progress;
  const absl::Status status = connection_->Run([&](grpc::ClientContext& context) {
    const auto stream = connection_->stub().Prefetch(&context, request);
    while (stream->Read(&progress)) on_progress(progress);
    return stream->Finish();
  });
  if (!status.ok()) return status;
  return progress;
}

absl::StatusOr<api::UpgradeResponse> ControlClient::Upgrade(const api::UpgradeRequest& request) {
  return connection_->Call(&api::Control::Stub::Upgrade, request);
}

absl::Status ControlClient::Events(const api::EventsRequest& request,
                                   const std::function<void(const api::Event&)>& on_event) {
  return connection_->Run([&](grpc::ClientContext& context) {
    const auto stream = connection_->stub().Events(&context, request);
    api::Event event;
    while (stream->Read(&event)) on_event(event);
    return stream->Finish();
  });
}

void ControlClient::Cancel() {
  connection_->Cancel();
}

bool ControlClient::cancelled() const {
  return connection_->cancelled();
}

}  // namespace lacuna
