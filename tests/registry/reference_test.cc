#include "registry/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

using ::testing::HasSubstr;

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

std::string Canonical(absl::string_view text) {
  const absl::StatusOr<Reference> reference = ParseReference(text);
  return reference.ok() ? ToString(*reference) : reference.status().ToString();
}

std::string Error(absl::string_view text) {
  const absl::StatusOr<Reference> reference = ParseReference(text);
  if (reference.ok()) return absl::StrCat("accepted as ", ToString(*reference));
  EXPECT_EQ(reference.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(reference.status().message());
}

TEST(Reference, DockersShortNames) {
  EXPECT_EQ(Canonical("debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(Canonical("debian:12"), "docker.io/library/debian:12");
  EXPECT_EQ(Canonical("grafana/loki"), "docker.io/grafana/loki:latest");
  EXPECT_EQ(Canonical("docker.io/debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(Canonical("index.docker.io/a/b"), "docker.io/a/b:latest");
  EXPECT_EQ(Canonical("registry-1.docker.io/debian"), "docker.io/library/debian:latest");
  EXPECT_EQ(Canonical("localhost"), "docker.io/library/localhost:latest");
  EXPECT_EQ(Canonical("localhost:5000"), "docker.io/library/localhost:5000");
}

TEST(Reference, HostsAndPorts) {
  EXPECT_EQ(Canonical("localhost/x"), "localhost/x:latest");
  EXPECT_EQ(Canonical("localhost:5000/x"), "localhost:5000/x:latest");
  EXPECT_EQ(Canonical("127.0.0.1:5000/a/b/c:v1"), "127.0.0.1:5000/a/b/c:v1");
  EXPECT_EQ(Canonical("ghcr.io/o/app:v1.2-rc_3"), "ghcr.io/o/app:v1.2-rc_3");
  EXPECT_EQ(Canonical("[::1]:5000/x"), "[::1]:5000/x:latest");
  EXPECT_EQ(Canonical("[2001:db8::1]/x:y"), "[2001:db8::1]/x:y");
  EXPECT_EQ(Canonical("HOST/x"), "HOST/x:latest");
}

TEST(Reference, TagsAndDigests) {
  EXPECT_EQ(Canonical("debian@" + kDigest), "docker.io/library/debian@" + kDigest);
  EXPECT_EQ(Canonical("localhost:5000/x:1@" + kDigest), "localhost:5000/x:1@" + kDigest);
  EXPECT_EQ(ParseReference("x:1@" + kDigest)->TagOrDigest(), kDigest);
  EXPECT_EQ(ParseReference("x:1")->TagOrDigest(), "1");
  EXPECT_EQ(Canonical("x:" + std::string(128, 't')), "docker.io/library/x:" + std::string(128, 't'));
}

TEST(Reference, PathComponentsFollowTheGrammar) {
  EXPECT_EQ(Canonical("a.b/c-d/e__f/g---h/i_j"), "a.b/c-d/e__f/g---h/i_j:latest");
  for (const char* bad :
       {"a.b/-c", "a.b/c-", "a.b/c..d", "a.b/c___d", "a.b/c.-d", "a.b//c", "a.b/c/", "a.b/_c"}) {
    EXPECT_THAT(Error(bad), HasSubstr("lower-case")) << bad;
  }
}

TEST(Reference, ErrorsSayWhatAndWhere) {
  EXPECT_THAT(Error(""), HasSubstr("empty"));
  EXPECT_THAT(Error("Debian"), HasSubstr("'Debian' in the repository is not lower-case"));
  EXPECT_THAT(Error("https://ghcr.io/x"), HasSubstr("no scheme"));
  EXPECT_THAT(Error("a b"), HasSubstr("printable"));
  EXPECT_THAT(Error("x\n"), HasSubstr("printable"));
  EXPECT_THAT(Error("x:"), HasSubstr("is not a tag"));
  EXPECT_THAT(Error("x:.y"), HasSubstr("is not a tag"));
  EXPECT_THAT(Error("x:" + std::string(129, 't')), HasSubstr("is not a tag"));
  EXPECT_THAT(Error("x@sha256:123"), HasSubstr("is not a digest"));
  EXPECT_THAT(Error("x@sha256:" + std::string(64, 'A')), HasSubstr("is not a digest"));
  EXPECT_THAT(Error("x@" + kDigest + "@" + kDigest), HasSubstr("is not a digest"));
  EXPECT_THAT(Error(kHex), HasSubstr("64 hex digits"));
  EXPECT_THAT(Error("localhost:5000/"), HasSubstr("repository is missing"));
  EXPECT_THAT(Error("h.x:0/y"), HasSubstr("is not a port"));
  EXPECT_THAT(Error("h.x:65536/y"), HasSubstr("is not a port"));
  EXPECT_THAT(Error("h.x:+1/y"), HasSubstr("is not a port"));
  EXPECT_THAT(Error("h.x:/y"), HasSubstr("is not a port"));
  EXPECT_THAT(Error("[::g]/y"), HasSubstr("IPv6"));
  EXPECT_THAT(Error("[::1/y"), HasSubstr("IPv6"));
  EXPECT_THAT(Error("h..x/y"), HasSubstr("host name"));
  EXPECT_THAT(Error("user@h.x/y"), HasSubstr("is not a digest"));
  EXPECT_THAT(Error("h.x?q/y"), HasSubstr("host name"));
}

TEST(Reference, LengthsAreBounded) {
  EXPECT_EQ(Canonical("a.b/" + std::string(255, 'r')), "a.b/" + std::string(255, 'r') + ":latest");
  EXPECT_THAT(Error("a.b/" + std::string(256, 'r')), HasSubstr("longer than 255"));
  EXPECT_THAT(Error(std::string(250, 'h') + ".com/x"), HasSubstr("longer than 253"));
  EXPECT_THAT(Error(std::string(1 << 20, 'r')), HasSubstr("too long"));
  EXPECT_LT(Error(std::string(1 << 20, '\x01')).size(), 1200);
}

TEST(Reference, CanonicalFormParsesToItself) {
  for (const std::string text : {"debian", "localhost:5000/x", "[::1]:1/a/b:c"}) {
    const absl::StatusOr<Reference> once = ParseReference(text);
    ASSERT_TRUE(once.ok());
    const absl::StatusOr<Reference> twice = ParseReference(ToString(*once));
    ASSERT_TRUE(twice.ok());
    EXPECT_EQ(*once, *twice);
  }
}

std::string Url(absl::string_view text, bool plain_http = false) {
  return BaseUrl(*ParseReference(text), plain_http);
}

TEST(BaseUrl, IsHttpsExceptForLoopbackOrWhenAsked) {
  EXPECT_EQ(Url("debian"), "https://registry-1.docker.io");
  EXPECT_EQ(Url("ghcr.io/x/y"), "https://ghcr.io");
  EXPECT_EQ(Url("ghcr.io/x/y", true), "http://ghcr.io");
  EXPECT_EQ(Url("localhost:5000/x"), "http://localhost:5000");
  EXPECT_EQ(Url("127.9.8.7:5000/x"), "http://127.9.8.7:5000");
  EXPECT_EQ(Url("[::1]:5000/x"), "http://[::1]:5000");
  EXPECT_EQ(Url("[::2]:5000/x"), "https://[::2]:5000");
  EXPECT_EQ(Url("128.0.0.1:5000/x"), "https://128.0.0.1:5000");
  EXPECT_EQ(Url("127.0.0.1.example.com/x"), "https://127.0.0.1.example.com");
  EXPECT_EQ(Url("localhost.example.com/x"), "https://localhost.example.com");
}

}  // namespace
}  // namespace lacuna
