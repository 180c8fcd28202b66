#include "daemon/control_service.h"

#include <string>
#include <utility>

#include "daemon/base/escape.h"
#include "daemon/base/log.h"
#include "daemon/control.h"
#include "daemon/control_errors.h"
#include "proto/lacuna/control/v1/control.grpc.pb.h"

namespace lacuna {
namespace {

namespace api = control::v1;

void Copy(const MountInfo& from, api::Mount& to) {
  to.set_directory(from.directory);
  to.set_reference(from.reference);
  to.set_manifest_digest(from.manifest_digest);
  to.set_door(from.door);
  to.set_since_unix_seconds(from.since_unix_seconds);
}

void Copy(const ImageInfo& from, api::Image& to) {
  to.set_reference(from.reference);
  to.set_manifest_digest(from.manifest_digest);
  to.set_size_bytes(from.size_bytes);
  to.set_present_bytes(from.present_bytes);
  to.set_mounts(from.mounts);
  to.set_last_used_unix_seconds(from.last_used_unix_seconds);
}

api::ObjectState StateOf(const ObjectInfo& object) {
  switch (object.state) {
    case ObjectInfo::State::kFilling:
      return api::OBJECT_STATE_FILLING;
    case ObjectInfo::State::kFinished:
      return api::OBJECT_STATE_FINISHED;
    case ObjectInfo::State::kFailed:
      return api::OBJECT_STATE_FAILED;
  }
  return api::OBJECT_STATE_UNSPECIFIED;
}

api::Verified VerifiedOf(const ObjectInfo& object) {
  switch (object.verified) {
    case ObjectInfo::Verified::kNone:
      return api::VERIFIED_NONE;
    case ObjectInfo::Verified::kIndex:
      return api::VERIFIED_INDEX;
    case ObjectInfo::Verified::kDiffId:
      return api::VERIFIED_DIFFID;
  }
  return api::VERIFIED_UNSPECIFIED;
}

void Copy(const ObjectInfo& from, api::Object& to) {
  to.set_key(from.key);
  to.set_size_bytes(from.size_bytes);
  to.set_present_bytes(from.present_bytes);
  to.set_state(StateOf(from));
  to.set_verified(VerifiedOf(from));
  to.set_mounts(from.mounts);
}

void Copy(const DaemonStatus& from, api::GetStatusResponse& to) {
  to.set_version(from.version);
  to.set_door(from.door);
  to.set_root(from.root);
  to.mutable_bytes_fetched()->set_demand(from.fetched.demand_bytes);
  to.mutable_bytes_fetched()->set_prefetch(from.fetched.prefetch_bytes);
  to.mutable_bytes_fetched()->set_fill(from.fetched.fill_bytes);
  for (const auto& [code, count] : from.fetched.requests_by_code) {
    (*to.mutable_requests_by_code())[code] = count;
  }
  to.set_misses(from.misses);
  to.set_parked_reads(from.parked_reads);
  to.set_errors(from.errors);
  for (const ObjectInfo& object : from.objects) Copy(object, *to.add_objects());
  for (const MountInfo& mount : from.mounts) Copy(mount, *to.add_mounts());
}

void Copy(const Event& from, api::Event& to) {
  to.set_unix_milliseconds(from.unix_milliseconds);
  to.set_kind(from.kind);
  to.set_subject(from.subject);
  to.set_text(from.text);
}

api::UpgradeState ToApi(UpgradeInfo::State state) {
  switch (state) {
    case UpgradeInfo::State::kNone:
      return api::UPGRADE_STATE_NONE;
    case UpgradeInfo::State::kRunning:
      return api::UPGRADE_STATE_RUNNING;
    case UpgradeInfo::State::kDone:
      return api::UPGRADE_STATE_DONE;
    case UpgradeInfo::State::kRolledBack:
      return api::UPGRADE_STATE_ROLLED_BACK;
  }
  return api::UPGRADE_STATE_UNSPECIFIED;
}

void Copy(const UpgradeInfo& from, api::UpgradeResponse& to) {
  to.set_number(from.number);
  to.set_state(ToApi(from.state));
  to.set_reason(from.reason);
  to.set_version(from.version);
}

class ControlService final : public api::Control::Service {
 public:
  explicit ControlService(lacuna::Control& control) : control_(control) {}

