// lacunactl's end of the control API: one connection, one call at a time. Only control_client.cc knows gRPC.
//
// Used by one thread, except Cancel. Errors are Control's own (control.h); IsDaemonUnreachable when there is
// no daemon, DeadlineExceeded when it did not answer in time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "proto/lacuna/control/v1/control.pb.h"

namespace lacuna {

class ControlClient {
 public:
  // `timeout` bounds each call; none: a call may take as long as it takes.
  static absl::StatusOr<std::unique_ptr<ControlClient>> Connect(const std::string& run_dir,
                                                                std::optional<Duration> timeout);
  ~ControlClient();

  absl::StatusOr<control::v1::MountResponse> Mount(const control::v1::MountRequest& request);
  absl::StatusOr<control::v1::UnmountResponse> Unmount(const control::v1::UnmountRequest& request);
  absl::StatusOr<control::v1::ListImagesResponse> ListImages();
  absl::StatusOr<control::v1::ListMountsResponse> ListMounts();
  absl::StatusOr<control::v1::GetStatusResponse> GetStatus();
  // Calls `on_progress` as progress arrives; returns the last.
  absl::StatusOr<control::v1::PrefetchProgress> Prefetch(
      const control::v1::PrefetchRequest& request,
      const std::function<void(const control::v1::PrefetchProgress&)>& on_progress);

  absl::StatusOr<control::v1::UpgradeResponse> Upgrade(const control::v1::UpgradeRequest& request);

  // Calls `on_event` as they arrive.
  absl::Status Events(const control::v1::EventsRequest& request,
                      const std::function<void(const control::v1::Event&)>& on_event);

  // Ends the call in progress, and each later one, with Cancelled. From any thread.
  void Cancel();
  bool cancelled() const;

 private:
  class Connection;  // what needs gRPC's headers
  explicit ControlClient(std::unique_ptr<Connection> connection);

  const std::unique_ptr<Connection> connection_;
};

}  // namespace lacuna
