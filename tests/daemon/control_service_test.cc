// The control API end to end over a real unix socket: GrpcListener and ControlClient around a FakeControl.
#include "daemon/control_service.h"

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "daemon/base/status.h"
#include "daemon/cli/control_client.h"
#include "daemon/control_errors.h"
#include "daemon/grpc_listener.h"
#include "daemon/unix_socket.h"
#include "tests/fakes/fake_control.h"

namespace lacuna {
namespace {

namespace api = control::v1;
using std::chrono::milliseconds;
using std::chrono::seconds;

class ControlApi : public testing::Test {
 protected:
  ControlApi() {
    char name[] = "/tmp/control_service_test.XXXXXX";
    run_ = mkdtemp(name);
  }
  ~ControlApi() override {
    control_.Release();
    listener_.reset();
    std::filesystem::remove_all(run_);
  }

  void Listen() {
    const std::string path = ControlSocketPath(run_);
    absl::StatusOr<std::unique_ptr<GrpcListener>> listener =
        ServeControl(path, *ListenOnUnixSocket(path), control_);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }

  std::unique_ptr<ControlClient> Connect(std::optional<Duration> timeout = seconds(30)) {
    absl::StatusOr<std::unique_ptr<ControlClient>> client = ControlClient::Connect(run_, timeout);
    EXPECT_TRUE(client.ok()) << client.status();
    return client.ok() ? *std::move(client) : nullptr;
  }

  static api::MountRequest MountOf(absl::string_view name) {
    api::MountRequest request;
    request.set_reference(absl::StrCat(FakeControl::kPrefix, name));
    request.set_directory("/mnt/\xff");  // file names are bytes
    return request;
  }

  static api::PrefetchRequest PrefetchOf(absl::string_view name) {
    api::PrefetchRequest request;
    request.set_reference(absl::StrCat(FakeControl::kPrefix, name));
    request.set_wait(true);
    return request;
  }

