#include "registry/hosts_toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

HostsFile Parsed(absl::string_view text) {
  const absl::StatusOr<HostsFile> file = ParseHostsToml(text, "hosts.toml");
  EXPECT_TRUE(file.ok()) << file.status() << "\n" << text;
  return file.value_or(HostsFile());
}

HostsFile::Host OnlyHost(absl::string_view text) {
  const HostsFile file = Parsed(text);
  EXPECT_EQ(file.hosts.size(), 1) << text;
  return file.hosts.empty() ? HostsFile::Host() : file.hosts[0];
}

std::vector<std::string> UrlsOf(const HostsFile& file) {
  std::vector<std::string> urls;
  for (const HostsFile::Host& host : file.hosts) urls.push_back(host.endpoint.base_url);
  return urls;
}

std::string ErrorOf(absl::string_view text) {
  const absl::StatusOr<HostsFile> file = ParseHostsToml(text, "hosts.toml");
  EXPECT_TRUE(absl::IsInvalidArgument(file.status())) << file.status() << "\n" << text;
  return std::string(file.status().message());
}

TEST(HostsToml, AnEmptyFileMeansTheRegistryItself) {
  const HostsFile file = Parsed("");
  EXPECT_THAT(file.hosts, IsEmpty());
  EXPECT_EQ(file.server, HostsFile::Host());
  EXPECT_EQ(Parsed("server = \"\"").server, HostsFile::Host());
}

TEST(HostsToml, EveryKeyReachesItsField) {
  const HostsFile::Host host = OnlyHost(R"(
[host."https://mirror.example/v2/hub"]
capabilities = ["pull"]
ca = ["a.pem", "/etc/b.pem"]
client = [["c.cert", "c.key"], ["d.pem", ""]]
skip_verify = true
override_path = true
dial_timeout = "2s"
[host."https://mirror.example/v2/hub".header]
x-one = "1"
x-two = ["2", "3"]
)");
  HostsFile::Host expected;
  expected.endpoint = {.base_url = "https://mirror.example/v2/hub",
                       .can_pull = true,
                       .can_resolve = false,
                       .can_push = false,
                       .headers = {{"x-one", "1"}, {"x-two", "2"}, {"x-two", "3"}},
                       .tls = {.skip_verify = true},
                       .dial_timeout = std::chrono::seconds(2)};
  expected.ca = {"a.pem", "/etc/b.pem"};
  expected.client = {"c.cert", "c.key"};
  EXPECT_EQ(host, expected);
}

TEST(HostsToml, KeysAtTheRootAreTheServers) {
  const HostsFile file = Parsed(R"(
server = "https://registry.example/x"
capabilities = ["Pull", "RESOLVE", "referrers"]
ca = "ca.pem"
override_path = true
[host.mirror]
[header]
x-token = "t"
)");
  EXPECT_EQ(file.server.endpoint.base_url, "https://registry.example/x");
  EXPECT_TRUE(file.server.endpoint.can_pull);
  EXPECT_TRUE(file.server.endpoint.can_resolve);
  EXPECT_FALSE(file.server.endpoint.can_push);
  EXPECT_THAT(file.server.endpoint.headers, ElementsAre(Pair("x-token", "t")));
  EXPECT_THAT(file.server.ca, ElementsAre("ca.pem"));
  ASSERT_THAT(UrlsOf(file), ElementsAre("https://mirror/v2"));
  EXPECT_EQ(file.hosts[0].endpoint, RegistryEndpoint{.base_url = "https://mirror/v2"});
  EXPECT_THAT(file.hosts[0].ca, IsEmpty());
}

