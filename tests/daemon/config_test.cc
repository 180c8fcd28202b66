#include "daemon/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/duration.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string ErrorOf(absl::string_view text) {
  const absl::StatusOr<Config> config = ParseConfig(text, "lacunad.toml");
  EXPECT_TRUE(config.ok() || absl::IsInvalidArgument(config.status())) << config.status();
  return std::string(config.status().message());
}

TEST(Config, AnEmptyFileMeansTheDefaults) {
  const absl::StatusOr<Config> config = ParseConfig("", "lacunad.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, Config());
}

TEST(Config, EveryKeyReachesItsField) {
  const absl::StatusOr<Config> config = ParseConfig(R"(
[daemon]
root = "/srv/root"
run = "/srv/run"
[door]
kind = "fuse"
fuse_loop = true
[fetch]
read_deadline = "500ms"
failure_memory = "0s"
connect_timeout = "3s"
stall_timeout = "2m"
demand_connections = 7
prefetch_connections = 3
min_bytes_per_second = 0
requests_per_second = 50
certs_dirs = "/a:/b"
auth_file = "/srv/auth.json"
[cache]
commit_interval = "10ms"
[index]
trust = "none"
[registry."registry.example:5000"]
plain_http = true
index_trust = "all"
username = "me"
password_file = "/srv/password"
credential_helper = "pass"
[registry.localhost]
[log]
level = "debug"
)",
                                                    "lacunad.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  Config expected;
  expected.daemon = {.root = "/srv/root", .run = "/srv/run"};
  expected.door = {.kind = "fuse", .fuse_loop = true};
  expected.fetch = {.read_deadline = milliseconds(500),
                    .failure_memory = seconds(0),
                    .connect_timeout = seconds(3),
                    .stall_timeout = minutes(2),
                    .min_bytes_per_second = 0,
                    .demand_connections = 7,
                    .prefetch_connections = 3,
                    .requests_per_second = 50,
                    .certs_dirs = "/a:/b",
                    .auth_file = "/srv/auth.json"};
  expected.cache.commit_interval = milliseconds(10);
  expected.index.trust = "none";
  expected.registries = {{"registry.example:5000",
                          {.plain_http = true,
                           .index_trust = "all",
                           .username = "me",
                           .password_file = "/srv/password",
                           .credential_helper = "pass"}},
                         {"localhost", {}}};
  expected.log.level = "debug";
  EXPECT_EQ(*config, expected);
}

TEST(Config, AnUnknownKeyIsNamedWithItsLineAndTheKnownOnes) {
  EXPECT_EQ(ErrorOf("[log]\nlevel = \"info\"\n\n[door]\n# c\nfuse_lop = true\n"),
            "lacunad.toml:6: unknown key 'door.fuse_lop'; known here: kind, fuse_loop");
  EXPECT_EQ(ErrorOf("[registry.\"a:5000\"]\nhttp = true"),
            "lacunad.toml:2: unknown key 'registry.\"a:5000\".http'; known here: plain_http, "
            "index_trust, username, password_file, credential_helper");
}

TEST(Config, AnUnknownTableIsNamedWithItsLine) {
  EXPECT_THAT(ErrorOf("\n[fech]\nread_deadline = \"1s\"\n"),
              testing::StartsWith("lacunad.toml:2: unknown table '[fech]'; known here: [daemon], [door]"));
  EXPECT_THAT(ErrorOf("\n\nroot = \"/x\"\n"), testing::StartsWith("lacunad.toml:3: unknown key 'root'"));
  EXPECT_THAT(ErrorOf("door = true"), testing::StartsWith("lacunad.toml:1: unknown key 'door'"));
  EXPECT_THAT(ErrorOf("[[door]]\n"), testing::StartsWith("lacunad.toml:1: unknown key 'door'"));
}

struct BadValue {
  const char* text;
  const char* error;
};
class ConfigBadValue : public testing::TestWithParam<BadValue> {};

TEST_P(ConfigBadValue, IsRefusedWithItsLine) {
  EXPECT_EQ(ErrorOf(GetParam().text), absl::StrCat("lacunad.toml:2: ", GetParam().error));
}

constexpr char kDurationWanted[] =
    "fetch.read_deadline: expected a duration in quotes, for example \"30s\", \"500ms\" or \"2m\"";

INSTANTIATE_TEST_SUITE_P(
    All, ConfigBadValue,
    testing::Values(
        BadValue{"[fetch]\nread_deadline = 30", kDurationWanted},
        BadValue{"[fetch]\nread_deadline = true", kDurationWanted},
        BadValue{"[fetch]\nread_deadline = \"30\"",
                 "fetch.read_deadline: '30' is not a duration; write for example 30s, 500ms or 2m"},
        BadValue{"[fetch]\nread_deadline = \"-5s\"",
                 "fetch.read_deadline: '-5s' is not a duration; write for example 30s, 500ms or 2m"},
        BadValue{"[fetch]\nread_deadline = \"inf\"",
                 "fetch.read_deadline: 'inf' is not a duration; write for example 30s, 500ms or 2m"},
        BadValue{"[fetch]\nread_deadline = \"1ms\"",
                 "fetch.read_deadline: expected a duration from 100ms to 1h"},
        BadValue{"[fetch]\nstall_timeout = \"61m\"",
                 "fetch.stall_timeout: expected a duration from 100ms to 1h"},
        BadValue{"[fetch]\ndemand_connections = 0",
                 "fetch.demand_connections: expected a whole number from 1 to 1024"},
        BadValue{"[fetch]\ndemand_connections = 4294967297",
                 "fetch.demand_connections: expected a whole number from 1 to 1024"},
        BadValue{"[fetch]\nprefetch_connections = 2.5",
                 "fetch.prefetch_connections: expected a whole number from 1 to 1024"},
        BadValue{"[fetch]\nrequests_per_second = -1",
                 "fetch.requests_per_second: expected a whole number from 0 to 1000000"},
        BadValue{"[fetch]\ncerts_dirs = \"/a:b\"", "fetch.certs_dirs: expected an absolute path"},
        BadValue{"[index]\ntrust = \"some\"", "index.trust: expected \"tag\", \"all\" or \"none\""},
        BadValue{"[registry.\"h\"]\nindex_trust = \"x\"",
                 "registry.\"h\".index_trust: expected \"tag\", \"all\" or \"none\""},
        BadValue{"[fetch]\nauth_file = \"auth.json\"", "fetch.auth_file: expected an absolute path"},
        BadValue{"[registry.a]\nusername = \"a:b\"",
                 "registry.\"a\".username: expected a user name, without colon"},
        BadValue{"\n[registry.a]\nusername = \"me\"",
                 "[registry.\"a\"]: username and password_file go together"},
        BadValue{
            "[registry.a]\ncredential_helper = \"../x\"",
            "registry.\"a\".credential_helper: expected what follows \"docker-credential-\" in the helper's "
            "name, such as \"pass\""},
        BadValue{"[cache]\ncommit_interval = \"0s\"",
                 "cache.commit_interval: expected a duration from 10ms to 1h"},
        BadValue{"[daemon]\nroot = \"relative\"", "daemon.root: expected an absolute path"},
        BadValue{"[daemon]\nrun = \"\"", "daemon.run: expected an absolute path"},
        BadValue{"[daemon]\nrun = 1", "daemon.run: expected a string in quotes"},
        BadValue{"[door]\nfuse_loop = \"yes\"", "door.fuse_loop: expected true or false"},
        BadValue{"[door]\nkind = \"fanotify\"", "door.kind: expected \"auto\", \"cachefiles\" or \"fuse\""},
        BadValue{"[log]\nlevel = \"loud\"",
                 "log.level: expected \"debug\", \"info\", \"warning\" or \"error\""},
        BadValue{"[registry]\nplain_http = true", "write registries as [registry.\"HOST\"]"},
        BadValue{"\n[registry.\"https://a\"]",
                 "[registry.\"https://a\"]: expected a host as a reference has it, for example "
                 "registry.example or registry.example:5000"}));

TEST(Config, ASyntaxErrorIsNamedWithItsLine) {
  EXPECT_THAT(ErrorOf("[log]\nlevel = \n"), testing::StartsWith("lacunad.toml:2: "));
  EXPECT_THAT(ErrorOf("[log]\nlevel = \"info\"\nlevel = \"debug\"\n"),
              testing::StartsWith("lacunad.toml:3: "));
  EXPECT_THAT(ErrorOf(std::string("[log]\n\xff = 1\n")), testing::HasSubstr("utf-8"));
  EXPECT_NE(ErrorOf(std::string(100000, '[')), "");
}

TEST(Config, AFileThatIsNamedMustBeThere) {
  const absl::StatusOr<Config> config = LoadConfig("/nonexistent/lacunad.toml");
  EXPECT_TRUE(absl::IsNotFound(config.status()));
  EXPECT_EQ(config.status().message(),
            "configuration: open /nonexistent/lacunad.toml: No such file or directory");
}

TEST(Config, AFolderOrAHugeFileIsRefused) {
  EXPECT_FALSE(LoadConfig("/").ok());
  EXPECT_THAT(std::string(LoadConfig("/dev/zero").status().message()),
              testing::HasSubstr("larger than 1 MiB"));
}

TEST(Config, TheDefaultFileMayBeAbsent) {
  if (access(kDefaultConfigPath, F_OK) == 0) GTEST_SKIP() << "this host has a " << kDefaultConfigPath;
  const absl::StatusOr<Config> config = LoadDefaultConfig();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, Config());
}

