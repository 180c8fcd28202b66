#include "daemon/image_opener.h"

#include <ctime>
#include <future>
#include <memory>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/erofs_layers.h"
#include "erofs-tools/erofs_check.h"
#include "erofs-tools/erofs_metadata.h"
#include "registry/image_config.h"
#include "registry/platform.h"
#include "registry/reference.h"

namespace lacuna {
namespace {

// A bootstrap up to this size is brought whole and checked against its digest before the kernel sees a byte
// of it, and the kernel then reads the metadata from the local file. It is a round trip or two; larger ones
// are read on demand.
constexpr uint64_t kWholeBootstrapBytes = 4 * 1024 * 1024;

absl::StatusOr<Platform> PlatformOf(const MountOptions& options) {
  if (options.platform.empty()) return HostPlatform();
  return ParsePlatform(options.platform);
}

// Waits until the object is complete and its digest checked. A fetch fails within the transport's time-outs.
absl::Status BringWhole(BlobCache& object) {
  const auto ended = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> end = ended->get_future();
  object.Prefetch({0, object.size()}, Priority::kDemand, [&object, ended](const absl::Status& status) {
    if (!status.ok()) return ended->set_value(status);
    object.WhenFinished([ended](const absl::Status& finished) { ended->set_value(finished); });
  });
  return end.get();
}

// Of an image that is an EROFS already.
absl::StatusOr<std::vector<ObjectRecord>> ErofsObjects(const Manifest& manifest) {
  ASSIGN_OR_RETURN(const ErofsLayers layers, FindErofsLayers(manifest));
  std::vector<ObjectRecord> objects = {{layers.bootstrap.digest, layers.bootstrap.size}};
  for (const Descriptor& device : layers.devices) objects.push_back({device.digest, device.size});
  return objects;
}

absl::StatusOr<std::string> Read(BlobCache& object, const ByteRange& range) {
  std::string bytes(range.length, '\0');
  if (!range.empty()) RETURN_IF_ERROR(object.ReadThrough(range.offset, absl::MakeSpan(bytes)));
  return bytes;
}

}  // namespace

ImageOpener::ImageOpener(const Context& context, PolicyOf policy_of)
    : context_(context),
      policy_of_(std::move(policy_of)),
      remote_indexes_(context.client, context.indexes, context.db),
      puller_(context.fetcher, context.store, context.indexes),
      layers_(remote_indexes_, puller_, context.indexes, context.store, context.db),
      objects_(context.objects, context.store, context.indexes, context.db) {}

absl::StatusOr<OpenImage> ImageOpener::Open(const MountOptions& options) {
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(options.reference));
  const auto open = [&]() -> absl::StatusOr<OpenImage> {
    ASSIGN_OR_RETURN(const ImageSource source, Resolve(options, /*manifest_digest=*/{}));
    return Open(source, ToString(reference));
  };
  absl::StatusOr<OpenImage> image = open();
  if (!absl::IsUnauthenticated(image.status())) return image;
  return absl::UnauthenticatedError(
      absl::StrCat(image.status().message(), "; mount with --creds USER[:PASSWORD], or log in: docker login ",
                   reference.host));
}

absl::StatusOr<ImageSource> ImageOpener::Resolve(const MountOptions& options,
                                                 const Digest& manifest_digest) const {
  ImageSource source{.platform = options.platform};
  ASSIGN_OR_RETURN(source.reference, ParseReference(options.reference));
  ASSIGN_OR_RETURN(const Platform platform, PlatformOf(options));
  const HostPolicy policy = policy_of_(source.reference.host);
  source.plain_http = options.plain_http || policy.plain_http;
  source.trust = options.no_index ? IndexTrust::kNone : policy.trust;
  ASSIGN_OR_RETURN(source.repository, RepositoryOf(source.reference, source.plain_http, options.credentials));
  Reference wanted = source.reference;
  if (wanted.digest.empty()) wanted.digest = manifest_digest;
  ASSIGN_OR_RETURN(source.image, context_.client.Resolve(source.repository, wanted, platform));
  if (HasTarLayers(source.image.manifest)) {
    ASSIGN_OR_RETURN(source.layers, TarLayersOf(source.repository, source.image.manifest));
  }
  return source;
}