  grpc::Status Mount(grpc::ServerContext* context, const api::MountRequest* request,
                     api::MountResponse* response) override {
    const absl::StatusOr<MountInfo> mount = control_.Mount({.reference = request->reference(),
                                                            .directory = request->directory(),
                                                            .platform = request->platform(),
                                                            .plain_http = request->plain_http(),
                                                            .credentials = request->credentials(),
                                                            .no_index = request->no_index()});
    if (!mount.ok()) return ToGrpcStatus(mount.status());
    if (context->IsCancelled()) return UndoMount(*mount);
    Copy(*mount, *response->mutable_mount());
    return grpc::Status::OK;
  }

  grpc::Status Unmount(grpc::ServerContext*, const api::UnmountRequest* request,
                       api::UnmountResponse* response) override {
    const absl::StatusOr<uint32_t> unmounted =
        request->all() ? control_.UnmountAll(request->lazy()) : UnmountOne(*request);
    if (unmounted.ok()) response->set_unmounted(*unmounted);
    return ToGrpcStatus(unmounted.status());
  }

  grpc::Status ListImages(grpc::ServerContext*, const api::ListImagesRequest*,
                          api::ListImagesResponse* response) override {
    const absl::StatusOr<std::vector<ImageInfo>> images = control_.ListImages();
    if (!images.ok()) return ToGrpcStatus(images.status());
    for (const ImageInfo& image : *images) Copy(image, *response->add_images());
    return grpc::Status::OK;
  }

  grpc::Status ListMounts(grpc::ServerContext*, const api::ListMountsRequest*,
                          api::ListMountsResponse* response) override {
    for (const MountInfo& mount : control_.ListMounts()) Copy(mount, *response->add_mounts());
    return grpc::Status::OK;
  }

  grpc::Status GetStatus(grpc::ServerContext*, const api::GetStatusRequest*,
                         api::GetStatusResponse* response) override {
    Copy(control_.GetStatus(), *response);
    return grpc::Status::OK;
  }

  grpc::Status Prefetch(grpc::ServerContext* context, const api::PrefetchRequest* request,
                        grpc::ServerWriter<api::PrefetchProgress>* stream) override {
    const auto on_progress = [&](const PrefetchProgress& progress) {
      api::PrefetchProgress message;
      message.set_total_bytes(progress.total_bytes);
      message.set_present_bytes(progress.present_bytes);
      return !context->IsCancelled() && stream->Write(message);
    };
    return ToGrpcStatus(control_.Prefetch(request->reference(), request->wait(), on_progress));
  }

  grpc::Status Events(grpc::ServerContext* context, const api::EventsRequest* request,
                      grpc::ServerWriter<api::Event>* stream) override {
    const auto send = [&](const Event& event) {
      if (event.unix_milliseconds < request->since_unix_milliseconds()) return true;
      api::Event message;
      Copy(event, message);
      return stream->Write(message);
    };
    control_.VisitEvents(request->follow(), send, [&] { return context->IsCancelled(); });
    return grpc::Status::OK;
  }

  grpc::Status Upgrade(grpc::ServerContext*, const api::UpgradeRequest* request,
                       api::UpgradeResponse* response) override {
    const absl::StatusOr<UpgradeInfo> upgrade =
        request->look() ? absl::StatusOr<UpgradeInfo>(control_.LastUpgrade()) : control_.Upgrade();
    if (!upgrade.ok()) return ToGrpcStatus(upgrade.status());
    Copy(*upgrade, *response);
    return grpc::Status::OK;
  }

 private:
  absl::StatusOr<uint32_t> UnmountOne(const api::UnmountRequest& request) {
    const absl::Status status = control_.Unmount(request.directory(), request.lazy());
    if (!status.ok()) return status;
    return 1;
  }

  // The client gave up meanwhile and will never learn of this mount: it must not stay behind.
  grpc::Status UndoMount(const MountInfo& mount) {
    const absl::Status status = control_.Unmount(mount.directory, /*lazy=*/true);
    LogInfo("mount of ", mount.reference, " at ", EscapeForTerminal(mount.directory),
            " undone, its client has gone: ", status.ToString());
    return ToGrpcStatus(absl::CancelledError("the client has gone"));
  }

  lacuna::Control& control_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcListener>> ServeControl(const std::string& socket_path, UniqueFd listening,
                                                           Control& control) {
  return GrpcListener::Start(socket_path, std::move(listening), std::make_unique<ControlService>(control));
}

}  // namespace lacuna
