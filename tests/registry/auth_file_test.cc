#include "registry/auth_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "tests/registry/helper_scripts.h"

namespace lacuna {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kAlice[] = R"({"auths": {"a.b": {"username": "alice"}}})";
constexpr char kBob[] = R"({"auths": {"a.b": {"username": "bob"}}})";

class AuthFileTest : public testing::Test {
 protected:
  // The user of a.b.
  static std::string UserIn(AuthFile& file) {
    const auto config = file.Read();
    EXPECT_TRUE(config.ok()) << config.status();
    return config.ok() ? PlaceFor(**config, "a.b").stored.username : "";
  }

  const TempDir folder_;
  const std::string path_ = folder_ / "auth.json";
  const ScopedEnvironment home_{"HOME", folder_.path().c_str()};
  const ScopedEnvironment docker_config_{"DOCKER_CONFIG", nullptr};
  const ScopedEnvironment registry_auth_file_{"REGISTRY_AUTH_FILE", nullptr};
};

TEST_F(AuthFileTest, IsTheOneThatWasChosenMostClosely) {
  EXPECT_EQ(AuthFile("").path(), folder_ / ".docker/config.json");
  const ScopedEnvironment docker("DOCKER_CONFIG", "/docker");
  EXPECT_EQ(AuthFile("").path(), "/docker/config.json");
  const ScopedEnvironment podman("REGISTRY_AUTH_FILE", "/podman.json");
  EXPECT_EQ(AuthFile("").path(), "/podman.json");
  EXPECT_EQ(AuthFile("/chosen").path(), "/chosen");
}

TEST_F(AuthFileTest, HomeIsKnownWithoutHOME) {
  const ScopedEnvironment home("HOME", nullptr);
  EXPECT_THAT(AuthFile("").path(), AllOf(testing::StartsWith("/"), testing::EndsWith("/.docker/config.json"),
                                         Not(testing::StartsWith("/.docker"))));
}

TEST_F(AuthFileTest, DockersOwnMayBeMissing) {
  AuthFile file("");
  const auto config = file.Read();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT((*config)->auths, IsEmpty());
  // It is seen once it is there.
  std::filesystem::create_directory(folder_ / ".docker");
  WriteFile(folder_ / ".docker/config.json", kAlice);
  EXPECT_EQ(UserIn(file), "alice");
}

TEST_F(AuthFileTest, OneThatSomebodyNamedMustBeThere) {
  const ScopedEnvironment podman("REGISTRY_AUTH_FILE", path_.c_str());
  for (const std::string& chosen : {std::string(), path_}) {
    const absl::Status status = AuthFile(chosen).Read().status();
    EXPECT_TRUE(absl::IsNotFound(status)) << status;
    EXPECT_THAT(status.message(), HasSubstr(path_));
  }
}

TEST_F(AuthFileTest, IsParsedAgainOnlyWhenItChanged) {
  WriteFile(path_, kAlice);
  AuthFile file(path_);
  const auto first = *file.Read();
  EXPECT_EQ(*file.Read(), first);
  WriteFile(path_, kBob);
  EXPECT_EQ(UserIn(file), "bob");
  EXPECT_EQ(PlaceFor(*first, "a.b").stored.username, "alice");  // who holds the old one keeps it
}

TEST_F(AuthFileTest, GarbageIsNamedAndNotShown) {
  AuthFile file(path_);
  WriteFile(path_, "hunter2");
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = file.Read().status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(status.message(), path_ + ": it is not a JSON object");
  }
  WriteFile(path_, kAlice);
  EXPECT_EQ(UserIn(file), "alice");
}

TEST_F(AuthFileTest, OldContentIsNotUsedWhenTheNewIsBad) {
  WriteFile(path_, kAlice);
  AuthFile file(path_);
  EXPECT_EQ(UserIn(file), "alice");
  WriteFile(path_, "{");
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(absl::IsInvalidArgument(file.Read().status()));
  std::filesystem::remove(path_);
  EXPECT_TRUE(absl::IsNotFound(file.Read().status()));
  WriteFile(path_, kBob);
  EXPECT_EQ(UserIn(file), "bob");
}

}  // namespace
}  // namespace lacuna
