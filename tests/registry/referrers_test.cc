// Referrers at registries with and without the API, and writers that overwrite each other's lists.
#include "registry/referrers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/real_clock.h"
#include "registry/image_pusher.h"
#include "registry/index_edit.h"
#include "tests/fakes/fake_registry.h"
#include "tests/registry/memory_registry.h"

namespace lacuna {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ReferrersTest : public testing::Test {
 protected:
  ~ReferrersTest() override { clock_.Stop(); }

  RawManifest Artifact(const std::string& type, const std::string& note) const {
    Manifest manifest{.artifact_type = type,
                      .config = {.media_type = "t/config", .digest = Digest::Of("{}"), .size = 2},
                      .annotations = {{"note", note}}};
    manifest.subject = Descriptor{.media_type = kOciManifestType, .digest = subject_, .size = 1};
    return {manifest.media_type, ManifestJson(manifest)};
  }
  Referrers Patient() {
    return Referrers({}, [this](Duration) {
      if (on_sleep_) on_sleep_();
    });
  }
  absl::Status Push(const RawManifest& manifest) {
    ImagePusher pusher({}, [this](Duration) {
      if (on_sleep_) on_sleep_();
    });
    return pusher.PushManifest(repository_, manifest.digest().ToString(), manifest).status();
  }
  std::vector<std::string> Notes(const std::string& type = "") {
    std::vector<std::string> notes;
    const auto list = Patient().List(repository_, subject_, type);
    EXPECT_TRUE(list.ok()) << list.status();
    for (const Descriptor& entry : list.value_or(std::vector<Descriptor>()))
      notes.push_back(entry.annotations.at("note"));
    return notes;
  }
  void OverwriteTag(const std::string& index) { registry_.PutManifest("repo", tag_, {kOciIndexType, index}); }

  MemoryRegistry registry_;
  FakeHttp http_{[this](const HttpRequest& request) { return registry_.Answer(request); }};
  RealClock clock_;
  FakeRegistry fake_{http_, clock_};
  const Repository repository_ = fake_.repository("repo");
  const Digest subject_ = Digest::Of("subject");
  const std::string tag_ = absl::StrCat("sha256-", subject_.hex());
  std::function<void()> on_sleep_;
};

TEST_F(ReferrersTest, NoneIsNoError) {
  EXPECT_THAT(Notes(), IsEmpty());
  registry_.has_referrers_api = true;
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(ReferrersTest, WithTheApiTheRegistryLists) {
  registry_.has_referrers_api = true;
  for (const char* note : {"1", "2", "3", "4", "5"}) EXPECT_TRUE(Push(Artifact("a/b", note)).ok());
  EXPECT_TRUE(Push(Artifact("c/d", "6")).ok());
  EXPECT_THAT(Notes(), UnorderedElementsAre("1", "2", "3", "4", "5", "6"));  // three pages
  EXPECT_THAT(Notes("c/d"), UnorderedElementsAre("6"));  // though the registry does not filter
  EXPECT_THAT(registry_.log().back(), HasSubstr("from=4"));
  EXPECT_EQ(registry_.Manifest("repo", tag_), "");
}

TEST_F(ReferrersTest, WithoutTheApiTheTagLists) {
  for (const char* note : {"1", "2"}) EXPECT_TRUE(Push(Artifact("a/b", note)).ok());
  EXPECT_TRUE(Push(Artifact("", "3")).ok());
  EXPECT_TRUE(Push(Artifact("a/b", "1")).ok());  // again
  EXPECT_THAT(Notes(), UnorderedElementsAre("1", "2", "3"));
  EXPECT_THAT(Notes("t/config"), UnorderedElementsAre("3"));  // the type of its config stands in
}

TEST_F(ReferrersTest, WhatOthersListedStaysAsItIs) {
  const std::string theirs =
      absl::StrCat(R"({"mediaType":"x/y","digest":")", Digest::Of("z").ToString(),
                   R"(","size":3,"annotations":{"note":"theirs"},"unknown":{"a":[1,2.5]}})");
  OverwriteTag(absl::StrCat(R"({"schemaVersion":2,"manifests":[)", theirs, R"(],"odd":"kept"})"));
  EXPECT_TRUE(Push(Artifact("a/b", "ours")).ok());
  EXPECT_THAT(Notes(), UnorderedElementsAre("theirs", "ours"));
  EXPECT_THAT(registry_.Manifest("repo", tag_), HasSubstr(R"("unknown":{"a":[1,2.5]})"));
  EXPECT_THAT(registry_.Manifest("repo", tag_), HasSubstr(R"("odd":"kept")"));
}

TEST_F(ReferrersTest, AListThatWasOverwrittenIsMerged) {
  OverwriteTag(*WithEntries(
      EmptyIndex(),
      {DescriptorJson(
          {.media_type = "m", .digest = Digest::Of("old"), .size = 1, .annotations = {{"note", "old"}}})}));
  int overwritten = 0;
  on_sleep_ = [&] {
    if (++overwritten > 3) return;
    // Somebody who read an empty list puts one with nothing but his own.
    const std::string note = absl::StrCat("other ", overwritten);
    OverwriteTag(*WithEntries(
        EmptyIndex(),
        {DescriptorJson(
            {.media_type = "m", .digest = Digest::Of(note), .size = 1, .annotations = {{"note", note}}})}));
  };
  EXPECT_TRUE(Push(Artifact("a/b", "ours")).ok());
  EXPECT_THAT(Notes(), UnorderedElementsAre("old", "other 1", "other 2", "other 3", "ours"));
}

TEST_F(ReferrersTest, AFightThatCannotBeWonEnds) {
  on_sleep_ = [&] { OverwriteTag(EmptyIndex()); };
  const absl::Status status = Push(Artifact("a/b", "ours"));
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("reg:5000: add a referrer to repo@sha256:"));
}

TEST_F(ReferrersTest, WritersAtOnceAllSurvive) {
  on_sleep_ = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  std::vector<std::thread> writers;
  for (int i = 0; i < 6; ++i) {
    writers.emplace_back([this, i] { EXPECT_TRUE(Push(Artifact("a/b", absl::StrCat(i))).ok()); });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Notes().size(), 6);
}

TEST_F(ReferrersTest, ATagThatIsAnImageIsLeftAlone) {
  const RawManifest image = Artifact("a/b", "x");
  registry_.PutManifest("repo", tag_, image);
  EXPECT_TRUE(absl::IsInvalidArgument(Push(Artifact("a/b", "ours"))));
  EXPECT_EQ(registry_.Manifest("repo", tag_), image.bytes);
}

TEST_F(ReferrersTest, PagesThatNeverEndOrLeadElsewhereAreRefused) {
  for (const std::string& link :
       {absl::StrCat("</v2/repo/referrers/", subject_.ToString(), "?again>; rel=next"),
        std::string("<http://elsewhere/v2/other>; rel=next")}) {
    registry_.intercept = [&](const HttpRequest&) {
      return FakeAnswer{.headers = {{"Link", link}}, .body = EmptyIndex()};
    };
    EXPECT_FALSE(Patient().List(repository_, subject_).ok());
  }
  EXPECT_LT(http_.requests().size(), 110);
}

}  // namespace
}  // namespace lacuna
