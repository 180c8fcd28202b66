// How helpers answer, fail and misbehave. What they run as is in helper_process_test.cc.
#include "registry/credential_helper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "daemon/base/unique_fd.h"
#include "tests/registry/helper_scripts.h"

namespace lacuna {
namespace {

using ::std::chrono::milliseconds;
using ::std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Longer than any of these tests may take: reaching it is a failure.
constexpr Duration kNever = seconds(100);

class CredentialHelper : public testing::Test {
 protected:
  ~CredentialHelper() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a helper was not reaped";
    EXPECT_LT(std::chrono::steady_clock::now() - started_, seconds(50))
        << "something waited for a helper to end";
  }

  absl::StatusOr<Credentials> Ask(const std::string& script, Duration time_limit = kNever,
                                  absl::string_view host = "ghcr.io") {
    scripts_.Install("test", script);
    return AskCredentialHelper("test", host, time_limit, stop_.get());
  }
  // What went wrong, if it was a `code`.
  std::string Error(absl::StatusCode code, const std::string& script, Duration time_limit = kNever) {
    const absl::Status status = Ask(script, time_limit).status();
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  }
  // Whether the process whose number a script wrote to `file` has ended, at the latest soon.
  bool HasEnded(const std::string& file) const {
    for (int i = 0; i < 500; ++i) {
      std::ifstream stat(absl::StrCat("/proc/", std::stoi(scripts_.Content(file)), "/stat"));
      std::string number;
      std::string name;
      std::string state;
      if (!(stat >> number >> name >> state) || state == "Z") return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

  const TimePoint started_ = std::chrono::steady_clock::now();
  HelperScripts scripts_;
  const UniqueFd stop_{eventfd(0, EFD_CLOEXEC)};
};

TEST_F(CredentialHelper, IsAskedToGetTheHost) {
  const auto got = Ask(R"sh(printf '{"Username": "%s", "Secret": "%s"}' "$*" "$(cat)")sh");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Credentials{.username = "get", .password = "ghcr.io"}));
}

TEST_F(CredentialHelper, IsAskedForDockersHubByItsUrl) {
  const auto got = Ask(R"sh(printf '{"Username": "u", "Secret": "%s"}' "$(cat)")sh", kNever, "docker.io");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->password, "https://index.docker.io/v1/");
}

TEST_F(CredentialHelper, MayGiveAnIdentityToken) {
  const auto got = Ask(R"(echo '{"ServerURL": "ghcr.io", "Username": "<token>", "Secret": "refresh"}')");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Credentials{.identity_token = "refresh"}));
}

TEST_F(CredentialHelper, MayHaveNothing) {
  const auto got = Ask("echo 'credentials not found in native keychain'; exit 1");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(got->empty());
}

TEST_F(CredentialHelper, NotInstalledIsSaid) {
  const absl::Status status = AskCredentialHelper("nowhere", "ghcr.io", kNever, stop_.get()).status();
  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("docker-credential-nowhere is not installed"));
}

TEST_F(CredentialHelper, NotExecutableIsSaid) {
  WriteFile(scripts_.File("docker-credential-plain"), "#!/bin/sh\n");
  const absl::Status status = AskCredentialHelper("plain", "ghcr.io", kNever, stop_.get()).status();
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("docker-credential-plain: cannot be started"));
}

TEST_F(CredentialHelper, NameThatLeadsElsewhereIsRefused) {
  std::filesystem::create_directory(scripts_.File("docker-credential-"));
  scripts_.Install("/evil", "touch " + scripts_.File("ran"));
  const absl::Status status = AskCredentialHelper("/evil", "ghcr.io", kNever, stop_.get()).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_FALSE(scripts_.Exists("ran"));
}

TEST_F(CredentialHelper, FailureDoesNotShowWhatItPrinted) {
  EXPECT_EQ(Error(absl::StatusCode::kUnknown, "echo hunter2; echo hunter2 >&2; exit 3"),
            "docker-credential-test failed with exit status 3");
}