  std::string run_;
  FakeControl control_;
  std::unique_ptr<GrpcListener> listener_;
};

TEST_F(ControlApi, MountPassesEverythingOnAndBack) {
  Listen();
  api::MountRequest request = MountOf("demo");
  request.set_platform("linux/arm64");
  request.set_plain_http(true);
  request.set_credentials("user:secret");
  const absl::StatusOr<api::MountResponse> response = Connect()->Mount(request);
  ASSERT_TRUE(response.ok()) << response.status();
  const MountOptions seen = control_.last_mount();
  EXPECT_EQ(seen.reference, "registry.example/demo");
  EXPECT_EQ(seen.directory, "/mnt/\xff");
  EXPECT_EQ(seen.platform, "linux/arm64");
  EXPECT_TRUE(seen.plain_http);
  EXPECT_EQ(seen.credentials, "user:secret");
  EXPECT_EQ(response->mount().directory(), "/mnt/\xff");
  EXPECT_EQ(response->mount().reference(), "registry.example/demo");
  EXPECT_EQ(response->mount().manifest_digest(), FakeControl::DigestText());
  EXPECT_EQ(response->mount().door(), "fuse");
  EXPECT_EQ(response->mount().since_unix_seconds(), FakeControl::kSince);
}

TEST_F(ControlApi, UnmountIsRefusedWhileBusyAndLazyWorks) {
  Listen();
  const auto client = Connect();
  ASSERT_TRUE(client->Mount(MountOf("demo")).ok());
  control_.set_busy(true);
  api::UnmountRequest request;
  request.set_directory("/mnt/\xff");
  EXPECT_TRUE(absl::IsFailedPrecondition(client->Unmount(request).status()));
  request.set_lazy(true);
  EXPECT_EQ(client->Unmount(request)->unmounted(), 1u);
  EXPECT_TRUE(absl::IsNotFound(client->Unmount(request).status()));
}

TEST_F(ControlApi, UnmountAllCounts) {
  Listen();
  const auto client = Connect();
  api::MountRequest mount = MountOf("demo");
  ASSERT_TRUE(client->Mount(mount).ok());
  mount.set_directory("/mnt/2");
  ASSERT_TRUE(client->Mount(mount).ok());
  EXPECT_EQ(client->ListMounts()->mounts_size(), 2);
  api::UnmountRequest request;
  request.set_all(true);
  EXPECT_EQ(client->Unmount(request)->unmounted(), 2u);
  EXPECT_EQ(client->ListMounts()->mounts_size(), 0);
}

TEST_F(ControlApi, ListImagesTellsAll) {
  Listen();
  const absl::StatusOr<api::ListImagesResponse> response = Connect()->ListImages();
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->images_size(), 2);
  const api::Image& image = response->images(0);
  EXPECT_EQ(image.reference(), "registry.example/demo:latest");
  EXPECT_EQ(image.manifest_digest(), FakeControl::DigestText());
  EXPECT_EQ(image.size_bytes(), 64 * FakeControl::kMiB);
  EXPECT_EQ(image.present_bytes(), FakeControl::kMiB * 3 / 2);
  EXPECT_EQ(image.mounts(), 2u);
  EXPECT_EQ(image.last_used_unix_seconds(), FakeControl::kSince);
}

TEST_F(ControlApi, StatusTellsAll) {
  Listen();
  const auto client = Connect();
  ASSERT_TRUE(client->Mount(MountOf("demo")).ok());
  const absl::StatusOr<api::GetStatusResponse> status = client->GetStatus();
  ASSERT_TRUE(status.ok()) << status.status();
  EXPECT_EQ(status->version(), "0.1.0");
  EXPECT_EQ(status->door(), "fuse");
  EXPECT_EQ(status->root(), "/var/lib/lacuna");
  EXPECT_EQ(status->bytes_fetched().demand(), 5 * FakeControl::kMiB);
  EXPECT_EQ(status->bytes_fetched().prefetch(), 3 * FakeControl::kMiB);
  EXPECT_EQ(status->bytes_fetched().fill(), 1u);
  EXPECT_EQ(status->requests_by_code().at(206), 40u);
  EXPECT_EQ(status->requests_by_code().at(0), 2u);
  EXPECT_EQ(status->misses(), 17u);
  EXPECT_EQ(status->parked_reads(), 3u);
  EXPECT_EQ(status->errors(), 1u);
  EXPECT_EQ(status->mounts_size(), 1);
  ASSERT_EQ(status->objects_size(), 3);
  EXPECT_EQ(status->objects(0).size_bytes(), 8192u);
  EXPECT_EQ(status->objects(0).present_bytes(), 4096u);
  EXPECT_EQ(status->objects(0).state(), api::OBJECT_STATE_FILLING);
  EXPECT_EQ(status->objects(0).verified(), api::VERIFIED_NONE);
  EXPECT_EQ(status->objects(0).mounts(), 2u);
  EXPECT_EQ(status->objects(1).state(), api::OBJECT_STATE_FINISHED);
  EXPECT_EQ(status->objects(1).verified(), api::VERIFIED_DIFFID);
  EXPECT_EQ(status->objects(2).state(), api::OBJECT_STATE_FAILED);
  EXPECT_EQ(status->objects(2).verified(), api::VERIFIED_INDEX);
}

TEST_F(ControlApi, PrefetchStreamsItsProgress) {
  Listen();
  std::vector<uint64_t> seen;
  const auto last = Connect()->Prefetch(PrefetchOf("demo"), [&](const api::PrefetchProgress& progress) {
    seen.push_back(progress.present_bytes());
  });
  ASSERT_TRUE(last.ok()) << last.status();
  EXPECT_EQ(last->present_bytes(), last->total_bytes());
  EXPECT_THAT(seen, testing::ElementsAre(0, 1 << 20, 2 << 20, 3 << 20, 4 << 20));
}

TEST_F(ControlApi, AnUpgradeIsBegunOnceAndLookedAt) {
  Listen();
  const auto client = Connect();
  const auto look = [&] {
    api::UpgradeRequest request;
    request.set_look(true);
    return client->Upgrade(request);
  };
  const auto begun = client->Upgrade({});
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_EQ(begun->number(), 1u);
  EXPECT_EQ(begun->state(), api::UPGRADE_STATE_RUNNING);
  EXPECT_EQ(begun->version(), "0.1.0");
  EXPECT_EQ(look()->state(), api::UPGRADE_STATE_RUNNING);
  const auto done = look();
  EXPECT_EQ(done->number(), 1u);
  EXPECT_EQ(done->state(), api::UPGRADE_STATE_DONE);
  EXPECT_EQ(done->version(), "0.2.0");
}

TEST_F(ControlApi, AnUpgradeThatWasRolledBackHasAReason) {
  Listen();
  const auto client = Connect();
  control_.set_busy(true);
  ASSERT_TRUE(client->Upgrade({}).ok());
  api::UpgradeRequest look;
  look.set_look(true);
  ASSERT_TRUE(client->Upgrade(look).ok());
  const auto over = client->Upgrade(look);
  ASSERT_TRUE(over.ok()) << over.status();
  EXPECT_EQ(over->state(), api::UPGRADE_STATE_ROLLED_BACK);
  EXPECT_EQ(over->reason(), "the new lacunad-worker ended with status 1");
}

TEST_F(ControlApi, EveryErrorKeepsItsKindAndText) {
  Listen();
  const auto client = Connect();
  const std::pair<const char*, absl::StatusCode> kinds[] = {
      {"notfound", absl::StatusCode::kNotFound},
      {"busy", absl::StatusCode::kFailedPrecondition},
      {"authentication", absl::StatusCode::kUnauthenticated},
      {"integrity", absl::StatusCode::kDataLoss},
      {"timeout", absl::StatusCode::kDeadlineExceeded},
      {"unavailable", absl::StatusCode::kUnavailable},
      {"cancelled", absl::StatusCode::kCancelled},
      {"other", absl::StatusCode::kInternal},
  };
  for (const auto& [name, code] : kinds) {
    for (const absl::Status& status :
         {client->Mount(MountOf(absl::StrCat("fail/", name))).status(),
          client->Prefetch(PrefetchOf(absl::StrCat("fail/", name)), [](const auto&) {}).status()}) {
      EXPECT_EQ(status.code(), code) << name;
      EXPECT_EQ(status.message(), absl::StrCat("the ", name, " text; what to try"));
      EXPECT_EQ(IsIntegrityError(status), absl::string_view(name) == "integrity");
      EXPECT_FALSE(IsDaemonUnreachable(status)) << name;
    }
  }
}

TEST_F(ControlApi, AVeryLongErrorIsCutNotLost) {
  Listen();
  const absl::Status status = Connect()->Mount(MountOf("fail/long")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(status.message(), std::string(1600, '\xff'));
}

TEST_F(ControlApi, WithoutADaemonTheErrorSaysWhereAndWhat) {
  const absl::Status status = ControlClient::Connect(run_, seconds(1)).status();
  EXPECT_TRUE(IsDaemonUnreachable(status));
  EXPECT_THAT(std::string(status.message()),
              testing::StartsWith(absl::StrCat("cannot reach lacunad at ", run_,
                                               "/lacunad.sock: No such file or directory; ")));
}

TEST_F(ControlApi, ADaemonThatEndsDuringACallIsUnreachable) {
  Listen();
  const auto client = Connect();
  ASSERT_TRUE(client->GetStatus().ok());
  listener_->Stop();
  EXPECT_TRUE(IsDaemonUnreachable(client->GetStatus().status()));
}

TEST_F(ControlApi, ADaemonThatDoesNotAnswerIsATimeout) {
  const absl::StatusOr<UniqueFd> silent = ListenOnUnixSocket(ControlSocketPath(run_));
  ASSERT_TRUE(silent.ok()) << silent.status();
  const absl::Status status = Connect(milliseconds(50))->GetStatus().status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::StartsWith("no answer from lacunad within 50ms; "));
}

TEST_F(ControlApi, PrefetchEndsWhenItsClientGoesAway) {
  Listen();
  const auto client = Connect();
  const absl::Status status =
      client->Prefetch(PrefetchOf("endless"), [&](const api::PrefetchProgress&) { client->Cancel(); })
          .status();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  control_.WaitForGivenUp();
  EXPECT_TRUE(absl::IsCancelled(client->GetStatus().status())) << "later calls are cancelled too";
}

TEST_F(ControlApi, AMountWhoseClientWentAwayIsUndone) {
  Listen();
  const auto client = Connect(milliseconds(50));
  const absl::Status status = client->Mount(MountOf("slow")).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  control_.WaitForMountCalls(1);
  // An answer on the same connection: the server has seen what was sent before, that the call was given up.
  while (!client->GetStatus().ok()) std::this_thread::yield();
  control_.Release();
  control_.WaitForUnmounts(1);
  EXPECT_TRUE(control_.ListMounts().empty());
}

TEST_F(ControlApi, StopRemovesTheSocketAndANewListenerTakesOver) {
  Listen();
  listener_->Stop();
  listener_->Stop();
  EXPECT_FALSE(std::filesystem::exists(ControlSocketPath(run_)));
  Listen();
  EXPECT_TRUE(Connect()->GetStatus().ok());
}

TEST_F(ControlApi, StopEndsWithClientsConnectedAndAPrefetchStreaming) {
  Listen();
  const auto idle = Connect();
  ASSERT_TRUE(idle->GetStatus().ok());
  const auto client = Connect(std::nullopt);
  std::atomic<bool> streaming = false;
  absl::Status ended;
  std::thread prefetch([&] {
    ended = client->Prefetch(PrefetchOf("endless"), [&](const auto&) { streaming = true; }).status();
  });
  while (!streaming) std::this_thread::yield();
  listener_->Stop();  // a hang here is what the test's time limit catches
  prefetch.join();
  EXPECT_FALSE(ended.ok());
}

// A connection of another user, through a socket that somebody opened up: closed before gRPC says a word.
TEST_F(ControlApi, OtherUsersAreNotServed) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to call as somebody else";
  Listen();
  chmod(run_.c_str(), 0755);
  chmod(ControlSocketPath(run_).c_str(), 0666);
  const pid_t child = fork();
  if (child == 0) {
    // From within: the folders above need not let everybody pass.
    if (chdir(run_.c_str()) != 0 || setuid(65534) != 0) _exit(1);
    const absl::StatusOr<UniqueFd> connection = ConnectToUnixSocket(ControlSocketPath("."));
    if (!connection.ok()) _exit(2);
    char byte = 0;
    ssize_t got = -1;
    while ((got = read(connection->get(), &byte, 1)) < 0 && errno == EAGAIN) usleep(1000);
    _exit(got == 0 ? 0 : 3);
  }
  int ended = -1;
  ASSERT_EQ(waitpid(child, &ended, 0), child);
  EXPECT_EQ(WEXITSTATUS(ended), 0);
}

