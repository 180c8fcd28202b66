// RegistryClient against a fake registry: nothing comes back that is not what its digest says.
#include "registry/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_http.h"
#include "tests/fakes/fake_registry.h"

namespace lacuna {
namespace {

using ::testing::HasSubstr;

constexpr char kBase[] = "http://reg:5000/v2/a/b/";

Manifest SomeManifest(absl::string_view config) {
  Manifest manifest;
  manifest.config = {"application/vnd.oci.image.config.v1+json", Digest::Of(config), config.size()};
  return manifest;
}

std::string IndexOf(const std::string& manifest, uint64_t size) {
  return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", kOciIndexType,
                      R"(","manifests":[{"mediaType":")", kOciManifestType, R"(","digest":")",
                      Digest::Of(manifest).ToString(), R"(","size":)", size,
                      R"(,"platform":{"os":"linux","architecture":"amd64"}}]})");
}

class RegistryClientTest : public ::testing::Test {
 protected:
  absl::StatusOr<ResolvedImage> Resolve(absl::string_view reference) {
    return client.Resolve(repository, *ParseReference(reference), {"linux", "amd64"});
  }
  void Serve(const std::string& path, FakeAnswer answer) { answers[kBase + path] = std::move(answer); }
  void ServeManifest(const std::string& json) {
    Serve("manifests/" + Digest::Of(json).ToString(), {.body = json});
  }
  void ExpectError(const absl::Status& status, absl::StatusCode code, const std::string& text) {
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
  }

