#include "daemon/snapshot_service.h"

#include <google/protobuf/util/time_util.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "daemon/base/log.h"
#include "daemon/base/mutex.h"
#include "daemon/base/status.h"
#include "daemon/control_errors.h"
#include "daemon/unix_socket.h"
#include "proto/containerd/services/snapshots/v1/snapshots.grpc.pb.h"

namespace lacuna {
namespace {

namespace api = containerd::services::snapshots::v1;
using google::protobuf::util::TimeUtil;

constexpr int kInfosPerMessage = 100;

void Copy(const SnapshotInfo& from, api::Info& to) {
  to.set_name(from.name);
  to.set_parent(from.parent);
  to.set_kind(static_cast<api::Kind>(from.kind));
  *to.mutable_created_at() = TimeUtil::NanosecondsToTimestamp(from.created_unix_nanoseconds);
  *to.mutable_updated_at() = TimeUtil::NanosecondsToTimestamp(from.updated_unix_nanoseconds);
  to.mutable_labels()->insert(from.labels.begin(), from.labels.end());
}

template <typename Labels>
SnapshotLabels LabelsFrom(const Labels& labels) {
  return {labels.begin(), labels.end()};
}

// Of a PrepareSnapshotRequest or a ViewSnapshotRequest.
template <typename Request>
Snapshotter::NewSnapshot NewFrom(const Request& request) {
  return {.key = request.key(), .parent = request.parent(), .labels = LabelsFrom(request.labels())};
}

// The process at the other end of the connection, 0 when it is not known. Connections are handed to gRPC as
// descriptors, and go by their numbers there.
pid_t ProcessOf(const grpc::ServerContext& context) {
  const std::string peer = context.peer();
  absl::string_view number = peer;
  int fd = -1;
  if (!absl::ConsumePrefix(&number, "fd:") || !absl::SimpleAtoi(number, &fd)) return 0;
  const absl::StatusOr<ucred> found = UnixPeer(fd);
  return found.ok() ? found->pid : 0;
}

SnapshotCaller CallerOf(const grpc::ServerContext& context) {
  const auto found = context.client_metadata().find("containerd-namespace");
  SnapshotCaller caller{.process = ProcessOf(context)};
  if (found != context.client_metadata().end()) {
    caller.containerd_namespace.assign(found->second.data(), found->second.size());
  }
  return caller;
}

template <typename Response>
grpc::Status Answer(const absl::StatusOr<Snapshotter::Mounts>& mounts, Response& response) {
  if (!mounts.ok()) return ToGrpcStatus(mounts.status());
  for (const SnapshotMount& mount : *mounts) {
    auto& to = *response.add_mounts();
    to.set_type(mount.type);
    to.set_source(mount.source);
    to.mutable_options()->Assign(mount.options.begin(), mount.options.end());
  }
  return grpc::Status::OK;
}

template <typename Response>
grpc::Status Answer(const absl::StatusOr<SnapshotInfo>& info, Response& response) {
  if (info.ok()) Copy(*info, *response.mutable_info());
  return ToGrpcStatus(info.status());
}

class SnapshotService final : public api::Snapshots::Service {
 public:
  explicit SnapshotService(OpenSnapshotter open) : open_(std::move(open)) {
    const absl::Status opened = Opened().status();  // now, for what it has to tidy up
    if (!opened.ok()) LogError("snapshots cannot be served: ", opened.message());
  }

  grpc::Status Prepare(grpc::ServerContext* context, const api::PrepareSnapshotRequest* request,
                       api::PrepareSnapshotResponse* response) override {
    return Answer(Do([&](Snapshotter& snapshotter) {
                    return snapshotter.Prepare(NewFrom(*request), CallerOf(*context));
                  }),
                  *response);
  }

  grpc::Status View(grpc::ServerContext* context, const api::ViewSnapshotRequest* request,
                    api::ViewSnapshotResponse* response) override {
    return Answer(
        Do([&](Snapshotter& snapshotter) { return snapshotter.View(NewFrom(*request), CallerOf(*context)); }),
        *response);
  }

