// What a helper inherits from us: nothing but what it needs.
#include "registry/helper_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>

#include "tests/registry/helper_scripts.h"

namespace lacuna {
namespace {

// What a helper with this script prints.
std::string Output(const std::string& script) {
  HelperScripts scripts;
  scripts.Install("test", script);
  HelperProcess process;
  const absl::Status started = process.Start("docker-credential-test", "get", "input");
  EXPECT_TRUE(started.ok()) << started;
  const auto outcome =
      process.Wait(std::chrono::steady_clock::now() + std::chrono::seconds(50), -1, /*max_output=*/10'000);
  EXPECT_TRUE(outcome.ok()) << outcome.status();
  return outcome.ok() ? outcome->output : "";
}

TEST(HelperProcess, InheritsNoDescriptors) {
  const UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd leaky(dup2(null.get(), 77));  // without O_CLOEXEC, as some libraries open theirs
  ASSERT_EQ(leaky.get(), 77);
  EXPECT_EQ(Output("ls /proc/self/fd"), "0\n1\n2\n3\n");  // 3 is the folder that ls reads
}

TEST(HelperProcess, HasNoStderr) {
  EXPECT_EQ(Output("readlink /proc/self/fd/2"), "/dev/null\n");
}

TEST(HelperProcess, LeadsAGroupOfItsOwn) {
  EXPECT_EQ(Output("read pid name state parent group rest </proc/$$/stat; [ $group = $$ ] && echo leads"),
            "leads\n");
}

// A set of signals in what /proc/self/status says.
uint64_t SignalSet(const std::string& status, const std::string& name) {
  const size_t found = status.find(name + ":\t");
  if (found == std::string::npos) return ~0ULL;
  return std::stoull(status.substr(found + name.size() + 2, 16), nullptr, 16);
}

TEST(HelperProcess, HasDefaultSignals) {
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
  const auto pipe_before = signal(SIGPIPE, SIG_IGN);
  const std::string status =
      Output("#!/bin/cat /proc/self/status\n");  // a shell would unblock signals itself
  signal(SIGPIPE, pipe_before);
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, &before, nullptr), 0);
  EXPECT_EQ(SignalSet(status, "SigBlk"), 0U);
  // The C library itself ignores the two signals, 32 and 33, that it keeps for threads.
  EXPECT_EQ(SignalSet(status, "SigIgn") & ~(3ULL << 31), 0U);
}

TEST(HelperProcess, IsEndedWhenNobodyWaitsForIt) {
  HelperScripts scripts;
  scripts.Install("test", "exec sleep 1000");
  {
    HelperProcess process;
    ASSERT_TRUE(process.Start("docker-credential-test", "get", "").ok());
  }
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
}

}  // namespace
}  // namespace lacuna
