// Copies between stores: order, what is left out, and what goes wrong.
#include "registry/image_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/real_clock.h"
#include "daemon/base/status.h"
#include "registry/layout_image.h"
#include "registry/remote_image.h"
#include "tests/fakes/fake_registry.h"
#include "tests/fakes/temp_dir.h"
#include "tests/registry/memory_registry.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

class SilentWatcher : public CopyWatcher {
 public:
  void OnBegin(absl::string_view verb, const Descriptor&) override { begun.emplace_back(verb); }
  void OnBytes(uint64_t bytes) override { last = bytes; }
  void OnBlob(const CopiedBlob&) override {}
  std::vector<std::string> begun;
  uint64_t last = 0;
};

class ImageCopyTest : public testing::Test {
 protected:
  ~ImageCopyTest() override { clock_.Stop(); }

  Descriptor PutBlob(const std::string& content) {
    registry_.PutBlob("src", content);
    return {.media_type = "t/blob", .digest = Digest::Of(content), .size = content.size()};
  }
  // An image in "src", under its digest.
  Descriptor PutImage(const std::string& architecture) {
    Manifest manifest{.config = PutBlob(absl::StrCat("config ", architecture)),
                      .layers = {PutBlob("shared"), PutBlob(absl::StrCat("layer ", architecture))}};
    const RawManifest raw{kOciManifestType, ManifestJson(manifest) + "\n"};  // not as we would write it
    registry_.PutManifest("src", raw.digest().ToString(), raw);
    return {.media_type = raw.media_type,
            .digest = raw.digest(),
            .size = raw.bytes.size(),
            .platform = Platform{"linux", architecture}};
  }
  RawManifest PutIndex(const std::vector<Descriptor>& images) {
    std::vector<std::string> entries;
    for (const Descriptor& image : images) entries.push_back(DescriptorJson(image));
    RawManifest index{kOciIndexType, absl::StrCat(R"({ "schemaVersion": 2, "mediaType": ")", kOciIndexType,
                                                  R"(", "manifests": [)", absl::StrJoin(entries, ","), "]}")};
    registry_.PutManifest("src", "v1", index);
    return index;
  }
  absl::StatusOr<CopyResult> Copy(ImageTarget& target, std::optional<Platform> platform = std::nullopt) {
    RemoteImageSource source(fake_.repository("src"), "v1", fake_.counters);
    return CopyImage(source, target, platform, watcher_);
  }
  RemoteImageTarget Elsewhere() {
    return RemoteImageTarget(other_.repository("dst"), "v2", ImagePusher({}, [](Duration) {}));
  }

  MemoryRegistry registry_, other_registry_;
  FakeHttp http_{[this](const HttpRequest& request) {
    return absl::StrContains(request.url, "other:5000") ? other_registry_.Answer(request)
                                                        : registry_.Answer(request);
  }};
  RealClock clock_;
  FakeRegistry fake_{http_, clock_};
  FakeRegistry other_{http_, clock_, "other:5000"};
  SilentWatcher watcher_;
};

TEST_F(ImageCopyTest, AnIndexArrivesWithAllItsImagesAndItsBytes) {
  const RawManifest index = PutIndex({PutImage("amd64"), PutImage("arm64")});
  RemoteImageTarget target = Elsewhere();
  const absl::StatusOr<CopyResult> result = Copy(target);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->digest, index.digest());
  EXPECT_EQ(result->blobs.size(), 5);  // one is shared
  EXPECT_EQ(other_registry_.Manifest("dst", "v2"), index.bytes);
  // Blobs, then what names them, the tag last.
  const std::vector<std::string> log = other_registry_.log();
  const auto is_manifest = [](const std::string& line) {
    return absl::StartsWith(line, "PUT dst/manifests/");
  };
  EXPECT_TRUE(
      std::is_partitioned(log.begin(), log.end(), [&](const auto& line) { return !is_manifest(line); }));
  EXPECT_EQ(std::count_if(log.begin(), log.end(), is_manifest), 3);
  EXPECT_EQ(log.back(), "PUT dst/manifests/v2");
}

TEST_F(ImageCopyTest, OnePlatformIsTaggedItself) {
  const Descriptor arm = PutImage("arm64");
  PutIndex({PutImage("amd64"), arm});
  RemoteImageTarget target = Elsewhere();
  const absl::StatusOr<CopyResult> result = Copy(target, Platform{"linux", "arm64"});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->digest, arm.digest);
  EXPECT_EQ(Digest::Of(other_registry_.Manifest("dst", "v2")), arm.digest);
  EXPECT_FALSE(other_registry_.HasBlob("dst", Digest::Of("layer amd64").ToString()));
  EXPECT_TRUE(absl::IsNotFound(Copy(target, Platform{"linux", "s390x"}).status()));
}

