#include "registry/hosts_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "absl/strings/str_cat.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr char kHost[] = "registry.example:5000";

std::string Certificate(absl::string_view content) {
  return absl::StrCat("-----BEGIN CERTIFICATE-----\n", content, "\n-----END CERTIFICATE-----\n");
}

std::string Key(absl::string_view content) {
  return absl::StrCat("-----BEGIN PRIVATE KEY-----\n", content, "\n-----END PRIVATE KEY-----\n");
}

class HostsConfigTest : public testing::Test {
 protected:
  // Writes a file below the temporary folder, which stands for /etc.
  void Write(const std::string& path, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(etc_ / path).parent_path());
    std::ofstream(etc_ / path, std::ios::binary | std::ios::trunc) << content;
  }

  absl::StatusOr<HostsConfig> Load(absl::string_view host = kHost, bool plain_http = false) const {
    return LoadHostsConfig({etc_ / "first", etc_ / "second"}, host, plain_http);
  }

  std::vector<std::string> Urls(absl::string_view host = kHost, bool plain_http = false) const {
    const absl::StatusOr<HostsConfig> config = Load(host, plain_http);
    if (!config.ok()) return {config.status().ToString()};
    std::vector<std::string> urls;
    for (const RegistryEndpoint& endpoint : config->endpoints) urls.push_back(endpoint.base_url);
    return urls;
  }

  RegistryEndpoint OnlyEndpoint() const {
    const absl::StatusOr<HostsConfig> config = Load();
    EXPECT_TRUE(config.ok()) << config.status();
    if (!config.ok()) return {};
    EXPECT_EQ(config->endpoints.size(), 1);
    return config->endpoints.back();
  }

  std::string Error() const { return std::string(Load().status().message()); }

  const TempDir etc_;
};

TEST_F(HostsConfigTest, WithoutFoldersTheRegistryItselfAnswers) {
  EXPECT_EQ(OnlyEndpoint(), RegistryEndpoint{.base_url = "https://registry.example:5000/v2"});
  EXPECT_THAT(Urls(kHost, true), ElementsAre("http://registry.example:5000/v2"));
  EXPECT_THAT(Urls("localhost:5000"), ElementsAre("http://localhost:5000/v2"));
  EXPECT_THAT(Urls("docker.io"), ElementsAre("https://registry-1.docker.io/v2"));
  EXPECT_EQ(LoadHostsConfig({}, "ghcr.io", false)->endpoints[0].base_url, "https://ghcr.io/v2");
}

TEST_F(HostsConfigTest, MirrorsAreTriedInOrderAndThenTheServer) {
  Write("first/docker.io/hosts.toml", "[host.\"https://z.example\"]\n[host.\"https://a.example\"]\n");
  const absl::StatusOr<HostsConfig> config = Load("docker.io");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->endpoints,
              ElementsAre(RegistryEndpoint{.base_url = "https://z.example/v2", .is_mirror = true},
                          RegistryEndpoint{.base_url = "https://a.example/v2", .is_mirror = true},
                          RegistryEndpoint{.base_url = "https://registry-1.docker.io/v2"}));
}

TEST_F(HostsConfigTest, AServerOfAnotherNameIsAMirror) {
  Write("first/registry.example:5000/hosts.toml", "server = \"https://other.example:5000\"\n");
  EXPECT_TRUE(OnlyEndpoint().is_mirror);
  Write("first/registry.example:5000/hosts.toml", "server = \"http://Registry.example:5000/x\"\n");
  EXPECT_EQ(OnlyEndpoint(), RegistryEndpoint{.base_url = "http://Registry.example:5000/x/v2"});
}

TEST_F(HostsConfigTest, TheFirstFolderOfTheHostsOwnWins) {
  const auto server = [](const char* name) { return absl::StrCat("server = \"https://", name, "\"\n"); };
  Write("first/_default/hosts.toml", server("one"));
  EXPECT_THAT(Urls(), ElementsAre("https://one/v2"));
  Write("second/registry.example:5000/hosts.toml", server("two"));
  EXPECT_THAT(Urls(), ElementsAre("https://two/v2"));
  Write("second/registry.example_5000_/hosts.toml", server("three"));
  EXPECT_THAT(Urls(), ElementsAre("https://three/v2"));
  Write("first/registry.example:5000/hosts.toml", server("four"));
  EXPECT_THAT(Urls(), ElementsAre("https://four/v2"));
  EXPECT_THAT(Urls("registry.example"), ElementsAre("https://one/v2"));
}

TEST_F(HostsConfigTest, TheDefaultFolderLeavesTheServerToBeTheHost) {
  Write("second/_default/hosts.toml", "[host.\"https://mirror.example\"]\n");
  EXPECT_THAT(Urls(), ElementsAre("https://mirror.example/v2", "https://registry.example:5000/v2"));
  EXPECT_THAT(Urls(kHost, true), ElementsAre("https://mirror.example/v2", "http://registry.example:5000/v2"));
}

TEST_F(HostsConfigTest, HostsTomlSaysWhetherTlsIsSpoken) {
  Write("first/localhost/hosts.toml", "server = \"https://localhost\"\n");
  EXPECT_THAT(Urls("localhost"), ElementsAre("https://localhost/v2"));
  Write("first/registry.example:5000/hosts.toml", "server = \"https://registry.example:5000\"\n");
  EXPECT_THAT(Urls(kHost, true), ElementsAre("https://registry.example:5000/v2"));
}

