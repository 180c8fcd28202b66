// What the verbs print on stdout: tables for people, JSON for programs (CONTRACT.md, "JSON and metrics").
//
// Pure; safe from any thread. Only json_output.cc knows the JSON library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "erofs-tools/erofs_check.h"
#include "erofs-tools/erofs_metadata.h"
#include "registry/image_pusher.h"
#include "registry/index_artifact.h"
#include "registry/manifest.h"
#include "registry/platform.h"

namespace lacuna {

struct PushedBlob {
  Descriptor descriptor;
  BlobPush how = BlobPush::kSent;
};

// Of a push or a copy.
struct PushResult {
  std::string reference;  // canonical, with its tag; a layout as it was given
  Digest manifest_digest;
  std::vector<PushedBlob> blobs;
};

// An image whose index was found to be right.
struct ImageCheck {
  std::string reference;  // as it was given
  Digest manifest_digest;
  Digest artifact_digest;
  std::vector<Descriptor> layers;  // each blob once
  uint64_t bootstrap_size = 0;     // bytes
  uint64_t inodes = 0;             // of all layers together
};

// An EROFS of which all metadata was read.
struct TreeReport {
  std::string source;  // the file or the image, as it was given
  std::string folder;  // that it was extracted to; empty: it was only checked
  ErofsSummary tree;
};

// A file, or an image in a registry.
struct Inspection {
  std::string file;
  uint64_t file_size = 0;  // bytes
  std::string reference;   // canonical; empty for a file
  Digest manifest_digest;
  Manifest manifest;
  std::optional<std::vector<Descriptor>> referrers;  // none for a file, or when the registry did not say
  std::optional<IndexArtifact> index;                // none when there is none, or for a file
  std::optional<ErofsMetadata> erofs;                // none for an image without an EROFS layer
};

// A layer's index, and what it is of.
struct LayerSummary {
  Descriptor layer;
  Digest diff_id;
  uint64_t tar_size = 0;     // bytes
  uint64_t device_size = 0;  // bytes
  Descriptor index;
  double seconds = 0;  // since the first layer was begun until this one was done
};

struct IndexResult {
  std::string reference;  // as it was given
  Digest manifest_digest;
  Digest artifact_digest;
  bool stored = false;  // or only measured
  std::string bound;    // reference of what binds it; empty: nothing
  Digest bound_digest;
  std::vector<LayerSummary> layers;  // each blob once
};

std::string ToText(const PushResult& result);
// What became of one blob, while others follow: a line on stderr.
void PrintBlob(BlobPush how, uint64_t size, const std::string& label);
std::string ToJson(const PushResult& result);
std::string ToText(const IndexResult& result);
std::string ToJson(const IndexResult& result);
std::string ToText(const ImageCheck& check);
std::string ToJson(const ImageCheck& check);
std::string ToText(const TreeReport& report);
std::string ToJson(const TreeReport& report);
std::string ToText(const Inspection& inspection);
std::string ToJson(const Inspection& inspection);

// An OCI image config for layers whose uncompressed digests are `diff_ids` (image-spec, config.md). It holds
// no time: the same image has the same config.
std::string ConfigJson(const Platform& platform, const std::vector<Digest>& diff_ids);

}  // namespace lacuna
