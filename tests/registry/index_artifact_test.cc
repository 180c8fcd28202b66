// The index artifact: written and read back, found among referrers, bound to its image by an index.
#include "registry/index_artifact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/real_clock.h"
#include "registry/image_pusher.h"
#include "registry/index_edit.h"
#include "registry/referrers.h"
#include "registry/registry_client.h"
#include "tests/fakes/fake_registry.h"
#include "tests/registry/memory_registry.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Key;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const Digest kLow = Digest::Of("low");
const Digest kHigh = Digest::Of("high");

ReadManifest Read(const Manifest& manifest) {
  return *ParseRawManifest(ManifestJson(manifest), kOciManifestType);
}

class IndexArtifactTest : public testing::Test {
 protected:
  ~IndexArtifactTest() override { clock_.Stop(); }

  Manifest Artifact(const std::string& content = "x") const {
    return MakeIndexArtifact(subject_, {IndexBlob(kLow, content), IndexBlob(kHigh, content)});
  }
  Descriptor Push(const Manifest& manifest) {
    ImagePusher pusher({}, [](Duration) {});
    const RawManifest raw{manifest.media_type, ManifestJson(manifest)};
    EXPECT_TRUE(pusher.PushManifest(repository_, raw.digest().ToString(), raw).ok());
    return {.media_type = raw.media_type, .digest = raw.digest(), .size = raw.bytes.size()};
  }
  std::string Problem(const Manifest& manifest) {
    const absl::Status status = ParseIndexArtifact(Read(manifest)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }
  void ExpectFound(const Descriptor& artifact) {
    const auto found = FindIndexArtifact(repository_, subject_.digest);
    ASSERT_TRUE(found.ok() && found->has_value()) << found.status();
    EXPECT_EQ((*found)->digest, artifact.digest);
  }

  MemoryRegistry registry_;
  FakeHttp http_{[this](const HttpRequest& request) { return registry_.Answer(request); }};
  RealClock clock_;
  FakeRegistry fake_{http_, clock_};
  const Repository repository_ = fake_.repository("repo");
  const std::string image_ = ManifestJson({.config = {"t/config", Digest::Of("{}"), 2}});
  const Descriptor subject_{
      .media_type = kOciManifestType, .digest = Digest::Of(image_), .size = image_.size()};
};

TEST_F(IndexArtifactTest, IsReadAsItWasWritten) {
  const ReadManifest manifest = Read(Artifact());
  const auto artifact = ParseIndexArtifact(manifest);
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  EXPECT_EQ(artifact->digest, manifest.raw.digest());
  EXPECT_EQ(artifact->subject, subject_.digest);
  EXPECT_THAT(artifact->indexes, UnorderedElementsAre(Key(kLow), Key(kHigh)));
  EXPECT_EQ(artifact->indexes.at(kLow), IndexBlob(kLow, "x"));
}

// Frozen: other programs look for it, and equal artifacts must be one.
TEST_F(IndexArtifactTest, HasTheseBytes) {
  const std::string empty = Digest::Of("{}").ToString();
  const std::string blob = absl::StrCat(
      R"({"mediaType":"application/vnd.lacuna.index.layer.v1+zstd","digest":")", Digest::Of("x").ToString(),
      R"(","size":1,"annotations":{"vnd.lacuna.layer.digest":")", kLow.ToString(), R"("}})");
  EXPECT_EQ(
      ManifestJson(MakeIndexArtifact(subject_, {IndexBlob(kLow, "x")})),
      absl::StrCat(R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)",
                   R"("artifactType":"application/vnd.lacuna.index.v1",)",
                   R"("config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":")", empty,
                   R"(","size":2},"layers":[)", blob, R"(],"subject":)", DescriptorJson(subject_), "}"));
}

TEST_F(IndexArtifactTest, WhatIsNoneIsRefused) {
  Manifest manifest = Artifact();
  manifest.artifact_type = "a/b";
  EXPECT_THAT(Problem(manifest), HasSubstr("no artifact of type"));
  manifest = Artifact();
  manifest.subject.reset();
  EXPECT_THAT(Problem(manifest), HasSubstr("subject: is missing"));
  manifest = Artifact();
  manifest.layers[1].annotations.clear();
  EXPECT_THAT(Problem(manifest), HasSubstr("without the annotation vnd.lacuna.layer.digest"));
  manifest.layers[1].annotations[kIndexedLayer] = "sha256:1";
  EXPECT_THAT(Problem(manifest), HasSubstr("vnd.lacuna.layer.digest: "));
  manifest.layers[1] = manifest.layers[0];
  EXPECT_THAT(Problem(manifest), HasSubstr("two indexes of the same layer"));
  manifest.layers[1].media_type = "of/tomorrow";
  EXPECT_THAT(ParseIndexArtifact(Read(manifest))->indexes, SizeIs(1));
}

