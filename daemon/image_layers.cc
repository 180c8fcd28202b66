#include "daemon/image_layers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/containerd_image.h"
#include "daemon/snapshotter/mount_visibility.h"
#include "daemon/tar_layers.h"

namespace lacuna {
namespace {

// A pull is over by then; what a tag means may change.
constexpr auto kLearnedFor = std::chrono::minutes(1);
// Each layer of an image would wait for the same failure.
constexpr auto kFailedFor = std::chrono::seconds(5);

// What its image is recorded as: a tag may move, and snapshots of both images stay.
std::string RecordName(Reference reference, const Digest& manifest_digest) {
  if (reference.digest.empty()) reference.digest = manifest_digest;
  return ToString(reference);
}

}  // namespace

absl::StatusOr<RemoteLayers> ImageLayers::Find(const std::string& chain_id, const SnapshotLabels& labels,
                                               const SnapshotCaller& caller) {
  RETURN_IF_ERROR(CheckSameMountNamespace(caller.process));
  absl::StatusOr<LabeledLayer> wanted = LayerInLabels(labels);
  if (absl::IsNotFound(wanted.status())) {
    wanted = FindImageOf(chain_id, caller.containerd_namespace, context_.content);
  }
  if (!wanted.ok()) return wanted.status();
  ASSIGN_OR_RETURN(const SharedImage image, Learn(*wanted, chain_id));
  for (size_t i = 0; i < image->chain_ids.size(); ++i) {
    if (image->chain_ids[i] != chain_id) continue;
    if (!wanted->layer_digest.empty() && image->layers[i] != wanted->layer_digest) break;
    return RemoteLayers{.reference = ToString(image->reference),
                        .manifest_digest = image->manifest_digest,
                        .count = static_cast<uint32_t>(i + 1),
                        .whole = i + 1 == image->chain_ids.size(),
                        .highest = image->layers[i]};
  }
  return absl::NotFoundError(absl::StrCat(wanted->reference, " has other layers in its registry (manifest ",
                                          image->manifest_digest.ToString(), "); its tag may have moved"));
}

absl::StatusOr<ImageLayers::SharedImage> ImageLayers::Learn(const LabeledLayer& wanted,
                                                            const std::string& chain_id) {
  const std::string key = absl::StrCat(wanted.reference, "@", wanted.manifest_digest.ToString());
  {
    MutexLock lock(mutex_);
    while (being_learned_.contains(key)) changed_.Wait(mutex_);
    const TimePoint now = std::chrono::steady_clock::now();
    std::erase_if(learned_, [&](const auto& entry) { return entry.second.until < now; });
    if (const auto known = learned_.find(key); known != learned_.end()) {
      const absl::StatusOr<SharedImage>& image = known->second.image;
      if (!image.ok() || absl::c_linear_search((*image)->chain_ids, chain_id)) return image;
    }
    being_learned_.insert(key);
  }
  absl::StatusOr<SharedImage> image = LearnAnew(wanted);
  MutexLock lock(mutex_);
  being_learned_.erase(key);
  changed_.NotifyAll();
  const TimePoint now = std::chrono::steady_clock::now();
  learned_.insert_or_assign(key, Learned{image, now + (image.ok() ? Duration(kLearnedFor) : kFailedFor)});
  return image;
}

absl::StatusOr<ImageLayers::SharedImage> ImageLayers::LearnAnew(const LabeledLayer& wanted) {
  ASSIGN_OR_RETURN(const ImageSource source,
                   context_.opener.Resolve({.reference = wanted.reference}, wanted.manifest_digest));
  const Digest& manifest_digest = source.image.manifest_digest;
  if (!wanted.manifest_digest.empty() && wanted.manifest_digest != manifest_digest) {
    return absl::FailedPreconditionError(absl::StrCat(wanted.reference, " means ", manifest_digest.ToString(),
                                                      " here, not ", wanted.manifest_digest.ToString()));
  }
  if (source.layers.empty()) {
    return absl::UnimplementedError(absl::StrCat(wanted.reference, " has no layers that are tars"));
  }
  RETURN_IF_ERROR(context_.opener.Open(source, RecordName(source.reference, manifest_digest)).status());
  Image image{.reference = source.reference, .manifest_digest = manifest_digest};
  std::vector<Digest> diff_ids;
  for (const TarLayer& layer : source.layers) {
    diff_ids.push_back(layer.diff_id);
    image.layers.push_back(layer.blob.digest);
  }
  for (const Digest& chain_id : ChainIds(diff_ids)) image.chain_ids.push_back(chain_id.ToString());
  return std::make_shared<const Image>(std::move(image));
}

absl::Status ImageLayers::Mount(const RemoteLayers& layers, const std::string& directory,
                                const SnapshotCaller& caller) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("mkdir ", directory));
  }
  RETURN_IF_ERROR(context_.mounts.Ensure(directory, [&] { return Open(layers); }));
  return CheckSeesErofs(caller.process, directory);
}

absl::StatusOr<OpenImage> ImageLayers::Open(const RemoteLayers& layers) {
  const absl::StatusOr<ImageRecord> record = RecordOf(layers);
  if (record.ok()) {
    absl::StatusOr<OpenImage> image = context_.opener.OpenKnown(*record);
    const absl::Status checked = image.ok() ? context_.opener.Check(*image) : image.status();
    if (checked.ok()) return image;
    LogInfo(layers.reference, " is not all here any more: ", checked.message());
  }
  ASSIGN_OR_RETURN(const ImageSource source,
                   context_.opener.Resolve({.reference = layers.reference}, layers.manifest_digest));
  if (source.image.manifest_digest != layers.manifest_digest || source.layers.size() < layers.count) {
    return absl::FailedPreconditionError(absl::StrCat(
        layers.reference, " is not ", layers.manifest_digest.ToString(), " any more; pull the image again"));
  }
  if (!layers.whole) return context_.opener.OpenLowest(source, layers.count);
  return context_.opener.Open(source, RecordName(source.reference, layers.manifest_digest));
}

absl::StatusOr<ImageRecord> ImageLayers::RecordOf(const RemoteLayers& layers) {
  if (!layers.whole) return absl::NotFoundError("a part of an image");
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(layers.reference));
  const std::string name = RecordName(reference, layers.manifest_digest);
  ASSIGN_OR_RETURN(ImageRecord record, context_.db.FindImage(name));
  if (record.manifest_digest == layers.manifest_digest) return record;
  return absl::NotFoundError(absl::StrCat(name, " was recorded with another manifest"));
}

absl::Status ImageLayers::Unmount(const std::string& directory) {
  absl::Status unmounted = context_.mounts.Unmount(directory, /*lazy=*/true);
  if (!unmounted.ok() && !absl::IsNotFound(unmounted)) return unmounted;
  if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("rmdir ", directory));
}

SnapshotUsage ImageLayers::UsageOf(const RemoteLayers& layers) {
  const absl::StatusOr<std::vector<ImageRecord>> records = context_.db.Images();
  if (!records.ok()) return {};
  for (const ImageRecord& record : *records) {
    if (record.manifest_digest != layers.manifest_digest) continue;
    for (const ObjectRecord& object : record.objects) {
      if (object.digest != layers.highest) continue;
      const uint64_t bytes = context_.store.DiskBytesOf(object.Key()) + context_.door.KeptBytes(object.Key());
      return {.bytes = static_cast<int64_t>(bytes), .inodes = 1};
    }
  }
  return {};
}

}  // namespace lacuna
