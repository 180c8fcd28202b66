#include "registry/host_gates.h"

#include <vector>

namespace lacuna {

std::shared_ptr<HostGate> HostGates::Find(const std::string& key, absl::string_view url) {
  MutexLock lock(mutex_);
  if (const auto found = gates_.find(key); found != gates_.end()) {
    if (std::shared_ptr<HostGate> gate = found->second.lock()) return gate;
  }
  // Redirects may lead to ever new hosts.
  std::erase_if(gates_, [](const auto& entry) { return entry.second.expired(); });
  auto gate = std::make_shared<HostGate>(std::string(UrlHost(url)), limits_, clock_);
  if (!closed_.ok()) gate->Close(closed_);
  gates_[key] = gate;
  return gate;
}

void HostGates::Close(const absl::Status& status) {
  std::vector<std::shared_ptr<HostGate>> gates;
  {
    MutexLock lock(mutex_);
    closed_ = status;
    for (const auto& [key, gate] : gates_) gates.push_back(gate.lock());
  }
  for (const std::shared_ptr<HostGate>& gate : gates) {
    if (gate != nullptr) gate->Close(status);
  }
}

}  // namespace lacuna
