// Pushing to a registry that keeps to the specification, and to some that do not.
#include "registry/image_pusher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/real_clock.h"
#include "daemon/base/status.h"
#include "registry/url.h"
#include "tests/fakes/fake_http.h"
#include "tests/fakes/fake_registry.h"
#include "tests/registry/upload_registry.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ImagePusherTest : public testing::Test {
 protected:
  ImagePusherTest() { fake_.registry()->SetEndpoints({{.base_url = "https://registry.example/v2"}}); }
  ~ImagePusherTest() override { clock_.Stop(); }

  RemoteBlob Blob(const std::string& content) const { return fake_.blob("repo", content); }
  ImagePusher Pusher() {
    return ImagePusher(limits_, [this](Duration duration) { slept_.push_back(duration); });
  }
  static ImagePusher::Open Opens(const std::string& content) {
    return [content] { return std::make_shared<MemoryBody>(content); };
  }

  absl::StatusOr<BlobPush> Push(const std::string& content, BytesProgress progress = nullptr,
                                absl::string_view mount_from = "") {
    return Pusher().PushBlob(Blob(content), Opens(content), mount_from, progress);
  }
  // What the log has between the POST and the PUT, "METHOD RANGE".
  std::vector<std::string> Steps() const {
    std::vector<std::string> steps;
    for (const std::string& line : registry_.log) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      steps.push_back(words.size() > 2 ? absl::StrCat(words[0], " ", words[2]) : words[0]);
    }
    return steps;
  }

  UploadRegistry registry_;
  FakeHttp http_{[this](const HttpRequest& request) { return registry_.Answer(request); }};
  RealClock clock_;
  FakeRegistry fake_{http_, clock_, "registry.example", ParseUserPassword("user:secret")};
  const Repository repository_ = fake_.repository("repo");
  PushLimits limits_{.monolithic_bytes = 100, .chunk_bytes = 40};
  std::vector<Duration> slept_;
};

TEST_F(ImagePusherTest, ASmallBlobGoesAsOneRequest) {
  const std::string content(100, 'x');
  EXPECT_EQ(BlobPush::kSent, *Push(content));
  EXPECT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
  const std::string digest = Digest::Of(content).ToString();
  EXPECT_THAT(registry_.log,
              ElementsAre("HEAD /v2/repo/blobs/" + digest, "POST /v2/repo/blobs/uploads/",
                          "PUT /v2/repo/blobs/uploads/1?state=1&digest=" + PercentEncode(digest)));
}

TEST_F(ImagePusherTest, ALargeBlobGoesInChunksThatFollowEachLocation) {
  const std::string content(101, 'x');
  EXPECT_EQ(BlobPush::kSent, *Push(content));
  const std::string digest = Digest::Of(content).ToString();
  EXPECT_EQ(registry_.blobs.at(digest), content);
  EXPECT_THAT(registry_.log,
              ElementsAre("HEAD /v2/repo/blobs/" + digest, "POST /v2/repo/blobs/uploads/",
                          "PATCH /v2/repo/blobs/uploads/1?state=1 0-39",
                          "PATCH /v2/repo/blobs/uploads/2?state=2 40-79",
                          "PATCH /v2/repo/blobs/uploads/3?state=3 80-100",
                          "PUT /v2/repo/blobs/uploads/4?state=4&digest=" + PercentEncode(digest)));
}

TEST_F(ImagePusherTest, AnEmptyBlobCanBePushed) {
  EXPECT_EQ(BlobPush::kSent, *Push(""));
  EXPECT_EQ(registry_.blobs.at(Digest::Of("").ToString()), "");
}

TEST_F(ImagePusherTest, ChunksAreAsLargeAsTheRegistryAsks) {
  registry_.min_chunk = "60";
  EXPECT_EQ(BlobPush::kSent, *Push(std::string(110, 'x')));
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
  EXPECT_EQ(BlobPush::kPresent, *Push(content));
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
  const absl::Status status =
      Pusher().PushBlob(Blob(std::string(50, 'x')), Opens(std::string(50, 'y')), "", nullptr).status();
  EXPECT_TRUE(IsIntegrityError(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("changed during the push"));
  EXPECT_THAT(registry_.blobs, IsEmpty());
}

TEST_F(ImagePusherTest, CredentialsGoToTheRegistryOnly) {
  registry_.location = "https://storage.example/upload/%";
  registry_.wants_password = true;
  EXPECT_TRUE(Push(std::string(110, 'x')).ok());
  ASSERT_EQ(registry_.authorizations.size(), registry_.log.size());
  for (size_t i = 1; i < registry_.log.size(); ++i) {
    const bool elsewhere = absl::StrContains(registry_.log[i], "storage.example");
    EXPECT_EQ(registry_.authorizations[i].empty(), elsewhere) << registry_.log[i];
  }
  EXPECT_EQ(registry_.authorizations.front(), "");  // nothing is shown before it is asked for
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
      {"POST", 404, absl::StatusCode::kNotFound},        {"PUT", 500, absl::StatusCode::kUnavailable},
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
  FakeRegistry fake(http, clock_);
  const absl::Status status = Pusher().PushBlob(fake.blob("repo", "x"), Opens("x"), "", nullptr).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("the registry says: no\\x1b[2J"));
  EXPECT_LT(status.message().size(), 700);
}

