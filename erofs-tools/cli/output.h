// What the verbs print on stdout: tables for people, JSON for programs (CONTRACT.md, "JSON and metrics").
//
// Pure; safe from any thread. Only json_output.cc knows the JSON library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "erofs-tools/erofs_metadata.h"
#include "registry/manifest.h"
#include "registry/platform.h"

namespace lacuna {

struct PushedBlob {
  Descriptor descriptor;
  bool sent = false;  // false: the registry had it
};

struct PushResult {
  std::string reference;  // canonical, with its tag
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
  std::optional<ErofsMetadata> erofs;  // none for an image without an EROFS layer
};

std::string ToText(const PushResult& result);
std::string ToJson(const PushResult& result);
std::string ToText(const Inspection& inspection);
std::string ToJson(const Inspection& inspection);

// An OCI image config for layers whose uncompressed digests are `diff_ids` (image-spec, config.md). It holds
// no time: the same image has the same config.
std::string ConfigJson(const Platform& platform, const std::vector<Digest>& diff_ids);

}  // namespace lacuna
