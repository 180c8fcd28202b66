// The command line of lacunactl as plain values. Only arguments.cc knows CLI11.
//
// Used once, by main.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "daemon/base/clock.h"

namespace lacuna {

enum class Verb { kMount, kUmount, kListImages, kListMounts, kStatus, kPrefetch, kDoctor, kUpgrade, kEvents };

struct Arguments {
  Verb verb = Verb::kStatus;

  // For every verb.
  std::string run_dir = "/run/lacuna";
  bool json = false;
  bool quiet = false;
  std::optional<Duration> timeout;  // per call; none: as long as it takes

  // For the verbs that have them.
  std::string reference;
  std::string directory;  // as given
  std::string platform;
  std::string credentials;
  bool plain_http = false;
  bool no_index = false;
  bool lazy = false;
  bool all = false;
  bool wait = false;
  bool follow = false;
  int64_t since_unix_milliseconds = 0;
};

// The arguments, or the exit code of a command line that already said all (--help, --version, a usage error).
std::variant<Arguments, int> ParseArguments(int argc, char** argv);

}  // namespace lacuna
