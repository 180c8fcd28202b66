// Where a server has sent us for a blob: so that each range of it costs one round trip, not two.
//
// Such a URL is signed and holds for minutes or hours; nobody says how long. It is used until it fails.
// Thread-safe; bounded.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "daemon/base/mutex.h"
#include "registry/host_gate.h"

namespace lacuna {

struct RedirectTarget {
  std::string url;  // a secret: it carries its own permission
  std::shared_ptr<HostGate> gate;
};

class RedirectCache {
 public:
  std::optional<RedirectTarget> Find(const std::string& path) const;
  void Remember(const std::string& path, RedirectTarget target);
  // Nothing when another target has taken its place meanwhile.
  void Forget(const std::string& path, absl::string_view url);

 private:
  using Entry = std::pair<std::string, RedirectTarget>;

  mutable Mutex mutex_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);  // the oldest first
  std::map<std::string, std::list<Entry>::iterator> by_path_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