TEST_F(ImagePusherTest, AManifestGoesToItsTagWithItsTypeAndItsBytes) {
  const RawManifest manifest{kOciManifestType, "{ \"schemaVersion\": 2 }\n"};
  EXPECT_EQ(*Pusher().PushManifest(repository_, "v1", manifest), Digest::Of(manifest.bytes));
  EXPECT_EQ(registry_.manifests.at("v1"), manifest.bytes);
  EXPECT_EQ(registry_.types.at("v1"), kOciManifestType);
}

TEST_F(ImagePusherTest, AManifestStoredAsSomethingElseIsNoticed) {
  registry_.manifest_digest = Digest::Of("other").ToString();
  const absl::Status status = Pusher().PushManifest(repository_, "v1", {}).status();
  EXPECT_TRUE(IsIntegrityError(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("push manifest repo:v1"));
}

TEST_F(ImagePusherTest, AnUploadThatBreaksGoesOnWhereItWas) {
  const std::string content(110, 'x');
  registry_.cuts = {15};
  EXPECT_EQ(*Push(content), BlobPush::kSent);
  EXPECT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
  EXPECT_THAT(Steps(), ElementsAre("HEAD", "POST", "PATCH 0-39", "GET", "PATCH 15-54", "PATCH 55-94",
                                   "PATCH 95-109", "PUT"));
  EXPECT_EQ(registry_.patched_bytes, 110);  // nothing twice
  EXPECT_EQ(slept_.size(), 1);
}

TEST_F(ImagePusherTest, AServerThatFailsIsAskedHowFarItCame) {
  const std::string content(110, 'x');
  registry_.failing_method = "PATCH";
  registry_.fail_method_with = 500;
  registry_.fail_times = 1;
  EXPECT_EQ(*Push(content), BlobPush::kSent);
  // It has nothing, or one byte: that is not worth the doubt.
  EXPECT_THAT(Steps(), ElementsAre("HEAD", "POST", "PATCH 0-39", "GET", "POST", "PATCH 0-39", "PATCH 40-79",
                                   "PATCH 80-109", "PUT"));
}

TEST_F(ImagePusherTest, ARangeThatDoesNotFitIsAskedFor) {
  const std::string content(110, 'x');
  registry_.failing_method = "PATCH";
  registry_.fail_method_with = 416;
  registry_.fail_times = 1;
  EXPECT_EQ(*Push(content), BlobPush::kSent);
  EXPECT_EQ(Steps()[3], "GET");
}

TEST_F(ImagePusherTest, ASessionThatIsGoneBeginsAnew) {
  const std::string content(110, 'x');
  registry_.cuts = {15};
  registry_.loses_sessions = true;
  EXPECT_EQ(*Push(content), BlobPush::kSent);
  EXPECT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
  EXPECT_THAT(Steps(), ElementsAre("HEAD", "POST", "PATCH 0-39", "GET", "POST", "PATCH 0-39", "PATCH 40-79",
                                   "PATCH 80-109", "PUT"));
}

TEST_F(ImagePusherTest, AStateThatCannotBeIsNotBelieved) {
  const std::string content(110, 'x');
  for (const char* range : {"0-110", "0-99999999999999999999", "5-9", "x", "0-18446744073709551615"}) {
    registry_.cuts = {15};
    registry_.range_of_state = range;
    EXPECT_EQ(*Push(content), BlobPush::kSent) << range;
    EXPECT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
    registry_.blobs.clear();
  }
}

// The registry claims more than it has, so a gap is in what it holds; nothing else than its digest shows it.
TEST_F(ImagePusherTest, AWrongStateCostsASessionAndNoByte) {
  std::string content;
  for (int i = 0; i < 110; ++i) content += static_cast<char>(i);
  FakeHttp http([&](const HttpRequest& request) {
    HttpRequest forwarded = request;
    for (auto& [name, value] : forwarded.headers) {
      // A registry that ignores Content-Range.
      if (name == "Content-Range" && value == "30-69") value = "15-54";
      if (name == "Content-Range" && value == "70-109") value = "55-94";
    }
    FakeAnswer answer = registry_.Answer(forwarded);
    if (request.method == "PATCH")
      std::erase_if(answer.headers, [](const auto& h) { return h.first == "Range"; });
    return answer;
  });
  FakeRegistry fake(http, clock_, "registry.example");
  fake.registry()->SetEndpoints({{.base_url = "https://registry.example/v2"}});
  registry_.cuts = {15};
  registry_.range_of_state = "0-29";
  EXPECT_EQ(*Pusher().PushBlob(fake.blob("repo", content), Opens(content), "", nullptr), BlobPush::kSent);
  EXPECT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
}

TEST_F(ImagePusherTest, AnUploadThatComesNoFurtherEnds) {
  registry_.cuts = std::deque<uint64_t>(100, 0);
  const absl::Status status = Push(std::string(110, 'x')).status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("connection reset"));
  EXPECT_GE(registry_.cuts.size(), 90);
}