TEST_F(HostsConfigTest, CertificatesAreReadRelativeToTheFolder) {
  Write("first/registry.example:5000/hosts.toml",
        absl::StrCat("ca = [\"ca.pem\", \"", etc_ / "absolute.pem", "\"]\n",
                     "client = [[\"keys/client.cert\", \"keys/client.key\"]]\n"));
  Write("first/registry.example:5000/ca.pem", Certificate("one"));
  Write("absolute.pem", Certificate("two"));
  Write("first/registry.example:5000/keys/client.cert", Certificate("client"));
  Write("first/registry.example:5000/keys/client.key", Key("secret"));
  const TlsSettings tls = OnlyEndpoint().tls;
  EXPECT_EQ(tls.ca_pem, Certificate("one") + "\n" + Certificate("two") + "\n");
  EXPECT_EQ(tls.client_certificate_pem, Certificate("client"));
  EXPECT_EQ(tls.client_key_pem, Key("secret"));
}

TEST_F(HostsConfigTest, OneFileMayHoldCertificateAndKey) {
  Write("first/registry.example:5000/hosts.toml", "client = \"both.pem\"\n");
  Write("first/registry.example:5000/both.pem", Certificate("client") + Key("secret"));
  const TlsSettings tls = OnlyEndpoint().tls;
  EXPECT_EQ(tls.client_certificate_pem, Certificate("client") + Key("secret"));
  EXPECT_EQ(tls.client_key_pem, Certificate("client") + Key("secret"));
}

TEST_F(HostsConfigTest, DockersCertificatesCountWithoutHostsToml) {
  Write("first/registry.example:5000/b.crt", Certificate("b"));
  Write("first/registry.example:5000/a.crt", Certificate("a"));
  Write("first/registry.example:5000/one.cert", Certificate("one"));
  Write("first/registry.example:5000/one.key", Key("one"));
  Write("first/registry.example:5000/two.cert", Certificate("two"));
  Write("first/registry.example:5000/folder.crt/file", "");
  const RegistryEndpoint expected{.base_url = "https://registry.example:5000/v2",
                                  .tls = {.ca_pem = Certificate("a") + "\n" + Certificate("b") + "\n",
                                          .client_certificate_pem = Certificate("one"),
                                          .client_key_pem = Key("one")}};
  EXPECT_EQ(OnlyEndpoint(), expected);
  Write("first/registry.example:5000/hosts.toml", "");
  EXPECT_EQ(OnlyEndpoint(), expected);
  Write("first/registry.example:5000/hosts.toml", "# nothing\n");
  EXPECT_EQ(OnlyEndpoint().tls, TlsSettings());
}

TEST_F(HostsConfigTest, ErrorsNameTheFileAndNoSecret) {
  const std::string folder = "first/registry.example:5000/";
  Write(folder + "hosts.toml", "\nca = 1\n");
  EXPECT_THAT(Error(), HasSubstr(absl::StrCat(etc_ / folder, "hosts.toml:2: ca: ")));
  Write(folder + "hosts.toml", "ca = \"ca.pem\"\n");
  EXPECT_THAT(Error(), HasSubstr(etc_ / folder + "ca.pem"));
  Write(folder + "ca.pem", "garbage");
  EXPECT_THAT(Error(), HasSubstr(etc_ / folder + "ca.pem holds no CERTIFICATE in PEM form"));
  Write(folder + "ca.pem", std::string((1 << 20) + 1, ' '));
  EXPECT_THAT(Error(), HasSubstr("larger than 1 MiB"));
  Write(folder + "hosts.toml", "client = [[\"c.cert\", \"c.key\"]]\n");
  Write(folder + "c.cert", Certificate("c"));
  Write(folder + "c.key", "SECRET");
  EXPECT_THAT(Error(),
              AllOf(HasSubstr(etc_ / folder + "c.key holds no PRIVATE KEY"), Not(HasSubstr("SECRET"))));
  Write(folder + "hosts.toml", "client = \"c.cert\"\n");
  EXPECT_THAT(Error(), HasSubstr(etc_ / folder + "c.cert holds no PRIVATE KEY"));
}

TEST_F(HostsConfigTest, AFileInPlaceOfTheFolderIsAnError) {
  Write("first/registry.example:5000", "");
  EXPECT_THAT(Error(), HasSubstr("first/registry.example:5000 is not a folder"));
}

TEST_F(HostsConfigTest, AHostIsNoPath) {
  for (const char* host : {"", ".", "..", "../x", "a/b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Load(host).status())) << host;
  }
}

// What may happen to the files, one after the other; each is to be noticed, and nothing else is.
TEST_F(HostsConfigTest, EveryChangeOfWhatWasLookedAtIsNoticed) {
  const std::string folder = "first/registry.example:5000/";
  const std::function<void()> steps[] = {
      [&] { Write("second/_default/hosts.toml", "[host.m]\n"); },
      [&] { Write("second/_default/hosts.toml", "[host.longer]\n"); },
      [&] { Write("second/registry.example_5000_/hosts.toml", "ca = \"../ca.pem\"\n"); },
      [&] { Write("second/ca.pem", Certificate("two")); },
      [&] { std::filesystem::remove(etc_ / "second/registry.example_5000_/hosts.toml"); },
      [&] { Write(folder + "ca.crt", Certificate("one")); },
      [&] { Write(folder + "ca.crt", Certificate("three")); },
      [&] { Write(folder + "other.crt", Certificate("other")); },
      [&] { Write(folder + "hosts.toml", "server = \"https://m\"\n"); },
      [&] { std::filesystem::remove_all(etc_ / folder); },
  };
  Write("second/ca.pem", Certificate("x"));
  for (size_t i = 0; i < std::size(steps); ++i) {
    const absl::StatusOr<HostsConfig> config = Load();
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_FALSE(Changed(*config)) << "before step " << i;
    steps[i]();
    EXPECT_TRUE(Changed(*config)) << "step " << i;
  }
}

}  // namespace
}  // namespace lacuna
