// An image in a registry as an end of a copy.
//
// Made by lacuna-image; used by one thread that may wait.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "registry/fetch_counters.h"
#include "registry/image_store.h"
#include "registry/range_fetcher.h"

namespace lacuna {

class RemoteImageSource : public ImageSource {
 public:
  // `counters` outlive this.
  RemoteImageSource(Repository repository, std::string tag_or_digest, FetchCounters& counters)
      : repository_(std::move(repository)),
        tag_or_digest_(std::move(tag_or_digest)),
        counters_(counters),
        fetcher_(counters, Persistence::kAFewTimes) {}

  absl::StatusOr<ReadManifest> ReadRoot() override;
  absl::StatusOr<ReadManifest> ReadByDescriptor(const Descriptor& descriptor) override;
  absl::StatusOr<std::shared_ptr<HttpBody>> OpenBlob(const Descriptor& descriptor, const std::string& scratch,
                                                     const BytesProgress& progress) override;
  absl::StatusOr<std::unique_ptr<BlobReader>> StreamBlob(const Descriptor& descriptor) override;
  absl::StatusOr<std::vector<Descriptor>> ListReferrers(const Digest& subject,
                                                        const std::string& artifact_type) override;
  std::optional<Repository> repository() const override { return repository_; }

 private:
  const Repository repository_;
  const std::string tag_or_digest_;
  FetchCounters& counters_;
  RangeFetcher fetcher_;
};

class RemoteImageTarget : public ImageTarget {
 public:
  RemoteImageTarget(Repository repository, std::string tag, ImagePusher pusher)
      : repository_(std::move(repository)), tag_(std::move(tag)), pusher_(std::move(pusher)) {}

  absl::StatusOr<BlobPush> PutBlob(const Descriptor& descriptor, const ImagePusher::Open& open,
                                   const std::optional<Repository>& source,
                                   const BytesProgress& progress) override;
  absl::Status PutManifest(const RawManifest& manifest) override;
  absl::Status PutReferrer(const ReadManifest& manifest) override;
  absl::Status PutRoot(const ReadManifest& manifest) override;
  // $TMPDIR, else /var/tmp: /tmp may be memory.
  std::string scratch() const override;

 private:
  const Repository repository_;
  const std::string tag_;
  ImagePusher pusher_;
};

}  // namespace lacuna
