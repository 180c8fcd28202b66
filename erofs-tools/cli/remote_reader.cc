#include "erofs-tools/cli/remote_reader.h"

#include <future>
#include <memory>
#include <utility>

#include "daemon/base/status.h"
#include "registry/range_fetcher.h"

namespace lacuna {
namespace {

constexpr std::chrono::seconds kTimeout(60);

class Collector : public RangeSink {
 public:
  void OnBytes(absl::Span<const char> bytes) override { bytes_.append(bytes.data(), bytes.size()); }
  void OnDone(const absl::Status& status) override {
    if (status.ok()) {
      result_.set_value(std::move(bytes_));
    } else {
      result_.set_value(status);
    }
  }
  absl::StatusOr<std::string> Wait() { return result_.get_future().get(); }

 private:
  std::string bytes_;  // the transport's thread only
  std::promise<absl::StatusOr<std::string>> result_;
};

}  // namespace

absl::StatusOr<std::string> ReadRemoteRange(FetchCounters& counters, const RemoteBlob& blob,
                                            const ByteRange& range) {
  RangeFetcher fetcher(counters, Persistence::kAFewTimes);
  const auto collector = std::make_shared<Collector>();
  fetcher.Fetch(blob, range, Priority::kDemand, std::chrono::steady_clock::now() + kTimeout, collector);
  return collector->Wait();
}

}  // namespace lacuna
