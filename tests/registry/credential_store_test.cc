#include "registry/credential_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/registry/helper_scripts.h"

namespace lacuna {
namespace {

using ::std::chrono::milliseconds;
using ::std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNothing[] = "echo credentials not found in native keychain; exit 1";

std::future<absl::StatusOr<Credentials>> Start(CredentialStore& store, absl::string_view host) {
  auto told = std::make_unique<std::promise<absl::StatusOr<Credentials>>>();
  auto future = told->get_future();
  store.Lookup(host, [told = std::move(told)](absl::StatusOr<Credentials> got) {
    told->set_value(std::move(got));  // throws when it is called twice
  });
  return future;
}

class CredentialStoreTest : public testing::Test {
 protected:
  // Looks `host` up in a new store.
  absl::StatusOr<Credentials> Find(absl::string_view host) {
    CredentialStore store(options_);
    return Start(store, host).get();
  }
  std::string User(absl::string_view host) {
    const auto got = Find(host);
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? got->username : "";
  }
  // A helper that knows one user.
  void InstallUser(const std::string& name, const std::string& user) {
    scripts_.Install(name, absl::StrCat(R"(echo '{"Username": ")", user, R"(", "Secret": "s"}')"));
  }

  HelperScripts scripts_;
  const std::string auth_file_ = scripts_.File("auth.json");
  CredentialStore::Options options_{.auth_file = auth_file_};
};

TEST_F(CredentialStoreTest, FindsWhatTheFileSays) {
  WriteFile(auth_file_, R"({"auths": {"https://index.docker.io/v1/": {"username": "hub", "password": "p"},
                                      "a.b:5000": {"identitytoken": "refresh"}}})");
  EXPECT_EQ(*Find("docker.io"), (Credentials{.username = "hub", .password = "p"}));
  EXPECT_EQ(*Find("registry-1.docker.io"), (Credentials{.username = "hub", .password = "p"}));
  EXPECT_EQ(*Find("a.b:5000"), (Credentials{.identity_token = "refresh"}));
  EXPECT_TRUE(Find("a.b")->empty());
}

TEST_F(CredentialStoreTest, SeesThatTheFileChanged) {
  WriteFile(auth_file_, R"({"auths": {"a.b": {"username": "alice"}}})");
  CredentialStore store(options_);
  EXPECT_EQ(Start(store, "a.b").get()->username, "alice");
  WriteFile(auth_file_, R"({"auths": {"a.b": {"username": "bob"}}})");
  EXPECT_EQ(Start(store, "a.b").get()->username, "bob");
}

TEST_F(CredentialStoreTest, FileThatIsWrongIsNamed) {
  EXPECT_TRUE(absl::IsNotFound(Find("a.b").status()));
  WriteFile(auth_file_, R"({"auths": {"c.d": {"auth": "hunter2!"}}})");
  const absl::Status status = Find("a.b").status();
  EXPECT_THAT(status.message(), AllOf(HasSubstr(auth_file_), HasSubstr("c.d"), Not(HasSubstr("hunter2"))));
}

TEST_F(CredentialStoreTest, OwnSettingsGoBeforeTheFile) {
  WriteFile(auth_file_, R"({"auths": {"a.b": {"username": "file"}, "docker.io": {"username": "file"}},
                            "credHelpers": {"a.b": "file"}})");
  InstallUser("file", "helper");
  WriteFile(scripts_.File("password"), "first\nsecond\n");
  options_.hosts["a.b"] = {.username = "own", .password_file = scripts_.File("password")};
  options_.hosts["docker.io"] = {.username = "hub"};
  EXPECT_EQ(*Find("a.b"), (Credentials{.username = "own", .password = "first"}));
  EXPECT_EQ(*Find("docker.io"), (Credentials{.username = "hub"}));
  EXPECT_EQ(*Find("registry-1.docker.io"), (Credentials{.username = "hub"}));
}

TEST_F(CredentialStoreTest, PasswordFileIsReadEachTime) {
  const std::string password = scripts_.File("password");
  options_.hosts["a.b"] = {.username = "own", .password_file = password};
  CredentialStore store(options_);
  const absl::Status missing = Start(store, "a.b").get().status();
  EXPECT_TRUE(absl::IsNotFound(missing)) << missing;
  EXPECT_THAT(missing.message(), HasSubstr(password));
  for (const char* word : {"one", "two"}) {
    WriteFile(password, word);
    EXPECT_EQ(Start(store, "a.b").get()->password, word);
  }
}