TEST_F(ImageCopyTest, TheSameRegistryMountsAndReadsNothing) {
  PutIndex({PutImage("amd64")});
  RemoteImageTarget target(fake_.repository("dst"), "v2", ImagePusher());
  const absl::StatusOr<CopyResult> result = Copy(target);
  ASSERT_TRUE(result.ok()) << result.status();
  for (const CopiedBlob& blob : result->blobs) EXPECT_EQ(blob.how, BlobPush::kMounted);
  EXPECT_TRUE(watcher_.begun.empty());
  EXPECT_TRUE(registry_.HasBlob("dst", Digest::Of("shared").ToString()));
}

TEST_F(ImageCopyTest, ABlobThatBreaksOffGoesOn) {
  const std::string content(1'000'000, 'x');
  Manifest manifest{.config = PutBlob("c"), .layers = {PutBlob(content)}};
  registry_.PutManifest("src", "v1", {kOciManifestType, ManifestJson(manifest)});
  int breaks = 0;
  registry_.intercept = [&](const HttpRequest& request) -> std::optional<FakeAnswer> {
    if (!absl::StrContains(request.url, Digest::Of(content).hex()) || ++breaks > 5) return std::nullopt;
    FakeAnswer answer = FakeHttp::ServeBlob(content)(request);
    answer.body.resize(answer.body.size() / 2);
    answer.end = absl::UnavailableError("connection reset");
    return answer;
  };
  RemoteImageTarget target = Elsewhere();
  const absl::StatusOr<CopyResult> result = Copy(target);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_GE(breaks, 5);
  EXPECT_TRUE(other_registry_.HasBlob("dst", Digest::Of(content).ToString()));
}

TEST_F(ImageCopyTest, WrongBytesGoNowhere) {
  const std::string content(1000, 'x');
  Manifest manifest{.config = PutBlob("c"), .layers = {PutBlob(content)}};
  registry_.PutManifest("src", "v1", {kOciManifestType, ManifestJson(manifest)});
  registry_.intercept = [&](const HttpRequest& request) -> std::optional<FakeAnswer> {
    if (!absl::StrContains(request.url, Digest::Of(content).hex())) return std::nullopt;
    return FakeHttp::ServeBlob(std::string(1000, 'y'))(request);
  };
  RemoteImageTarget target = Elsewhere();
  const absl::Status status = Copy(target).status();
  EXPECT_TRUE(IsIntegrityError(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr(absl::StrCat("reg:5000/src@", Digest::Of(content).ToString())));
  EXPECT_FALSE(other_registry_.HasBlob("dst", Digest::Of(content).ToString()));
  EXPECT_EQ(other_registry_.Manifest("dst", "v2"), "");
}

TEST_F(ImageCopyTest, ThroughAFolderAndBack) {
  const RawManifest index = PutIndex({PutImage("amd64"), PutImage("arm64")});
  DiskFolder folder;
  const OciLayout layout = *OciLayout::OpenOrMake(folder / "layout");
  LayoutImageTarget target(layout, "mine");
  ASSERT_TRUE(Copy(target).ok());
  EXPECT_EQ(layout.Find("mine")->digest, index.digest());
  LayoutImageSource source(layout, "mine");
  RemoteImageTarget back = Elsewhere();
  const absl::StatusOr<CopyResult> result = CopyImage(source, back, std::nullopt, watcher_);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(other_registry_.Manifest("dst", "v2"), index.bytes);
  const absl::StatusOr<CopyResult> again = CopyImage(source, target, std::nullopt, watcher_);
  ASSERT_TRUE(again.ok()) << again.status();
  for (const CopiedBlob& blob : again->blobs) {
    EXPECT_EQ(blob.how, BlobPush::kPresent);
  }
}

TEST_F(ImageCopyTest, AnIndexOfItselfEnds) {
  Descriptor image = PutImage("amd64");
  for (int depth = 0; depth < 6; ++depth) {
    const RawManifest index = PutIndex({image});
    image = {.media_type = kOciIndexType, .digest = index.digest(), .size = index.bytes.size()};
  }
  RemoteImageTarget target = Elsewhere();
  EXPECT_TRUE(absl::IsInvalidArgument(Copy(target).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Copy(target, Platform{"linux", "amd64"}).status()));
}

}  // namespace
}  // namespace lacuna
