// Pushing to Debian's docker-registry over the real transport, and reading back what it then serves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "daemon/base/real_clock.h"
#include "daemon/base/status.h"
#include "registry/curl_transport.h"
#include "registry/image_pusher.h"
#include "registry/registry_client.h"
#include "tests/fakes/fake_registry.h"
#include "tests/registry/real_registry.h"

namespace lacuna {
namespace {

constexpr char kLayerType[] = "application/vnd.erofs.layer.v1";

std::string RandomBytes(size_t size) {
  std::mt19937_64 random(size);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

class PushRealRegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string why = RealRegistry::WhyNotHere();
    if (!why.empty()) GTEST_SKIP() << why;
    server_ = std::make_unique<RealRegistry>();
    ASSERT_NE(server_->host(), "") << "docker-registry did not start";
    registry_ = std::make_unique<FakeRegistry>(transport_, clock_, server_->host());
    repository_ = registry_->repository("some/image");
  }
  void TearDown() override {
    transport_.Stop();
    clock_.Stop();
  }

  absl::StatusOr<BlobPush> Push(const std::string& content, const PushLimits& limits,
                                const std::string& bytes, absl::string_view mount_from = "") {
    return ImagePusher(limits).PushBlob(
        {repository_, Digest::Of(content), content.size()},
        [bytes] { return std::make_shared<MemoryBody>(bytes); }, mount_from, nullptr);
  }
  absl::StatusOr<BlobPush> Push(const std::string& content, const PushLimits& limits) {
    return Push(content, limits, content);
  }

  std::string ReadBack(const std::string& content) {
    RegistryClient client;
    return client.ReadBlob({repository_, Digest::Of(content), content.size()}, content.size())
        .value_or("nothing");
  }

  std::unique_ptr<RealRegistry> server_;
  CurlTransport transport_;
  RealClock clock_;
  std::unique_ptr<FakeRegistry> registry_;  // a Registry for the real server
  Repository repository_;
};

TEST_F(PushRealRegistryTest, InOneRequest) {
  const std::string content = RandomBytes(3'000'001);
  EXPECT_EQ(*Push(content, {}), BlobPush::kSent);
  EXPECT_TRUE(ReadBack(content) == content);
  EXPECT_EQ(*Push(content, {}), BlobPush::kPresent) << "sent a second time";
}

TEST_F(PushRealRegistryTest, InChunks) {
  const std::string content = RandomBytes(3'000'001);
  EXPECT_EQ(BlobPush::kSent, *Push(content, {.monolithic_bytes = 0, .chunk_bytes = 1'000'000}));
  EXPECT_TRUE(ReadBack(content) == content);
}

TEST_F(PushRealRegistryTest, NothingAtAll) {
  EXPECT_EQ(BlobPush::kSent, *Push("", {}));
  EXPECT_EQ(BlobPush::kSent, *Push("x", {.monolithic_bytes = 0}));
}

TEST_F(PushRealRegistryTest, MountedFromAnotherRepository) {
  const std::string content = RandomBytes(1000);
  EXPECT_TRUE(Push(content, {}).ok());
  repository_ = registry_->repository("another/image");
  EXPECT_EQ(*Push(content, {}, "never opened", "some/image"), BlobPush::kMounted);
  EXPECT_TRUE(ReadBack(content) == content);
}

TEST_F(PushRealRegistryTest, BytesOfAnotherDigestAreRefused) {
  for (const PushLimits& limits : {PushLimits{}, PushLimits{.monolithic_bytes = 0, .chunk_bytes = 1000}}) {
    const absl::Status status = Push(std::string(5000, 'x'), limits, std::string(5000, 'y')).status();
    EXPECT_TRUE(IsIntegrityError(status)) << status;
  }
}

TEST_F(PushRealRegistryTest, AManifestResolvesToWhatWasPushed) {
  Manifest manifest;
  const auto add = [&](const std::string& content, const char* type) {
    EXPECT_TRUE(Push(content, {}).ok());
    return Descriptor{.media_type = type, .digest = Digest::Of(content), .size = content.size()};
  };
  manifest.config = add("{}", "application/vnd.oci.image.config.v1+json");
  manifest.layers = {add("bootstrap", kLayerType)};
  const absl::StatusOr<Digest> digest =
      ImagePusher().PushManifest(repository_, "v1", {manifest.media_type, ManifestJson(manifest)});
  ASSERT_TRUE(digest.ok()) << digest.status();
  RegistryClient client;
  const auto resolved =
      client.Resolve(repository_, *ParseReference(server_->host() + "/some/image:v1"), HostPlatform());
  ASSERT_TRUE(resolved.ok()) << resolved.status();
  EXPECT_EQ(resolved->manifest_digest, *digest);
  EXPECT_EQ(resolved->manifest, manifest);
}

TEST_F(PushRealRegistryTest, AManifestWithoutItsBlobsIsRefused) {
  const Manifest manifest{.config = {.media_type = "x/y", .digest = Digest::Of("absent"), .size = 6}};
  const absl::Status status =
      ImagePusher().PushManifest(repository_, "v1", {manifest.media_type, ManifestJson(manifest)}).status();
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("BLOB_UNKNOWN")) << status;
}

}  // namespace
}  // namespace lacuna