TEST_F(CredentialStoreTest, OwnHelperThatHasNothingLeavesItToTheFile) {
  WriteFile(auth_file_, R"({"auths": {"a.b": {"username": "file"}}})");
  options_.hosts["a.b"] = {.credential_helper = "own"};
  scripts_.Install("own", kNothing);
  EXPECT_EQ(User("a.b"), "file");
  InstallUser("own", "helper");
  EXPECT_EQ(User("a.b"), "helper");
}

TEST_F(CredentialStoreTest, HelperThatHasNothingLeavesItToTheFile) {
  WriteFile(auth_file_, R"({"auths": {"a.b": {"username": "file"}, "c.d": {"username": "file"}},
                            "credsStore": "all", "credHelpers": {"a.b": "own"}})");
  InstallUser("own", "own");
  InstallUser("all", "all");
  EXPECT_EQ(User("a.b"), "own");
  EXPECT_EQ(User("c.d"), "all");
  scripts_.Install("own", kNothing);
  scripts_.Install("all", kNothing);
  EXPECT_EQ(User("a.b"), "file");
  EXPECT_EQ(User("c.d"), "file");
  EXPECT_EQ(User("e.f"), "");
}

TEST_F(CredentialStoreTest, HelperThatFailsIsAnError) {
  WriteFile(auth_file_, R"({"auths": {"a.b": {"username": "file"}}, "credsStore": "bad"})");
  EXPECT_THAT(Find("a.b").status().message(), HasSubstr("docker-credential-bad is not installed"));
  scripts_.Install("bad", "exit 1");
  EXPECT_THAT(Find("a.b").status().message(), HasSubstr("docker-credential-bad failed"));
  scripts_.Install("bad", "exec sleep 1000");
  options_.helper_time_limit = milliseconds(100);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Find("a.b").status()));
}

TEST_F(CredentialStoreTest, HelperThatHangsKeepsNobodyElseWaiting) {
  WriteFile(auth_file_, R"({"auths": {"a.b": {"username": "file"}}, "credHelpers": {"hangs": "hangs"}})");
  scripts_.Install("hangs", "exec sleep 1000");
  options_.helper_time_limit = seconds(100);
  CredentialStore store(options_);
  const auto hanging = Start(store, "hangs");
  auto other = Start(store, "a.b");
  ASSERT_EQ(other.wait_for(seconds(20)), std::future_status::ready);
  EXPECT_EQ(other.get()->username, "file");
  EXPECT_EQ(hanging.wait_for(seconds(0)), std::future_status::timeout);
}

TEST_F(CredentialStoreTest, StopEndsAllThatIsUnderWayOrWaits) {
  WriteFile(auth_file_, R"({"credsStore": "hangs"})");
  scripts_.Install("hangs", absl::StrCat(": >", scripts_.File("runs"), "; exec sleep 1000"));
  options_.helper_time_limit = seconds(100);
  CredentialStore store(options_);
  std::vector<std::future<absl::StatusOr<Credentials>>> lookups;
  for (int i = 0; i < 10; ++i) lookups.push_back(Start(store, absl::StrCat("host", i)));
  while (!scripts_.Exists("runs")) std::this_thread::sleep_for(milliseconds(1));
  std::thread other([&] { store.Stop(); });
  store.Stop();
  for (auto& lookup : lookups) {
    ASSERT_EQ(lookup.wait_for(seconds(0)), std::future_status::ready);
    EXPECT_TRUE(absl::IsCancelled(lookup.get().status()));
  }
  other.join();
}

TEST_F(CredentialStoreTest, AfterStopLookupsAreCancelledAtOnce) {
  WriteFile(auth_file_, "{}");
  CredentialStore store(options_);
  store.Stop();
  auto lookup = Start(store, "a.b");
  ASSERT_EQ(lookup.wait_for(seconds(0)), std::future_status::ready);
  EXPECT_TRUE(absl::IsCancelled(lookup.get().status()));
}

TEST_F(CredentialStoreTest, LookupsFromManyThreadsAreAllAnswered) {
  WriteFile(auth_file_, R"({"auths": {"a.b": {"username": "file"}}})");
  std::atomic<int> answers = 0;
  {
    CredentialStore store(options_);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 100; ++j) {
          store.Lookup("a.b", [&](const absl::StatusOr<Credentials>& got) {
            if (got.ok() && got->username == "file") ++answers;
          });
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (int i = 0; answers < 400 && i < 2000; ++i) std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(answers, 400);
}

}  // namespace
}  // namespace lacuna
