#include "daemon/grpc_content.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "proto/containerd/services/content/v1/content.grpc.pb.h"

namespace lacuna {
namespace {

namespace api = containerd::services::content::v1;

constexpr auto kTimeout = std::chrono::seconds(10);
constexpr char kManifests[] = "labels.\"containerd.io/gc.ref.content.config\"";

// Of one call.
struct Context : grpc::ClientContext {
  explicit Context(const std::string& containerd_namespace) {
    set_deadline(std::chrono::system_clock::now() + kTimeout);
    AddMetadata("containerd-namespace", containerd_namespace);
  }
};

absl::Status FromContainerd(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()),
          absl::StrCat("containerd's content store: ", status.error_message())};
}

class GrpcContent final : public ContainerdContent {
 public:
  explicit GrpcContent(const std::string& socket_path)
      : stub_(api::Content::NewStub(
            grpc::CreateChannel("unix://" + socket_path, grpc::InsecureChannelCredentials()))) {}

  absl::StatusOr<std::vector<Blob>> Manifests(const std::string& containerd_namespace) override {
    Context context(containerd_namespace);
    api::ListContentRequest request;
    request.add_filters(kManifests);
    const auto stream = stub_->List(&context, request);
    std::vector<Blob> blobs;
    api::ListContentResponse response;
    while (stream->Read(&response)) {
      for (const api::Info& info : response.info()) {
        absl::StatusOr<Digest> digest = Digest::Parse(info.digest());
        if (digest.ok()) blobs.push_back({*std::move(digest), {info.labels().begin(), info.labels().end()}});
      }
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return FromContainerd(status);
    return blobs;
  }

  absl::StatusOr<std::string> Read(const std::string& containerd_namespace, const Digest& blob,
                                   uint64_t max_bytes) override {
    Context context(containerd_namespace);
    api::ReadContentRequest request;
    request.set_digest(blob.ToString());
    const auto stream = stub_->Read(&context, request);
    std::string bytes;
    api::ReadContentResponse response;
    while (stream->Read(&response)) {
      bytes += response.data();
      if (bytes.size() <= max_bytes) continue;
      context.TryCancel();
      return absl::InvalidArgumentError(
          absl::StrCat("blob ", blob.ToString(), " is larger than ", max_bytes));
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) return FromContainerd(status);
    return bytes;
  }

 private:
  const std::unique_ptr<api::Content::Stub> stub_;
};

}  // namespace

std::unique_ptr<ContainerdContent> MakeGrpcContent(const std::string& socket_path) {
  return std::make_unique<GrpcContent>(socket_path);
}

}  // namespace lacuna
