// containerd's snapshots API over a real unix socket, with the generated client.
#include "daemon/snapshot_service.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "daemon/snapshotter/mount_options.h"
#include "daemon/unix_socket.h"
#include "proto/containerd/services/snapshots/v1/snapshots.grpc.pb.h"
#include "tests/fakes/fake_lazy_layers.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

namespace api = containerd::services::snapshots::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class SnapshotApi : public testing::Test {
 protected:
  SnapshotApi() {
    const std::string path = run_ / "snapshotter.sock";
    absl::StatusOr<std::unique_ptr<GrpcListener>> listener =
        ServeSnapshots(path, *ListenOnUnixSocket(path), [this] { return Open(); });
    EXPECT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
    client_ = api::Snapshots::NewStub(
        grpc::CreateChannel(absl::StrCat("unix://", path), grpc::InsecureChannelCredentials()));
  }

  absl::StatusOr<std::unique_ptr<Snapshotter>> Open() {
    return Snapshotter::Open({root_.path(), run_.path(), DetectOverlayFeatures()}, layers_, events_);
  }

  grpc::Status Prepare(const std::string& key, const std::string& parent = "",
                       api::PrepareSnapshotResponse* response = nullptr,
                       const std::map<std::string, std::string>& labels = {}) {
    grpc::ClientContext context;
    context.AddMetadata("containerd-namespace", "k8s.io");
    api::PrepareSnapshotRequest request;
    request.set_snapshotter("lacuna");
    request.set_key(key);
    request.set_parent(parent);
    request.mutable_labels()->insert(labels.begin(), labels.end());
    api::PrepareSnapshotResponse ignored;
    return client_->Prepare(&context, request, response != nullptr ? response : &ignored);
  }
  grpc::Status Commit(const std::string& key, const std::string& name) {
    grpc::ClientContext context;
    api::CommitSnapshotRequest request;
    request.set_key(key);
    request.set_name(name);
    google::protobuf::Empty response;
    return client_->Commit(&context, request, &response);
  }
  grpc::Status Remove(const std::string& key) {
    grpc::ClientContext context;
    api::RemoveSnapshotRequest request;
    request.set_key(key);
    google::protobuf::Empty response;
    return client_->Remove(&context, request, &response);
  }
  grpc::Status Stat(const std::string& key, api::Info& info) {
    grpc::ClientContext context;
    api::StatSnapshotRequest request;
    request.set_key(key);
    api::StatSnapshotResponse response;
    grpc::Status status = client_->Stat(&context, request, &response);
    info = response.info();
    return status;
  }
  // What each message has.
  std::vector<int> List(const std::string& filter) {
    grpc::ClientContext context;
    api::ListSnapshotsRequest request;
    request.add_filters(filter);
    const auto stream = client_->List(&context, request);
    std::vector<int> sizes;
    for (api::ListSnapshotsResponse message; stream->Read(&message);) sizes.push_back(message.info_size());
    EXPECT_TRUE(stream->Finish().ok());
    return sizes;
  }

  const DiskFolder root_;
  const DiskFolder run_;
  FakeLazyLayers layers_;
  EventLog events_;
  std::unique_ptr<GrpcListener> listener_;
  std::unique_ptr<api::Snapshots::Stub> client_;
};

