// Pushing to a registry that keeps to the specification, and to some that do not.
#include "registry/image_pusher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/fakes/fake_http.h"
#include "tests/registry/upload_registry.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ImagePusherTest : public testing::Test {
 protected:
  RemoteBlob Blob(const std::string& content) const {
    return {repository_, Digest::Of(content), content.size()};
  }

  absl::StatusOr<bool> Push(const std::string& content, BytesProgress progress = nullptr) {
    return ImagePusher(http_, limits_)
        .PushBlob(Blob(content), std::make_shared<MemoryBody>(content), progress);
  }

  UploadRegistry registry_;
  FakeHttp http_{[this](const HttpRequest& request) { return registry_.Answer(request); }};
  const Repository repository_{"https://registry.example", "repo", MakeBasic("user:secret")};
  PushLimits limits_{.monolithic_bytes = 100, .chunk_bytes = 40};
};

TEST_F(ImagePusherTest, ASmallBlobGoesAsOneRequest) {
  const std::string content(100, 'x');
  EXPECT_TRUE(*Push(content));
  EXPECT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
  const std::string digest = Digest::Of(content).ToString();
  EXPECT_THAT(registry_.log, ElementsAre("HEAD /v2/repo/blobs/" + digest, "POST /v2/repo/blobs/uploads/",
                                         "PUT /v2/repo/blobs/uploads/1?state=1&digest=" + digest));
}

TEST_F(ImagePusherTest, ALargeBlobGoesInChunksThatFollowEachLocation) {
  const std::string content(101, 'x');
  EXPECT_TRUE(*Push(content));
  const std::string digest = Digest::Of(content).ToString();
  EXPECT_EQ(registry_.blobs.at(digest), content);
  EXPECT_THAT(registry_.log, ElementsAre("HEAD /v2/repo/blobs/" + digest, "POST /v2/repo/blobs/uploads/",
                                         "PATCH /v2/repo/blobs/uploads/1?state=1 0-39",
                                         "PATCH /v2/repo/blobs/uploads/2?state=2 40-79",
                                         "PATCH /v2/repo/blobs/uploads/3?state=3 80-100",
                                         "PUT /v2/repo/blobs/uploads/4?state=4&digest=" + digest));
}

TEST_F(ImagePusherTest, AnEmptyBlobCanBePushed) {
  EXPECT_TRUE(*Push(""));
  EXPECT_EQ(registry_.blobs.at(Digest::Of("").ToString()), "");
}

TEST_F(ImagePusherTest, ChunksAreAsLargeAsTheRegistryAsks) {
  registry_.min_chunk = "60";
  EXPECT_TRUE(*Push(std::string(110, 'x')));
  EXPECT_THAT(registry_.log[2], HasSubstr(" 0-59"));
  EXPECT_THAT(registry_.log[3], HasSubstr(" 60-109"));
}

TEST_F(ImagePusherTest, EveryBlobArrivesWhateverTheSizes) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    std::string content(random() % 5000, '\0');
    for (char& c : content) c = static_cast<char>(random());
    limits_.monolithic_bytes = random() % 3000;
    limits_.chunk_bytes = 1 + random() % 2000;
    ASSERT_TRUE(Push(content).ok());
    ASSERT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
  }
}

TEST_F(ImagePusherTest, WhatIsThereIsNotSentAgain) {
  const std::string content = "some bytes";
  registry_.blobs[Digest::Of(content).ToString()] = content;
  EXPECT_FALSE(*Push(content));
  EXPECT_EQ(registry_.log.size(), 1);
}

TEST_F(ImagePusherTest, ABlobThatIsThereWithAnotherSizeIsAnError) {
  registry_.blobs[Digest::Of("some bytes").ToString()] = "some";
  EXPECT_TRUE(IsIntegrityError(Push("some bytes").status()));
}

TEST_F(ImagePusherTest, ProgressEndsWithTheWholeBlob) {
  std::vector<uint64_t> seen;
  EXPECT_TRUE(Push(std::string(101, 'x'), [&](uint64_t bytes) { seen.push_back(bytes); }).ok());
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.back(), 101);
}

