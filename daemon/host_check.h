// What this host offers lacuna and what is missing, found out without the daemon: `lacunactl doctor`.
//
// Called by lacunactl. Mounts a tiny image, a nameless file beside the cache folder, at a folder of its own
// in /tmp; leaves nothing behind.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lacuna {

struct HostCheck {
  // kWarn: lacuna works, but not fully or not now. kFail: it does not.
  enum class Result { kOk, kWarn, kFail };

  std::string name;
  Result result = Result::kOk;
  std::string found;   // in a few words
  std::string advice;  // what to do; empty when nothing
};

struct HostCheckOptions {
  std::string root;              // cache folder; need not exist yet
  std::string run;               // run folder
  std::string dev_dir = "/dev";  // tests point elsewhere
};

std::vector<HostCheck> CheckHost(const HostCheckOptions& options);

// The worst of `checks`.
HostCheck::Result WorstOf(const std::vector<HostCheck>& checks);

// "ok", "warn", "fail".
absl::string_view ToString(HostCheck::Result result);

}  // namespace lacuna