absl::StatusOr<std::vector<TarLayer>> ImageOpener::TarLayersOf(const Repository& repository,
                                                               const Manifest& manifest) const {
  const Descriptor& config = manifest.config;
  ASSIGN_OR_RETURN(const std::string json,
                   context_.client.ReadBlob({repository, config.digest, config.size}, kMaxConfigBytes));
  ASSIGN_OR_RETURN(const ImageConfig parsed, ParseImageConfig(json));
  return FindTarLayers(manifest, parsed.diff_ids);
}

absl::StatusOr<OpenImage> ImageOpener::Open(const ImageSource& source, const std::string& name) {
  ImageRecord record{.reference = name,
                     .manifest_digest = source.image.manifest_digest,
                     .platform = source.platform,
                     .plain_http = source.plain_http,
                     .last_used_unix_seconds = static_cast<int64_t>(std::time(nullptr))};
  if (source.layers.empty()) {
    ASSIGN_OR_RETURN(record.objects, ErofsObjects(source.image.manifest));
  } else {
    ASSIGN_OR_RETURN(record.objects, MergedObjects(source, source.layers));
  }
  ASSIGN_OR_RETURN(OpenImage image, OpenChecked(record, source.repository));
  RETURN_IF_ERROR(context_.db.RecordImage(record));
  return image;
}

absl::StatusOr<OpenImage> ImageOpener::OpenLowest(const ImageSource& source, size_t layers) {
  ImageRecord record{.reference = ToString(source.reference),
                     .manifest_digest = source.image.manifest_digest,
                     .plain_http = source.plain_http};
  const auto lowest = source.layers.begin();
  ASSIGN_OR_RETURN(record.objects,
                   MergedObjects(source, {lowest, lowest + static_cast<std::ptrdiff_t>(layers)}));
  return OpenChecked(record, source.repository);
}

absl::StatusOr<OpenImage> ImageOpener::OpenKnown(const ImageRecord& record) {
  ASSIGN_OR_RETURN(const Reference reference, ParseReference(record.reference));
  ASSIGN_OR_RETURN(const Repository repository,
                   RepositoryOf(reference, record.plain_http, /*credentials=*/""));
  return OpenObjects(record, repository);
}

absl::StatusOr<OpenImage> ImageOpener::OpenRecorded(const FileSystemRecord& record) {
  return OpenKnown({.reference = record.reference,
                    .manifest_digest = record.manifest_digest,
                    .plain_http = record.plain_http,
                    .objects = record.objects});
}

absl::StatusOr<Repository> ImageOpener::RepositoryOf(const Reference& reference, bool plain_http,
                                                     const std::string& credentials) const {
  ASSIGN_OR_RETURN(std::shared_ptr<Registry> registry,
                   context_.registries.Get(reference.host, plain_http, credentials));
  return Repository{std::move(registry), reference.repository};
}

absl::StatusOr<OpenImage> ImageOpener::OpenObjects(const ImageRecord& record, const Repository& repository) {
  OpenImage image{.reference = record.reference,
                  .manifest_digest = record.manifest_digest,
                  .plain_http = record.plain_http};
  image.records = record.objects;
  for (const ObjectRecord& object : record.objects) {
    const Placement placement = PlacementOf(object, /*is_bootstrap=*/image.objects.empty());
    ASSIGN_OR_RETURN(image.objects.emplace_back(), objects_.Open(object, repository, placement));
  }
  return image;
}

absl::StatusOr<OpenImage> ImageOpener::OpenChecked(const ImageRecord& record, const Repository& repository) {
  ASSIGN_OR_RETURN(OpenImage image, OpenObjects(record, repository));
  RETURN_IF_ERROR(Check(image));
  return image;
}

absl::StatusOr<std::vector<ObjectRecord>> ImageOpener::MergedObjects(const ImageSource& source,
                                                                     const std::vector<TarLayer>& layers) {
  const std::map<Digest, Descriptor> offered =
      remote_indexes_.Find(source.repository, source.reference, source.image, source.trust);
  ASSIGN_OR_RETURN(const std::vector<IndexedTarLayer> indexed,
                   layers_.Open(source.repository, layers, offered));
  const Holes holes = context_.door.keeps_objects() ? Holes::kAreZeros : Holes::kAreHoles;
  ASSIGN_OR_RETURN(const MergedImage merged, MergeImage(indexed, holes));
  RETURN_IF_ERROR(Keep(merged));
  return merged.objects;
}

