// Registries: configuration on disk, noticed when it changes, and what is shared between registries.
#include "registry/registries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "registry/blocking_send.h"
#include "registry/url.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_http.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RegistriesTest : public ::testing::Test {
 protected:
  void WriteHosts(const std::string& host, const std::string& toml) {
    std::filesystem::create_directories(dir.path() + "/" + host);
    std::ofstream(dir.path() + "/" + host + "/hosts.toml") << toml;
  }
  std::string HostAsked(Registry& registry) {
    BlockingSend(registry, {.path = "a/blobs/x"}, 100).status().IgnoreError();
    return std::string(UrlHost(http.requests().back().url));
  }

  TempDir dir;
  FakeClock clock;
  FakeHttp http{[](const HttpRequest&) { return FakeAnswer{.body = "fine"}; }};
  Registries registries{
      http, clock, {.certs_dirs = {dir.path()}, .credentials = {.auth_file = "/nonexistent/auth.json"}}};
};

TEST_F(RegistriesTest, OnePerHostUnlessItHasItsOwnCredentials) {
  const auto one = *registries.Get("reg.example", false);
  EXPECT_EQ(one, *registries.Get("reg.example", false));
  EXPECT_NE(one, *registries.Get("reg.example", true));
  EXPECT_NE(one, *registries.Get("reg.example", false, "me:pw"));
  EXPECT_NE(one, *registries.Get("other.example", false));
}

TEST_F(RegistriesTest, AWrongConfigurationIsAnErrorWithItsLine) {
  WriteHosts("reg.example", "server = \"https://reg.example\"\nmirrors = 1\n");
  EXPECT_THAT(std::string(registries.Get("reg.example", false).status().message()),
              HasSubstr("hosts.toml:2"));
}

TEST_F(RegistriesTest, AnEditIsNoticedWhileInUseAndAMistakeChangesNothing) {
  const auto registry = *registries.Get("reg.example", false);
  EXPECT_EQ(HostAsked(*registry), "reg.example");
  const auto eventually = [&](const std::string& host) {
    for (int i = 0; i < 1000; ++i) {
      clock.Advance(std::chrono::seconds(1));
      if (HostAsked(*registry) == host) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return false;
  };
  WriteHosts("reg.example", "[host.\"https://mirror.example\"]\n");
  EXPECT_TRUE(eventually("mirror.example"));
  WriteHosts("reg.example", "[host.\"https://mirror");
  for (int i = 0; i < 20; ++i) {
    clock.Advance(std::chrono::seconds(1));
    EXPECT_EQ(HostAsked(*registry), "mirror.example");
  }
  std::filesystem::remove_all(dir.path() + "/reg.example");
  EXPECT_TRUE(eventually("reg.example"));
}

TEST_F(RegistriesTest, AfterStopEverythingIsCancelled) {
  const auto registry = *registries.Get("reg.example", false);
  registries.Stop();
  EXPECT_TRUE(absl::IsCancelled(BlockingSend(*registry, {.path = "a/blobs/x"}, 100).status()));
}

TEST(CertsDirs, AreSplitAsContainerdDoes) {
  EXPECT_THAT(SplitCertsDirs("/a:/b"), ElementsAre("/a", "/b"));
  EXPECT_THAT(SplitCertsDirs(""), ElementsAre());
}

}  // namespace
}  // namespace lacuna