TEST(HostsToml, HostsAreInTheOrderOfTheFile) {
  const HostsFile file = Parsed(R"(
[host."https://z.example".header]
x = "1"
[host."https://b.example"]
[host."https://z.example"]
[host."https://a.example"]
  [host."https://a.example".header]
[host."https://c.example".header]
)");
  EXPECT_THAT(UrlsOf(file), ElementsAre("https://z.example/v2", "https://b.example/v2",
                                        "https://a.example/v2", "https://c.example/v2"));
  EXPECT_THAT(UrlsOf(Parsed("host.b.ca = \"x\"\nhost.a = {}\n")),
              ElementsAre("https://b/v2", "https://a/v2"));
  EXPECT_THAT(UrlsOf(Parsed("host = { b = {}, a = {} }")), ElementsAre("https://b/v2", "https://a/v2"));
}

TEST(HostsToml, NoCapabilitiesMeanAllOfThem) {
  for (const char* text : {"[host.m]", "[host.m]\ncapabilities = []"}) {
    const RegistryEndpoint endpoint = OnlyHost(text).endpoint;
    EXPECT_TRUE(endpoint.can_pull && endpoint.can_resolve && endpoint.can_push) << text;
  }
  const RegistryEndpoint push = OnlyHost("[host.m]\ncapabilities = [\"push\"]").endpoint;
  EXPECT_TRUE(push.can_push && !push.can_pull && !push.can_resolve);
}

TEST(HostsToml, AClientInAnyOfItsForms) {
  using Client = HostsFile::ClientFiles;
  const auto client = [](const std::string& value) { return Parsed("client = " + value).server.client; };
  EXPECT_EQ(client("\"a.pem\""), (Client{"a.pem", ""}));
  EXPECT_EQ(client("[\"a.pem\", \"b.pem\"]"), (Client{"a.pem", ""}));
  EXPECT_EQ(client("[[\"a.cert\", \"a.key\"], \"b.pem\"]"), (Client{"a.cert", "a.key"}));
  EXPECT_EQ(client("[[\"a.pem\", \"\"]]"), (Client{"a.pem", ""}));
  EXPECT_EQ(client("[]"), std::nullopt);
}

TEST(HostsToml, ATimeoutOfNothingIsNone) {
  EXPECT_EQ(Parsed("dial_timeout = \"\"").server.endpoint.dial_timeout, std::nullopt);
  EXPECT_EQ(Parsed("dial_timeout = \"0s\"").server.endpoint.dial_timeout, std::nullopt);
  EXPECT_EQ(Parsed("dial_timeout = \"1.5s\"").server.endpoint.dial_timeout, std::chrono::milliseconds(1500));
}