class ShippedExample : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(LACUNA_SOURCE_DIR "/deploy/lacunad.toml");
    ASSERT_TRUE(file);
    std::ostringstream text;
    text << file.rdbuf();
    text_ = text.str();
    // "#key = value" is a key at its default, "# Words" is prose.
    for (absl::string_view line : absl::StrSplit(text_, '\n')) {
      const bool is_prose = absl::StartsWith(line, "# ");
      if (!is_prose) line.remove_prefix(absl::StartsWith(line, "#") ? 1 : 0);
      absl::StrAppend(&uncommented_, line, "\n");
    }
  }

  std::string text_;
  std::string uncommented_;
};

TEST_F(ShippedExample, MeansTheDefaultsAsItIs) {
  const absl::StatusOr<Config> config = ParseConfig(text_, "lacunad.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, Config());
}

TEST_F(ShippedExample, StatesTheTrueDefaults) {
  absl::StatusOr<Config> config = ParseConfig(uncommented_, "lacunad.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->registries.size(), 1u);
  EXPECT_EQ(config->registries.begin()->second, Config::Registry());
  config->registries.clear();
  EXPECT_EQ(*config, Config());
}

TEST_F(ShippedExample, HasEveryKeyInItsTable) {
  std::vector<std::string> found;
  std::string table;
  for (absl::string_view line : absl::StrSplit(uncommented_, '\n')) {
    if (absl::StartsWith(line, "[")) table = std::string(line.substr(1, line.find(']') - 1));
    if (absl::StartsWith(table, "registry.")) table = "registry.HOST";
    const size_t equals = line.find(" = ");
    if (absl::StartsWith(line, "#") || equals == absl::string_view::npos) continue;
    found.push_back(absl::StrCat(table, ".", line.substr(0, equals)));
  }
  EXPECT_THAT(found, testing::UnorderedElementsAreArray(KnownConfigKeys()));
}

TEST(ParseDuration, TakesWhatPeopleWrite) {
  EXPECT_EQ(*ParseDuration("30s"), seconds(30));
  EXPECT_EQ(*ParseDuration("500ms"), milliseconds(500));
  EXPECT_EQ(*ParseDuration("1m30s"), seconds(90));
  EXPECT_EQ(*ParseDuration("0"), seconds(0));
  for (const char* bad : {"", "s", "30", "-1s", "inf", "1 s", "9999999999h", "1s\n"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseDuration(bad).status())) << bad;
  }
  EXPECT_EQ(FormatDuration(seconds(90)), "1m30s");
}

}  // namespace
}  // namespace lacuna