TEST(ControlErrors, TheReasonsAreStable) {
  EXPECT_EQ(ReasonOf(absl::FailedPreconditionError("")), "BUSY");
  EXPECT_EQ(ReasonOf(absl::UnauthenticatedError("")), "AUTHENTICATION");
  EXPECT_EQ(ReasonOf(absl::CancelledError("")), "CANCELLED");
  EXPECT_EQ(ReasonOf(IntegrityError("")), "INTEGRITY");
  EXPECT_EQ(ReasonOf(absl::DataLossError("")), "FAILED");
  EXPECT_EQ(ReasonOf(absl::InvalidArgumentError("")), "INVALID_ARGUMENT");
  EXPECT_EQ(ReasonOf(absl::NotFoundError("")), "NOT_FOUND");
  EXPECT_EQ(ReasonOf(absl::ResourceExhaustedError("")), "NO_SPACE");
  EXPECT_EQ(ReasonOf(absl::PermissionDeniedError("")), "PERMISSION_DENIED");
  EXPECT_EQ(ReasonOf(absl::DeadlineExceededError("")), "TIMEOUT");
  EXPECT_EQ(ReasonOf(absl::UnavailableError("")), "UNAVAILABLE");
  EXPECT_EQ(ReasonOf(absl::UnimplementedError("")), "UNSUPPORTED");
  EXPECT_EQ(ReasonOf(absl::InternalError("")), "FAILED");
}

TEST(ControlErrors, TheReasonTravelsInTheDetails) {
  api::RpcStatus status;
  api::ErrorDetail detail;
  ASSERT_TRUE(status.ParseFromString(ToGrpcStatus(absl::NotFoundError("x")).error_details()));
  EXPECT_EQ(status.code(), static_cast<int>(grpc::StatusCode::NOT_FOUND));
  EXPECT_EQ(status.message(), "x");
  ASSERT_TRUE(status.details(0).UnpackTo(&detail));
  EXPECT_EQ(detail.reason(), "NOT_FOUND");
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

TEST(ControlErrors, WhatIsNotFromTheDaemonSaysSo) {
  EXPECT_TRUE(IsDaemonUnreachable(FromGrpcStatus({grpc::StatusCode::UNAVAILABLE, "Socket closed"})));
  EXPECT_FALSE(IsDaemonUnreachable(FromGrpcStatus(ToGrpcStatus(absl::UnavailableError("registry gone")))));
  EXPECT_FALSE(IsDaemonUnreachable(FromGrpcStatus({grpc::StatusCode::INTERNAL, "x", "\xff garbage"})));
}

}  // namespace
}  // namespace lacuna