TEST(HostsToml, ErrorsNameTheLineAndTheKey) {
  const struct {
    const char* text;
    const char* error;
  } cases[] = {
      {"\nmirror = 1",
       "hosts.toml:2: unknown key 'mirror'; known here: capabilities, ca, client, skip_verify, "
       "header, override_path, dial_timeout, server, [host.\"URL\"]"},
      {"[host.m]\n\nserver = \"x\"",
       "hosts.toml:3: unknown key 'server'; known here: capabilities, ca, client, "
       "skip_verify, header, override_path, dial_timeout"},
      {"[host.m]\n[host.m.host.n]", "hosts.toml:2: unknown key 'host'; known"},
      {"\"a\\u001bb\" = 1", "hosts.toml:1: unknown key 'a\\x1bb'; known"},
      {"server = 1", "hosts.toml:1: server: expected a string in quotes"},
      {"\nserver = \"ftp://x\"", "hosts.toml:2: server: the URL is neither http nor https"},
      {"host = 1", "hosts.toml:1: write hosts as [host.\"URL\"]"},
      {"[host]\nm = \"x\"", "hosts.toml:2: write hosts as [host.\"URL\"]"},
      {"[[host.m]]", "hosts.toml:1: write hosts as [host.\"URL\"]"},
      {"\n[host.\"ftp://x\"]", "hosts.toml:2: [host.\"URL\"]: the URL is neither http nor https"},
      {"[host.m]\nskip_verify = 1", "hosts.toml:2: skip_verify: expected true or false"},
      {"override_path = \"yes\"", "hosts.toml:1: override_path: expected true or false"},
      {"capabilities = \"pull\"", "hosts.toml:1: capabilities: expected an array, for example [\"pull\"]"},
      {"capabilities = [\"pul\"]",
       "hosts.toml:1: capabilities: expected \"pull\", \"resolve\", \"push\" or \"referrers\""},
      {"capabilities = [1]", "hosts.toml:1: capabilities: expected a string in quotes"},
      {"ca = 1", "hosts.toml:1: ca: expected a string in quotes or an array of them"},
      {"ca = \"\"", "hosts.toml:1: ca: expected the path of a file"},
      {"ca = [\"a\\u0000b\"]", "hosts.toml:1: ca: expected the path of a file"},
      {"client = 1", "hosts.toml:1: client: expected a string in quotes or an array of them"},
      {"client = [[\"a\"]]", "hosts.toml:1: client: expected [\"CERTIFICATE\", \"KEY\"], two paths"},
      {"client = [[\"a\", \"b\", \"c\"]]",
       "hosts.toml:1: client: expected [\"CERTIFICATE\", \"KEY\"], two paths"},
      {"client = [\"a\", [\"\", \"b\"]]", "hosts.toml:1: client: expected the path of a file"},
      {"client = \"\"", "hosts.toml:1: client: expected the path of a file"},
      {"header = 1", "hosts.toml:1: header: expected a table of NAME = \"value\""},
      {"[header]\nx = 1", "hosts.toml:1: header: x: expected a string in quotes or an array of them"},
      {"dial_timeout = 2", "hosts.toml:1: dial_timeout: expected a string in quotes"},
      {"dial_timeout = \"2\"", "hosts.toml:1: dial_timeout: '2' is not a duration; write for example"},
      {"\nserver = ", "hosts.toml:2: Error while parsing key-value pair, column "},
      {"ca = \"\xff\"", "hosts.toml:1: "},
  };
  for (const auto& expected : cases) EXPECT_THAT(ErrorOf(expected.text), HasSubstr(expected.error));
}

// toml++ would run out of stack.
TEST(HostsToml, DeepNestingIsAnErrorAndNoCrash) {
  const std::string deep = absl::StrJoin(std::vector<std::string>(500'000, "a"), ".");
  EXPECT_EQ(ErrorOf("\n" + deep + " = 1"), "hosts.toml:2: more than 256 dots in one line");
  EXPECT_EQ(ErrorOf("[" + deep + "]"), "hosts.toml:1: more than 256 dots in one line");
  EXPECT_THAT(ErrorOf(std::string(100'000, '[')), HasSubstr("hosts.toml:1: "));
}

TEST(HostsToml, ErrorsRepeatNoSecret) {
  for (const char* text : {
           "[header]\nAuthorization = \"Bearer SECRET\\r\\nX: y\"",
           "[header]\n\"Authorization: Bearer SECRET\" = \"x\"",
           "[header]\nAuthorization = [\"SECRET\", 1]",
           "[header]\nAuthorization = Bearer SECRET",
           "[header]\nAuthorization = SECRET",
           "[header]\nAuthorization = \"SECRET",
           "[header]\nx-token = 1234567890123456789012345SECRET",
           "[host.\"https://user:SECRET@mirror.example\"]",
           "[host.\"https://user:SECRET@mirror.example\"]\n[host.\"https://user:SECRET@mirror.example\"]",
           "[host.\"https://mirror.example?token=SECRET\"]\nskip_verify = 1",
           "server = \"https://user:SECRET@mirror.example\"",
       }) {
    EXPECT_THAT(ErrorOf(text), Not(HasSubstr("SECRET")));
  }
  EXPECT_THAT(ErrorOf("[header]\nx-token = 99999999999999999999"), Not(HasSubstr("9999")));
}

}  // namespace
}  // namespace lacuna