  std::map<std::string, FakeAnswer> answers;
  FakeHttp http{[this](const HttpRequest& request) {
    const auto found = answers.find(request.url);
    return found == answers.end() ? FakeAnswer{.status = 404, .body = "{\"errors\": []}"} : found->second;
  }};
  FakeClock clock;
  FakeRegistry registry{http, clock};
  // Nobody waits for real between two attempts.
  std::jthread time_flies{[this](const std::stop_token& stop) {
    while (!stop.stop_requested()) clock.Advance(std::chrono::milliseconds(10));
  }};
  RegistryClient client{std::chrono::hours(10'000)};
  const Repository repository = registry.repository("a/b");
  const std::string manifest = ManifestJson(SomeManifest("config"));
  const std::string digest = Digest::Of(manifest).ToString();
};

TEST_F(RegistryClientTest, ResolvesATag) {
  Serve("manifests/v1", {.headers = {{"Docker-Content-Digest", digest}}, .body = manifest});
  const auto image = Resolve("reg:5000/a/b:v1");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->manifest_digest.ToString(), digest);
  EXPECT_EQ(image->manifest, SomeManifest("config"));
  const HttpRequest request = http.requests().at(0);
  ASSERT_EQ(request.headers.size(), 1);
  EXPECT_EQ(request.headers[0].first, "Accept");
  for (const char* type : {kOciManifestType, kOciIndexType, kDockerManifestType, kDockerListType}) {
    EXPECT_THAT(request.headers[0].second, HasSubstr(type));
  }
}

TEST_F(RegistryClientTest, ADigestGoesBeforeATag) {
  ServeManifest(manifest);
  const auto image = Resolve(absl::StrCat("reg:5000/a/b:v1@", digest));
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(http.requests().size(), 1);
}

TEST_F(RegistryClientTest, FollowsAnIndexToThePlatform) {
  Serve("manifests/v1", {.body = IndexOf(manifest, manifest.size())});
  ServeManifest(manifest);
  const auto image = Resolve("reg:5000/a/b:v1");
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->manifest_digest.ToString(), digest);
}

TEST_F(RegistryClientTest, AnIndexMayListAnIndexButNotForEver) {
  std::string document = manifest;
  for (int depth = 1; depth <= 4; ++depth) {
    ServeManifest(document);
    document = IndexOf(document, document.size());
    Serve("manifests/v1", {.body = document});
    const auto image = Resolve("reg:5000/a/b:v1");
    if (depth < 4) {
      EXPECT_TRUE(image.ok()) << image.status();
    } else {
      ExpectError(image.status(), absl::StatusCode::kInvalidArgument, "nested too deeply");
    }
  }
}

TEST_F(RegistryClientTest, OtherBytesThanTheDigestAskedFor) {
  Serve("manifests/" + digest, {.body = manifest + " "});
  const absl::Status status = Resolve("reg:5000/a/b@" + digest).status();
  EXPECT_TRUE(IsIntegrityError(status)) << status;
  ExpectError(status, absl::StatusCode::kDataLoss,
              "reg:5000: GET manifest a/b@" + digest + ": the bytes have digest");
}

TEST_F(RegistryClientTest, OtherBytesThanTheIndexPromised) {
  Serve("manifests/v1", {.body = IndexOf(manifest, manifest.size())});
  Serve("manifests/" + digest, {.body = ManifestJson(SomeManifest("evil"))});
  EXPECT_TRUE(IsIntegrityError(Resolve("reg:5000/a/b:v1").status()));
}

TEST_F(RegistryClientTest, AnotherSizeThanTheIndexSays) {
  Serve("manifests/v1", {.body = IndexOf(manifest, manifest.size() + 1)});
  ServeManifest(manifest);
  EXPECT_TRUE(IsIntegrityError(Resolve("reg:5000/a/b:v1").status()));
}

TEST_F(RegistryClientTest, OtherBytesThanTheRegistryClaims) {
  Serve("manifests/v1",
        {.headers = {{"docker-content-digest", Digest::Of("x").ToString()}}, .body = manifest});
  const absl::Status status = Resolve("reg:5000/a/b:v1").status();
  EXPECT_TRUE(IsIntegrityError(status)) << status;
  ExpectError(status, absl::StatusCode::kDataLoss, "Docker-Content-Digest");
}

TEST_F(RegistryClientTest, ErrorsSayWhereAndWhat) {
  ExpectError(Resolve("reg:5000/a/b:v1").status(), absl::StatusCode::kNotFound,
              "reg:5000: GET manifest a/b:v1: HTTP 404: not found");
  Serve("manifests/v1", {.status = 401});
  ExpectError(Resolve("reg:5000/a/b:v1").status(), absl::StatusCode::kUnauthenticated,
              "HTTP 401: credentials");
  Serve("manifests/v1", {.status = 503});
  ExpectError(Resolve("reg:5000/a/b:v1").status(), absl::StatusCode::kUnavailable, "HTTP 503");
  Serve("manifests/v1", {.status = 0, .end = absl::UnavailableError("cannot connect")});
  ExpectError(Resolve("reg:5000/a/b:v1").status(), absl::StatusCode::kUnavailable, "a/b:v1: cannot connect");
  Serve("manifests/v1", {.body = "<html>"});
  ExpectError(Resolve("reg:5000/a/b:v1").status(), absl::StatusCode::kInvalidArgument, "not a JSON object");
  Serve("manifests/v1", {.body = std::string(kMaxManifestBytes + 1, ' ')});
  ExpectError(Resolve("reg:5000/a/b:v1").status(), absl::StatusCode::kResourceExhausted, "longer than");
}

TEST_F(RegistryClientTest, APlatformThatIsNotThere) {
  Serve("manifests/v1", {.body = IndexOf(manifest, manifest.size())});
  const auto image = client.Resolve(repository, *ParseReference("reg:5000/a/b:v1"), {"linux", "s390x"});
  ExpectError(image.status(), absl::StatusCode::kNotFound, "its platforms: linux/amd64");
}

// Also with a registry that asks for patience.
TEST_F(RegistryClientTest, NoCallHangs) {
  Serve("manifests/v1", {.status = 503, .headers = {{"Retry-After", "600"}}});
  RegistryClient impatient(std::chrono::milliseconds(20));
  const auto image = impatient.Resolve(repository, *ParseReference("reg:5000/a/b:v1"), {"linux", "amd64"});
  EXPECT_THAT(std::string(image.status().message()), HasSubstr("reg:5000: GET manifest a/b:v1"));
}

TEST_F(RegistryClientTest, ReadsABlob) {
  const std::string config = "config";
  const RemoteBlob blob{repository, Digest::Of(config), config.size()};
  Serve("blobs/" + blob.digest.ToString(), {.body = config});
  EXPECT_EQ(*client.ReadBlob(blob, 6), config);
  ExpectError(client.ReadBlob(blob, 5).status(), absl::StatusCode::kInvalidArgument,
              "has 6 bytes, more than the 5");
}

TEST_F(RegistryClientTest, ABlobThatIsNotItself) {
  const std::string config = "config";
  const RemoteBlob blob{repository, Digest::Of(config), config.size()};
  for (const std::string body : {"confix", "confi", "config.", ""}) {
    Serve("blobs/" + blob.digest.ToString(), {.body = body});
    const absl::Status status = client.ReadBlob(blob, 100).status();
    EXPECT_TRUE(IsIntegrityError(status)) << body << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("reg:5000: GET blob a/b@sha256:"));
  }
}

// The explanation of an error may be longer than the blob.
TEST_F(RegistryClientTest, AnErrorForASmallBlobIsThatError) {
  const RemoteBlob blob{repository, Digest::Of("{}"), 2};
  ExpectError(client.ReadBlob(blob, 100).status(), absl::StatusCode::kNotFound, "HTTP 404");
}

}  // namespace
}  // namespace lacuna
