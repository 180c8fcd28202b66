#include "erofs-tools/cli/copy.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/format_bytes.h"
#include "daemon/base/progress_bar.h"
#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/output.h"
#include "erofs-tools/cli/registry_target.h"
#include "registry/image_copy.h"
#include "registry/layout_image.h"
#include "registry/remote_image.h"

namespace lacuna {
namespace {

constexpr char kLayoutPrefix[] = "oci:";

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

absl::StatusOr<std::unique_ptr<ImageSource>> OpenSource(const ImageArguments& arguments,
                                                        Registries& registries) {
  const std::string& text = arguments.source;
  if (!IsLayoutName(text)) {
    ASSIGN_OR_RETURN(RegistryTarget from,
                     FindTarget(text, arguments.source_credentials, arguments, registries));
    return std::make_unique<RemoteImageSource>(std::move(from.repository), from.reference.TagOrDigest(),
                                               registries.counters());
  }
  ASSIGN_OR_RETURN(LayoutName name, ParseLayoutName(absl::StripPrefix(text, kLayoutPrefix)));
  ASSIGN_OR_RETURN(OciLayout layout, OciLayout::Open(name.folder));
  return std::make_unique<LayoutImageSource>(std::move(layout), std::move(name.tag));
}

struct Target {
  std::string name;  // as it is printed
  std::unique_ptr<ImageTarget> store;
};

absl::StatusOr<Target> OpenTarget(const ImageArguments& arguments, Registries& registries) {
  const std::string& text = arguments.object;
  if (!IsLayoutName(text)) {
    ASSIGN_OR_RETURN(RegistryTarget to, FindPushTarget(text, arguments, registries));
    return Target{ToString(to.reference), std::make_unique<RemoteImageTarget>(
                                              std::move(to.repository), to.reference.tag, ImagePusher())};
  }
  ASSIGN_OR_RETURN(LayoutName name, ParseLayoutName(absl::StripPrefix(text, kLayoutPrefix)));
  ASSIGN_OR_RETURN(OciLayout layout, OciLayout::OpenOrMake(name.folder));
  return Target{text, std::make_unique<LayoutImageTarget>(std::move(layout), std::move(name.tag))};
}

}  // namespace

absl::Status Copy(const ImageArguments& arguments, Registries& registries) {
  std::optional<Platform> platform;
  if (!arguments.platform.empty()) {
    ASSIGN_OR_RETURN(platform, ParsePlatform(arguments.platform));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageSource> source, OpenSource(arguments, registries));
  ASSIGN_OR_RETURN(const Target target, OpenTarget(arguments, registries));
  TerminalWatcher watcher(arguments.quiet);
  ASSIGN_OR_RETURN(CopyResult copied, CopyImage(*source, *target.store, platform, watcher));
  PushResult result{.reference = target.name, .manifest_digest = std::move(copied.digest)};
  for (CopiedBlob& blob : copied.blobs) result.blobs.push_back({std::move(blob.descriptor), blob.how});
  return Print(arguments.json ? ToJson(result) : ToText(result));
}

bool IsLayoutName(const std::string& text) {
  return absl::StartsWith(text, kLayoutPrefix);
}

}  // namespace lacuna
