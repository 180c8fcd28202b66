#include "daemon/snapshotter/image_labels.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// One puller's words.
struct Dialect {
  const char* reference;
  const char* manifest_digest;  // null: it does not say
  const char* layer_digest;
};

constexpr Dialect kDialects[] = {
    {"containerd.io/snapshot/cri.image-ref", "containerd.io/snapshot/cri.manifest-digest",
     "containerd.io/snapshot/cri.layer-digest"},
    {"containerd.io/snapshot/remote/stargz.reference", nullptr,
     "containerd.io/snapshot/remote/stargz.digest"},
};

// Empty when there is no such label.
absl::StatusOr<Digest> DigestIn(const SnapshotLabels& labels, const char* label) {
  const auto found = label == nullptr ? labels.end() : labels.find(label);
  if (found == labels.end()) return Digest();
  absl::StatusOr<Digest> digest = Digest::Parse(found->second);
  if (!digest.ok()) return Annotate(digest.status(), absl::StrCat("label ", label));
  return digest;
}

}  // namespace

absl::StatusOr<LabeledLayer> LayerInLabels(const SnapshotLabels& labels) {
  for (const Dialect& dialect : kDialects) {
    const auto reference = labels.find(dialect.reference);
    if (reference == labels.end()) continue;
    LabeledLayer layer{.reference = reference->second};
    ASSIGN_OR_RETURN(layer.manifest_digest, DigestIn(labels, dialect.manifest_digest));
    ASSIGN_OR_RETURN(layer.layer_digest, DigestIn(labels, dialect.layer_digest));
    return layer;
  }
  return absl::NotFoundError("no label names the image");
}

}  // namespace lacuna