TEST_F(CredentialHelper, CrashIsSaid) {
  EXPECT_EQ(Error(absl::StatusCode::kUnknown, "kill -SEGV $$"), "docker-credential-test ended by signal 11");
}

TEST_F(CredentialHelper, GarbageIsNotShown) {
  for (const char* script : {"echo hunter2", "true", "echo '{\"Username\": \"hunter2\"}'",
                             "echo 'credentials not found in native keychain'"}) {
    EXPECT_EQ(Error(absl::StatusCode::kInvalidArgument, script),
              "docker-credential-test: its answer is no JSON object with Username and Secret");
  }
}

TEST_F(CredentialHelper, AnswerIsBounded) {
  const std::string answer = R"({"Username": "u", "Secret": "s"})";
  WriteFile(scripts_.File("largest"), answer + std::string(64 * 1024 - answer.size(), ' '));
  EXPECT_TRUE(Ask("cat " + scripts_.File("largest")).ok());
  for (const std::string& script : {"cat " + scripts_.File("largest") + "; echo", std::string("yes")}) {
    EXPECT_EQ(Error(absl::StatusCode::kInvalidArgument, script),
              "docker-credential-test: its answer is larger than 64 KiB");
  }
}

TEST_F(CredentialHelper, NeedNotReadWhatItIsAsked) {
  const std::string answer = R"(echo '{"Username": "u", "Secret": "s"}')";
  const std::string long_host(4096, 'h');
  EXPECT_TRUE(Ask("exec <&-; " + answer, kNever, long_host).ok());
  EXPECT_TRUE(Ask(answer, kNever, long_host).ok());
}

TEST_F(CredentialHelper, HostThatFitsNoPipeIsRefused) {
  const auto got = Ask("cat", kNever, std::string(1'000'000, 'h'));
  EXPECT_TRUE(absl::IsInvalidArgument(got.status())) << got.status();
}

TEST_F(CredentialHelper, ThatHangsIsEnded) {
  for (const char* script : {"exec sleep 1000", "trap '' TERM INT HUP; while :; do sleep 1; done",
                             "exec >&- 2>&-; exec sleep 1000", "printf '{'; exec sleep 1000"}) {
    EXPECT_EQ(Error(absl::StatusCode::kDeadlineExceeded, script, milliseconds(200)),
              "docker-credential-test did not answer within 200ms");
  }
}

TEST_F(CredentialHelper, ThatHangsIsEndedWithItsChildren) {
  Error(absl::StatusCode::kDeadlineExceeded,
        absl::StrCat("sleep 1000 & echo $! >", scripts_.File("child"), "; wait"), milliseconds(500));
  EXPECT_TRUE(HasEnded("child"));
}

TEST_F(CredentialHelper, ThatLeavesItsGroupIsEndedToo) {
  Error(
      absl::StatusCode::kDeadlineExceeded,
      absl::StrCat("#!/usr/bin/env python3\nimport os, time\nos.setpgid(0, os.getpgid(os.getppid()))\nopen('",
                   scripts_.File("left"), "', 'w')\ntime.sleep(1000)\n"),
      seconds(2));
  EXPECT_TRUE(scripts_.Exists("left"));
}

TEST_F(CredentialHelper, ChildThatKeepsStdoutOpenDoesNotDelayTheAnswer) {
  const auto got = Ask(absl::StrCat("sleep 1000 & echo $! >", scripts_.File("child"),
                                    R"(; echo '{"Username": "u", "Secret": "s"}')"));
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->username, "u");
  EXPECT_TRUE(HasEnded("child"));
}

TEST_F(CredentialHelper, IsEndedWhenStopped) {
  std::thread stopper([&] {
    while (!scripts_.Exists("runs")) std::this_thread::sleep_for(milliseconds(1));
    eventfd_write(stop_.get(), 1);
  });
  Error(absl::StatusCode::kCancelled, absl::StrCat(": >", scripts_.File("runs"), "; exec sleep 1000"));
  stopper.join();
}

}  // namespace
}  // namespace lacuna