TEST_F(SnapshotApi, ASnapshotsLife) {
  api::PrepareSnapshotResponse prepared;
  ASSERT_TRUE(Prepare("key", "", &prepared, {{"containerd.io/gc.root", "x"}}).ok());
  ASSERT_EQ(prepared.mounts_size(), 1);
  EXPECT_EQ(prepared.mounts(0).type(), "bind");
  EXPECT_THAT(prepared.mounts(0).options(), ElementsAre("rw", "rbind"));
  ASSERT_TRUE(Commit("key", "name").ok());
  api::Info info;
  ASSERT_TRUE(Stat("name", info).ok());
  EXPECT_EQ(info.name(), "name");
  EXPECT_EQ(info.kind(), api::COMMITTED);
  EXPECT_GT(info.created_at().seconds(), 0);
  EXPECT_GE(info.updated_at().seconds(), info.created_at().seconds());
  ASSERT_TRUE(Remove("name").ok());
  EXPECT_EQ(Stat("name", info).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(SnapshotApi, ErrorsHaveContainerdsCodes) {
  ASSERT_TRUE(Prepare("key").ok());
  EXPECT_EQ(Prepare("key").error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Prepare("other", "missing").error_code(), grpc::StatusCode::NOT_FOUND);
  ASSERT_TRUE(Commit("key", "name").ok());
  ASSERT_TRUE(Prepare("child", "name").ok());
  EXPECT_EQ(Remove("name").error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Prepare("").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// A remote snapshot is said to be there by the error's code, and containerd does not unpack.
TEST_F(SnapshotApi, LazyLayersAreFoundForTheCallerAndItsNamespace) {
  layers_.Offer("sha256:chain", root_.path());
  const grpc::Status status =
      Prepare("extract", "", nullptr, {{"containerd.io/snapshot.ref", "sha256:chain"}});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(layers_.last_caller().process, getpid());
  EXPECT_EQ(layers_.last_caller().containerd_namespace, "k8s.io");
  api::Info info;
  ASSERT_TRUE(Stat("sha256:chain", info).ok());
  EXPECT_THAT(info.labels(), ElementsAre(Pair("containerd.io/snapshot.ref", "sha256:chain")));
}

TEST_F(SnapshotApi, ManyAreListedInPieces) {
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(Prepare(absl::StrCat("key-", i)).ok());
  EXPECT_THAT(List("kind==active"), ElementsAre(100, 100, 50));
  EXPECT_THAT(List("name==key-7"), ElementsAre(1));
  EXPECT_THAT(List("kind==committed"), ElementsAre());
}

TEST_F(SnapshotApi, OnlyTheMaskedLabelsAreUpdated) {
  ASSERT_TRUE(Prepare("key", "", nullptr, {{"a", "1"}, {"b", "1"}}).ok());
  grpc::ClientContext context;
  api::UpdateSnapshotRequest request;
  request.mutable_info()->set_name("key");
  (*request.mutable_info()->mutable_labels())["a"] = "2";
  (*request.mutable_info()->mutable_labels())["b"] = "2";
  request.mutable_update_mask()->add_paths("labels.a");
  api::UpdateSnapshotResponse response;
  ASSERT_TRUE(client_->Update(&context, request, &response).ok());
  EXPECT_EQ(response.info().labels().at("a"), "2");
  EXPECT_EQ(response.info().labels().at("b"), "1");
}

// As long as snapshots.db cannot be opened every call says so; then they are served, without a restart.
TEST(SnapshotApiAtAStartThatFails, ServesOnceItCan) {
  const DiskFolder root, run;
  FakeLazyLayers layers;
  EventLog events;
  absl::Status broken = absl::ResourceExhaustedError("snapshots.db: no space left on device");
  Mutex mutex;
  const std::string path = run / "snapshotter.sock";
  const auto listener =
      ServeSnapshots(path, *ListenOnUnixSocket(path), [&]() -> absl::StatusOr<std::unique_ptr<Snapshotter>> {
        MutexLock lock(mutex);
        if (!broken.ok()) return broken;
        return Snapshotter::Open({root.path(), run.path(), DetectOverlayFeatures()}, layers, events);
      });
  ASSERT_TRUE(listener.ok()) << listener.status();
  const auto client = api::Snapshots::NewStub(
      grpc::CreateChannel(absl::StrCat("unix://", path), grpc::InsecureChannelCredentials()));
  api::PrepareSnapshotRequest request;
  request.set_key("key");
  api::PrepareSnapshotResponse response;
  grpc::ClientContext early;
  const grpc::Status refused = client->Prepare(&early, request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("no space left"));
  {
    MutexLock lock(mutex);
    broken = absl::OkStatus();
  }
  grpc::ClientContext late;
  EXPECT_TRUE(client->Prepare(&late, request, &response).ok());
}

}  // namespace
}  // namespace lacuna