TEST_F(ImagePusherTest, ManyBreaksAreBorneWhileItComesFurther) {
  const std::string content(110, 'x');
  registry_.cuts = std::deque<uint64_t>(20, 5);
  EXPECT_EQ(*Push(content), BlobPush::kSent);
  EXPECT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
  EXPECT_EQ(registry_.patched_bytes, 110);
}

TEST_F(ImagePusherTest, APutWhoseAnswerIsLostIsLookedFor) {
  for (const size_t size : {50, 110}) {
    const std::string content(size, 'x');
    registry_.log.clear();
    registry_.cuts.clear();
    registry_.loses_answers = true;
    FakeHttp http([&](const HttpRequest& request) {
      if (request.method == "PUT") registry_.cuts = {0};
      return registry_.Answer(request);
    });
    FakeRegistry fake(http, clock_, "registry.example");
    fake.registry()->SetEndpoints({{.base_url = "https://registry.example/v2"}});
    EXPECT_EQ(*Pusher().PushBlob(fake.blob("repo", content), Opens(content), "", nullptr), BlobPush::kSent);
    EXPECT_THAT(Steps(), testing::Contains("PUT").Times(1));
    EXPECT_EQ(Steps().back(), "HEAD");
  }
}

TEST_F(ImagePusherTest, APutThatFailsIsTriedAgain) {
  for (const size_t size : {50, 110}) {
    const std::string content(size, 'x');
    registry_.log.clear();
    registry_.failing_method = "PUT";
    registry_.fail_method_with = 500;
    registry_.fail_times = 1;
    EXPECT_EQ(*Push(content), BlobPush::kSent);
    EXPECT_THAT(Steps(), testing::Contains("PUT").Times(2));
    EXPECT_THAT(Steps(), testing::Contains("POST").Times(size == 50 ? 2 : 1));  // the chunks are there still
    EXPECT_EQ(registry_.blobs.at(Digest::Of(content).ToString()), content);
  }
}

TEST_F(ImagePusherTest, ABlobOfAnotherRepositoryIsMounted) {
  const std::string content(50, 'x');
  registry_.other_blobs[Digest::Of(content).ToString()] = content;
  const auto never = []() -> absl::StatusOr<std::shared_ptr<HttpBody>> {
    return absl::InternalError("opened");
  };
  EXPECT_EQ(*Pusher().PushBlob(Blob(content), never, "other", nullptr), BlobPush::kMounted);
  EXPECT_THAT(registry_.log, ElementsAre(testing::StartsWith("HEAD "),
                                         "POST /v2/repo/blobs/uploads/?mount=" +
                                             PercentEncode(Digest::Of(content).ToString()) + "&from=other"));
  EXPECT_EQ(registry_.blobs.size(), 1);
}

TEST_F(ImagePusherTest, AMountThatIsNotTakenBecomesAnUpload) {
  const std::string content(50, 'x');
  registry_.takes_mounts = false;
  EXPECT_EQ(*Push(content, nullptr, "other"), BlobPush::kSent);
  EXPECT_THAT(Steps(), ElementsAre("HEAD", "POST", "PUT"));
  registry_.takes_mounts = true;  // it answers 404
  const std::string more(50, 'y');
  EXPECT_EQ(*Push(more, nullptr, "other"), BlobPush::kSent);
  EXPECT_EQ(registry_.blobs.at(Digest::Of(more).ToString()), more);
}

}  // namespace
}  // namespace lacuna
