// Both kinds of store: a blob streams from each, and what says something about an image is found there.
#include "registry/image_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "daemon/base/real_clock.h"
#include "daemon/base/status.h"
#include "registry/index_artifact.h"
#include "registry/layout_image.h"
#include "registry/remote_image.h"
#include "tests/fakes/fake_registry.h"
#include "tests/fakes/temp_dir.h"
#include "tests/registry/memory_registry.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

Descriptor Describe(const std::string& content) {
  return {.media_type = "t/blob", .digest = Digest::Of(content), .size = content.size()};
}

class ImageStoreTest : public testing::Test {
 protected:
  ~ImageStoreTest() override { clock_.Stop(); }

  // `action` on the folder and on the registry, each as source and target.
  void OnBoth(const std::function<void(ImageSource&, ImageTarget&)>& action) {
    LayoutImageTarget folder(*OciLayout::OpenOrMake(path_), "v1");
    LayoutImageSource folder_source(*OciLayout::Open(path_), "v1");
    action(folder_source, folder);
    RemoteImageTarget remote(repository_, "v1", ImagePusher({}, [](Duration) {}));
    RemoteImageSource remote_source(repository_, "v1", fake_.counters);
    action(remote_source, remote);
  }
  static Descriptor Put(ImageTarget& target, const std::string& content) {
    const auto open = [&]() -> absl::StatusOr<std::shared_ptr<HttpBody>> {
      return std::make_shared<MemoryBody>(content);
    };
    EXPECT_TRUE(target.PutBlob(Describe(content), open, std::nullopt, nullptr).ok());
    return Describe(content);
  }
  static ReadManifest Read(const Manifest& manifest) {
    return *ParseRawManifest(ManifestJson(manifest), kOciManifestType);
  }

  DiskFolder folder_;
  const std::string path_ = folder_ / "layout";
  MemoryRegistry registry_;
  FakeHttp http_{[this](const HttpRequest& request) { return registry_.Answer(request); }};
  RealClock clock_;
  FakeRegistry fake_{http_, clock_};
  const Repository repository_ = fake_.repository("repo");
};

TEST_F(ImageStoreTest, ABlobStreamsWhole) {
  std::string large(5'000'000, 'x');
  large += "the end";
  OnBoth([&](ImageSource& source, ImageTarget& target) {
    for (const std::string& content : {std::string(), std::string("small"), large}) {
      EXPECT_EQ(ReadSmallBlob(source, Put(target, content), 6'000'000).value(), content);
    }
    EXPECT_THAT(std::string(ReadSmallBlob(source, Put(target, large), 1000).status().message()),
                HasSubstr("has 5000007 bytes, more than the 1000 allowed"));
  });
}

TEST_F(ImageStoreTest, WhatIsNotThereOrSomethingElseIsAnError) {
  OnBoth([&](ImageSource& source, ImageTarget&) {
    const absl::Status status = ReadSmallBlob(source, Describe("none"), 100).status();
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
  });
  LayoutImageTarget target(*OciLayout::Open(path_), "v1");
  const Descriptor blob = Put(target, "right");
  LayoutImageSource source(*OciLayout::Open(path_), "v1");
  for (const char* wrong : {"wrong", "longer than it was"}) {
    std::ofstream(absl::StrCat(path_, "/blobs/sha256/", blob.digest.hex())) << wrong;
    EXPECT_TRUE(IsIntegrityError(ReadSmallBlob(source, blob, 100).status())) << wrong;
  }
}

TEST_F(ImageStoreTest, WhatSaysSomethingAboutAnImageIsFoundByIt) {
  OnBoth([&](ImageSource& source, ImageTarget& target) {
    const Descriptor config = Put(target, "{}");
    const ReadManifest image = Read({.config = config});
    ASSERT_TRUE(target.PutRoot(image).ok());
    const Digest subject = image.raw.digest();
    EXPECT_EQ(source.ListReferrers(subject, kIndexArtifactType)->size(), 0);
    Descriptor about = Describe(image.raw.bytes);
    about.media_type = kOciManifestType;
    const ReadManifest artifact = Read(MakeIndexArtifact(about, {}));
    about.digest = Digest::Of("another");
    for (int twice = 0; twice < 2; ++twice) ASSERT_TRUE(target.PutReferrer(artifact).ok());
    ASSERT_TRUE(target.PutReferrer(Read(MakeIndexArtifact(about, {}))).ok());
    const auto found = source.ListReferrers(subject, kIndexArtifactType);
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(found->size(), 1);
    EXPECT_EQ(found->front().digest, artifact.raw.digest());
    EXPECT_EQ(source.ListReferrers(subject, "a/b")->size(), 0);
  });
  // The image is still the only one: nobody has to name it.
  EXPECT_EQ(OciLayout::Open(path_)->Find("")->artifact_type, "");
}

}  // namespace
}  // namespace lacuna