absl::Status ImageOpener::Keep(const MergedImage& image) const {
  const ObjectKey bootstrap = image.objects.front().Key();
  if (!context_.store.IsFinished(bootstrap)) {
    ASSIGN_OR_RETURN(PendingFile file, context_.store.NewObject());
    RETURN_IF_ERROR(file.Write(image.bootstrap));
    RETURN_IF_ERROR(context_.store.Keep(file, bootstrap));
  }
  const ObjectKey zeros = image.objects.back().Key();
  if (image.zeros == 0 || context_.store.IsFinished(zeros)) return absl::OkStatus();
  ASSIGN_OR_RETURN(PendingFile file, context_.store.NewObject());
  RETURN_IF_ERROR(file.Skip(image.zeros));
  return context_.store.Keep(file, zeros);
}

Placement ImageOpener::PlacementOf(const ObjectRecord& object, bool is_bootstrap) const {
  const bool ours =
      object.kind == ObjectRecord::Kind::kMade || (is_bootstrap && object.size <= kWholeBootstrapBytes);
  return context_.door.keeps_objects() && !ours ? Placement::kKernel : Placement::kStore;
}

absl::Status ImageOpener::CheckServable(BlobCache& bootstrap, const Superblock& superblock) const {
  if (!context_.door.keeps_objects()) return absl::OkStatus();
  if (superblock.HasCompressedData()) {
    return absl::UnimplementedError(
        "its data is compressed, and kernels may hang or crash on that over /dev/cachefiles (a compressed "
        "extent of which only a part is here); set door.kind = \"fuse\", or build the image without "
        "compression");
  }
  if (!superblock.HasChunkedFiles()) return absl::OkStatus();
  ASSIGN_OR_RETURN(ErofsReader reader, ErofsReader::Open(bootstrap.size(), [&](const ByteRange& range) {
                     return Read(bootstrap, range);
                   }));
  ASSIGN_OR_RETURN(const ErofsSummary summary, CheckErofs(reader));
  if (summary.hole_bytes == 0) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("its files have holes (", summary.hole_bytes,
                   " bytes), and kernels read zeros instead of what follows a hole over /dev/cachefiles "
                   "(erofs_fscache_data_read_slice); set door.kind = \"fuse\", or push the layers as tar"));
}

bool ImageOpener::CheckedBefore(const OpenImage& image) const {
  const BlobCache& bootstrap = *image.objects.front();
  if (!bootstrap.kept_by_kernel() || context_.door.KeptBytes(bootstrap.key()) == 0) return false;
  const absl::StatusOr<std::vector<ImageRecord>> records = context_.db.Images();
  return records.ok() &&
         absl::c_any_of(*records, [&](const ImageRecord& record) { return record.objects == image.records; });
}

absl::Status ImageOpener::Check(const OpenImage& image) const {
  BlobCache& bootstrap = *image.objects.front();
  if (bootstrap.open_in_kernel() || CheckedBefore(image)) return absl::OkStatus();
  const ObjectRecord& record = image.records.front();
  if (record.size <= kWholeBootstrapBytes) RETURN_IF_ERROR(BringWhole(bootstrap));
  // In whole blocks, as the kernel sees it: what the blob does not have of the last one reads as zeros.
  const absl::StatusOr<ErofsMetadata> metadata =
      ReadErofsMetadata(bootstrap.size(), [&](const ByteRange& range) { return Read(bootstrap, range); });
  if (!metadata.ok()) {
    return Annotate(metadata.status(), absl::StrCat("bootstrap ", record.digest.ToString()));
  }
  // What is made here is made for the door.
  if (record.kind != ObjectRecord::Kind::kMade) {
    RETURN_IF_ERROR(CheckServable(bootstrap, metadata->superblock));
  }
  const size_t devices = image.objects.size() - 1;
  if (metadata->devices.size() != devices) {
    return absl::InvalidArgumentError(absl::StrCat("the bootstrap's device table has ",
                                                   metadata->devices.size(), " devices and the image ",
                                                   devices, "; push the bootstrap with each of its blobs"));
  }
  for (size_t i = 0; i < devices; ++i) {
    const uint64_t size = image.objects[i + 1]->size();
    const uint64_t needed = metadata->devices[i].blocks * metadata->superblock.block_size;
    if (needed <= size) continue;
    return absl::InvalidArgumentError(absl::StrCat("device ", i + 1, " has ", size,
                                                   " bytes and the bootstrap needs ", needed,
                                                   "; it is cut short, or another image's"));
  }
  return absl::OkStatus();
}

}  // namespace lacuna
