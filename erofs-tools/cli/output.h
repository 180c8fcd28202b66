// What the verbs print on stdout: tables for people, JSON for programs (CONTRACT.md, "JSON and metrics").
//
// Pure; safe from any thread. Only json_output.cc knows the JSON library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "erofs-tools/erofs_metadata.h"
#include "registry/image_pusher.h"
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

// A file, or an image in a registry.
struct Inspection {
  std::string file;
  uint64_t file_size = 0;  // bytes
  std::string reference;   // canonical; empty for a file
  Digest manifest_digest;
  Manifest manifest;
  std::optional<std::vector<Descriptor>> referrers;  // none for a file, or when the registry did not say
  std::optional<ErofsMetadata> erofs;                // none for an image without an EROFS layer
};

std::string ToText(const PushResult& result);
// What became of one blob, while others follow: a line on stderr.
void PrintBlob(BlobPush how, uint64_t size, const std::string& label);
std::string ToJson(const PushResult& result);
std::string ToText(const Inspection& inspection);
std::string ToJson(const Inspection& inspection);

// An OCI image config for layers whose uncompressed digests are `diff_ids` (image-spec, config.md). It holds
// no time: the same image has the same config.
std::string ConfigJson(const Platform& platform, const std::vector<Digest>& diff_ids);

}  // namespace lacuna