  grpc::Status Mounts(grpc::ServerContext* context, const api::MountsRequest* request,
                      api::MountsResponse* response) override {
    return Answer(Do([&](Snapshotter& snapshotter) {
                    return snapshotter.MountsOf(request->key(), CallerOf(*context));
                  }),
                  *response);
  }

  grpc::Status Commit(grpc::ServerContext*, const api::CommitSnapshotRequest* request,
                      google::protobuf::Empty*) override {
    return ToGrpcStatus(Do([&](Snapshotter& snapshotter) {
      return snapshotter.Commit(request->key(), request->name(), LabelsFrom(request->labels()),
                                request->parent());
    }));
  }

  grpc::Status Remove(grpc::ServerContext*, const api::RemoveSnapshotRequest* request,
                      google::protobuf::Empty*) override {
    return ToGrpcStatus(Do([&](Snapshotter& snapshotter) { return snapshotter.Remove(request->key()); }));
  }

  grpc::Status Stat(grpc::ServerContext*, const api::StatSnapshotRequest* request,
                    api::StatSnapshotResponse* response) override {
    return Answer(Do([&](Snapshotter& snapshotter) { return snapshotter.Stat(request->key()); }), *response);
  }

  grpc::Status Update(grpc::ServerContext*, const api::UpdateSnapshotRequest* request,
                      api::UpdateSnapshotResponse* response) override {
    const auto& paths = request->update_mask().paths();
    const SnapshotInfo wanted = {.name = request->info().name(),
                                 .labels = LabelsFrom(request->info().labels())};
    const auto update = [&](Snapshotter& snapshotter) {
      return snapshotter.Update(wanted, {paths.begin(), paths.end()});
    };
    return Answer(Do(update), *response);
  }

  grpc::Status List(grpc::ServerContext*, const api::ListSnapshotsRequest* request,
                    grpc::ServerWriter<api::ListSnapshotsResponse>* stream) override {
    api::ListSnapshotsResponse message;
    const auto add = [&](const SnapshotInfo& snapshot) {
      Copy(snapshot, *message.add_info());
      if (message.info_size() < kInfosPerMessage) return true;
      const bool sent = stream->Write(message);
      message.clear_info();
      return sent;
    };
    const absl::Status listed = Do([&](Snapshotter& snapshotter) {
      return snapshotter.List({request->filters().begin(), request->filters().end()}, add);
    });
    if (message.info_size() > 0) stream->Write(message);
    return ToGrpcStatus(listed);
  }

  grpc::Status Usage(grpc::ServerContext*, const api::UsageRequest* request,
                     api::UsageResponse* response) override {
    const absl::StatusOr<SnapshotUsage> usage =
        Do([&](Snapshotter& snapshotter) { return snapshotter.Usage(request->key()); });
    if (!usage.ok()) return ToGrpcStatus(usage.status());
    response->set_size(usage->bytes);
    response->set_inodes(usage->inodes);
    return grpc::Status::OK;
  }

  grpc::Status Cleanup(grpc::ServerContext* context, const api::CleanupRequest*,
                       google::protobuf::Empty*) override {
    return ToGrpcStatus(Do([&](Snapshotter& snapshotter) {
      return snapshotter.Cleanup([&] { return context->IsCancelled(); });
    }));
  }

 private:
  absl::StatusOr<Snapshotter*> Opened() {
    MutexLock lock(mutex_);
    if (snapshotter_ == nullptr) {
      ASSIGN_OR_RETURN(snapshotter_, open_());
    }
    return snapshotter_.get();
  }

  // What `call` returns, an absl::Status or StatusOr.
  template <typename Call>
  auto Do(Call call) -> decltype(call(std::declval<Snapshotter&>())) {
    ASSIGN_OR_RETURN(Snapshotter * snapshotter, Opened());
    return call(*snapshotter);
  }

  const OpenSnapshotter open_;
  Mutex mutex_;
  std::unique_ptr<Snapshotter> snapshotter_ ABSL_GUARDED_BY(mutex_);  // once set it stays
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcListener>> ServeSnapshots(const std::string& socket_path,
                                                             UniqueFd listening, OpenSnapshotter open) {
  return GrpcListener::Start(socket_path, std::move(listening),
                             std::make_unique<SnapshotService>(std::move(open)));
}

}  // namespace lacuna