TEST_F(IndexArtifactTest, NoneIsNoError) {
  const auto found = FindIndexArtifact(repository_, subject_.digest);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE(found->has_value());
}

TEST_F(IndexArtifactTest, IsFoundWithAndWithoutTheReferrersApi) {
  for (const bool api : {false, true}) {
    registry_.has_referrers_api = api;
    ExpectFound(Push(Artifact(absl::StrCat("x", api))));
  }
}

TEST_F(IndexArtifactTest, TheLatestThatIsOneCounts) {
  Push(Artifact("older"));
  const Descriptor newer = Push(Artifact("newer"));
  Manifest broken = Artifact("broken");
  broken.layers[0].annotations.clear();
  Push(broken);
  Manifest other = Artifact("other");
  other.artifact_type = "a/b";
  Push(other);
  // Listed here, and about something else.
  Manifest stray = Artifact("stray");
  stray.subject->digest = kLow;
  Descriptor listed = Push(stray);
  listed.artifact_type = kIndexArtifactType;
  EXPECT_TRUE(Referrers({}, [](Duration) {}).AddToTag(repository_, subject_.digest, listed).ok());
  ExpectFound(newer);
}

TEST_F(IndexArtifactTest, ARegistryThatFailsIsAnError) {
  Push(Artifact());
  registry_.intercept = [](const HttpRequest& request) -> std::optional<FakeAnswer> {
    if (absl::StrContains(request.url, "/manifests/sha256:")) return FakeAnswer{.status = 403};
    return std::nullopt;
  };
  EXPECT_TRUE(absl::IsUnauthenticated(FindIndexArtifact(repository_, subject_.digest).status()));
}

TEST_F(IndexArtifactTest, ABoundOneIsToldByResolve) {
  registry_.PutManifest("repo", subject_.digest.ToString(), {kOciManifestType, image_});
  const Descriptor entry = BoundEntry(Push(Artifact()), subject_.digest);
  const Descriptor stray = BoundEntry(Push(Artifact("stray")), kLow);
  std::string index = *WithEntries(EmptyIndex(), {DescriptorJson(subject_)});
  index = *WithBoundArtifact(*WithBoundArtifact(index, entry), stray);
  registry_.PutManifest("repo", "bound", {kOciIndexType, index});
  // The image has no platform here: it is still the only image.
  const auto image =
      RegistryClient().Resolve(repository_, *ParseReference("reg:5000/repo:bound"), HostPlatform());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->manifest_digest, subject_.digest);
  EXPECT_THAT(image->bound_artifacts, ElementsAre(entry));
  const auto found = ChooseIndexArtifact(image->bound_artifacts, subject_.digest, repository_);
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->digest, entry.digest);
  EXPECT_THAT(
      RegistryClient()
          .Resolve(repository_, *ParseReference(absl::StrCat("reg:5000/repo@", subject_.digest.ToString())),
                   HostPlatform())
          ->bound_artifacts,
      IsEmpty());
}

TEST_F(IndexArtifactTest, BindingAgainReplacesAndKeepsWhatOthersWrote) {
  const std::string theirs =
      R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.list.v2+json",)"
      R"("manifests":[{"digest":"d","odd":[1.5]}],"more":{"a":null}})";
  const Descriptor old{.media_type = "m", .digest = kLow, .size = 1};
  const Descriptor fresh{.media_type = "m", .digest = kHigh, .size = 1};
  const std::string once = *WithBoundArtifact(theirs, BoundEntry(old, subject_.digest));
  EXPECT_THAT(once, HasSubstr(kLow.ToString()));
  EXPECT_THAT(once, HasSubstr(R"("artifactType":"application/vnd.lacuna.index.v1")"));
  EXPECT_THAT(once, HasSubstr(R"("platform":{"architecture":"unknown","os":"unknown"})"));
  const std::string twice = *WithBoundArtifact(once, BoundEntry(fresh, subject_.digest));
  EXPECT_THAT(twice, testing::Not(HasSubstr(kLow.ToString())));
  for (const char* part : {R"("odd":[1.5])", R"("more":{"a":null})", kOciIndexType}) {
    EXPECT_THAT(twice, HasSubstr(part));
  }
  EXPECT_EQ(twice, *WithBoundArtifact(twice, BoundEntry(fresh, subject_.digest)));
}

}  // namespace
}  // namespace lacuna