TEST_F(ImagePusherTest, AFileThatChangesMeanwhileIsNoticed) {
  const auto changed = std::make_shared<MemoryBody>(std::string(50, 'y'));
  const absl::Status status =
      ImagePusher(http_, limits_).PushBlob(Blob(std::string(50, 'x')), changed, nullptr).status();
  EXPECT_TRUE(IsIntegrityError(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("changed during the push"));
  EXPECT_THAT(registry_.blobs, IsEmpty());
}

TEST_F(ImagePusherTest, CredentialsGoToTheRegistryOnly) {
  registry_.location = "https://storage.example/upload/%";
  EXPECT_TRUE(Push(std::string(110, 'x')).ok());
  ASSERT_EQ(registry_.authorizations.size(), registry_.log.size());
  for (size_t i = 0; i < registry_.log.size(); ++i) {
    const bool elsewhere = absl::StrContains(registry_.log[i], "storage.example");
    EXPECT_EQ(registry_.authorizations[i].empty(), elsewhere) << registry_.log[i];
  }
  EXPECT_THAT(registry_.log.back(), HasSubstr("PUT https://storage.example/upload/4?digest="));
}

TEST_F(ImagePusherTest, AnUploadNeverLeavesTls) {
  registry_.location = "http://registry.example/v2/repo/blobs/uploads/%";
  const absl::Status status = Push("bytes").status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("without TLS"));
  EXPECT_EQ(registry_.log.size(), 2);  // HEAD and POST
}

TEST_F(ImagePusherTest, ARegistryWithoutLocationIsAnError) {
  registry_.location = "";
  EXPECT_THAT(std::string(Push("bytes").status().message()), HasSubstr("no Location"));
}

TEST_F(ImagePusherTest, RefusalsKeepTheirKindAndSayWhere) {
  const std::vector<std::tuple<std::string, int, absl::StatusCode>> cases = {
      {"HEAD", 401, absl::StatusCode::kUnauthenticated}, {"POST", 403, absl::StatusCode::kUnauthenticated},
      {"POST", 404, absl::StatusCode::kNotFound},        {"PUT", 503, absl::StatusCode::kUnavailable},
      {"PUT", 202, absl::StatusCode::kUnknown},          {"POST", 200, absl::StatusCode::kUnknown}};
  for (const auto& [method, code, expected] : cases) {
    registry_.failing_method = method;
    registry_.fail_method_with = code;
    const absl::Status status = Push("bytes").status();
    EXPECT_EQ(status.code(), expected) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("registry.example: push blob repo@sha256:"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("HTTP ", code)));
    EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr("c2VjcmV0")));
  }
}

TEST_F(ImagePusherTest, WhatTheRegistrySaysIsShownWithoutControlCharacters) {
  FakeHttp http([](const HttpRequest&) {
    return FakeAnswer{.status = 400, .body = "no\x1b[2J" + std::string(9999, 'x')};
  });
  const absl::Status status =
      ImagePusher(http, limits_).PushBlob(Blob("x"), std::make_shared<MemoryBody>("x"), nullptr).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("the registry says: no\\x1b[2J"));
  EXPECT_LT(status.message().size(), 700);
}

TEST_F(ImagePusherTest, NobodyIsToldOfABodySentAfterTheDeadline) {
  FakeHttp http([&](const HttpRequest& request) {
    if (request.method == "POST") http.Hold();  // what comes next, the body, is not answered in time
    return registry_.Answer(request);
  });
  limits_.request_timeout = Duration::zero();
  bool told = false;
  const absl::Status status =
      ImagePusher(http, limits_)
          .PushBlob(Blob("bytes"), std::make_shared<MemoryBody>("bytes"), [&](uint64_t) { told = true; })
          .status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  http.ReleaseAll();
  EXPECT_THAT(registry_.log.back(), HasSubstr("PUT "));
  EXPECT_FALSE(told);
}

TEST_F(ImagePusherTest, AManifestGoesToItsTagWithItsType) {
  const Manifest manifest{.config = {.media_type = "t", .digest = Digest::Of("c"), .size = 1}};
  const absl::StatusOr<Digest> digest = ImagePusher(http_, limits_).PushManifest(repository_, "v1", manifest);
  EXPECT_EQ(*digest, Digest::Of(ManifestJson(manifest)));
  EXPECT_EQ(registry_.manifests.at("v1"), ManifestJson(manifest));
  EXPECT_EQ(registry_.types.at("v1"), kOciManifestType);
}

TEST_F(ImagePusherTest, AManifestStoredAsSomethingElseIsNoticed) {
  registry_.manifest_digest = Digest::Of("other").ToString();
  const absl::Status status = ImagePusher(http_, limits_).PushManifest(repository_, "v1", {}).status();
  EXPECT_TRUE(IsIntegrityError(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("push manifest repo:v1"));
}

}  // namespace
}  // namespace lacuna
