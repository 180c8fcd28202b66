#include "erofs-tools/cli/copy.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/progress_bar.h"
#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/image_place.h"
#include "erofs-tools/cli/output.h"
#include "registry/image_copy.h"

namespace lacuna {
namespace {

class TerminalWatcher : public CopyWatcher {
 public:
  explicit TerminalWatcher(bool quiet) : quiet_(quiet) {}

  void OnBegin(absl::string_view verb, const Descriptor& descriptor) override {
    bar_.emplace(absl::StrCat(verb, " ", Label(descriptor)), !quiet_);
    size_ = descriptor.size;
  }
  void OnBytes(uint64_t bytes) override { bar_->Update(bytes, size_); }
  void OnBlob(const CopiedBlob& blob) override {
    bar_.reset();
    if (!quiet_) PrintBlob(blob.how, blob.descriptor.size, Label(blob.descriptor));
  }

 private:
  // Enough of a digest to be told from the others.
  static std::string Label(const Descriptor& descriptor) {
    return descriptor.digest.ToString().substr(0, 19);
  }

  const bool quiet_;
  std::optional<ProgressBar> bar_;
  uint64_t size_ = 0;
};

}  // namespace

absl::Status Copy(const ImageArguments& arguments, Registries& registries) {
  std::optional<Platform> platform;
  if (!arguments.platform.empty()) {
    ASSIGN_OR_RETURN(platform, ParsePlatform(arguments.platform));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageSource> source,
                   OpenImageSource(arguments.source, arguments, registries));
  ASSIGN_OR_RETURN(const NamedTarget target, OpenImageTarget(arguments.object, arguments, registries));
  TerminalWatcher watcher(arguments.quiet);
  ASSIGN_OR_RETURN(CopyResult copied, CopyImage(*source, *target.store, platform, watcher));
  PushResult result{.reference = target.name, .manifest_digest = std::move(copied.digest)};
  for (CopiedBlob& blob : copied.blobs) result.blobs.push_back({std::move(blob.descriptor), blob.how});
  return Print(arguments.json ? ToJson(result) : ToText(result));
}

}  // namespace lacuna
