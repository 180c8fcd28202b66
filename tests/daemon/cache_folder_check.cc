// Compares what a successor would believe of a cache folder with the truth, for tests of crashes.
//
// cache_folder_check ROOT BLOBS: BLOBS holds the blobs that ROOT's objects may be of, each as a file with its
// digest's hex as name. Opens each object that has a file in ROOT as the daemon would (which may start it
// over), and compares every byte of a finished one, and every chunk that the map calls present of another.
// Prints one line of JSON: how many objects it found finished, partly filled, and without a map that says
// anything; how many chunks it compared; and what was wrong. Exit status 0 when it could look at everything.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cachefiles/object_key.h"
#include "cachefiles/posix_backing_file.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/digest.h"
#include "daemon/base/status.h"
#include "daemon/object_store.h"

namespace lacuna {
namespace {

constexpr absl::string_view kKeyPrefix = "v1-sha256-";

struct Findings {
  uint64_t finished = 0;
  uint64_t partial = 0;
  uint64_t empty = 0;
  uint64_t chunks = 0;  // compared
  std::vector<std::string> wrong;
};

// What its object holds once it is complete.
absl::StatusOr<std::string> PaddedBlob(const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<PosixBackingFile> file, PosixBackingFile::Open(path));
  ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  std::string bytes(RoundUp(size, kBlockSize), '\0');
  RETURN_IF_ERROR(file->ReadAt(0, absl::MakeSpan(bytes).subspan(0, size)));
  return bytes;
}

// True when the object's bytes there are the blob's, padded with zeros.
bool SameBytes(BackingFile& data, const ByteRange& range, absl::string_view padded_blob) {
  std::string found(range.length, '\0');
  return data.ReadAt(range.offset, absl::MakeSpan(found)).ok() &&
         found == padded_blob.substr(range.offset, range.length);
}

void Compare(StoredObject& object, absl::string_view name, absl::string_view padded_blob,
             Findings& findings) {
  for (uint64_t chunk = 0; chunk < ChunkCount(padded_blob.size()); ++chunk) {
    if (object.map != nullptr && !object.map->IsPresent(chunk)) continue;
    ++findings.chunks;
    const ByteRange bytes = BytesOf({chunk, chunk + 1}, padded_blob.size());
    if (SameBytes(*object.data, bytes, padded_blob)) continue;
    const char* const state = object.map == nullptr ? "finished" : "partial";
    findings.wrong.push_back(absl::StrCat(name, " (", state, "), chunk ", chunk, ": other bytes"));
  }
}

absl::Status CheckObject(ObjectStore& store, absl::string_view name, const std::string& blobs,
                         Findings& findings) {
  absl::string_view hex = name;
  if (!absl::ConsumePrefix(&hex, kKeyPrefix)) return absl::NotFoundError(absl::StrCat("whose is ", name));
  ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(absl::StrCat("sha256:", hex)));
  ASSIGN_OR_RETURN(const std::string blob, PaddedBlob(absl::StrCat(blobs, "/", hex)));
  ASSIGN_OR_RETURN(StoredObject object, store.OpenObject(ObjectKey::ForBlob(digest), blob.size()));
  const bool finished = object.map == nullptr;
  const bool loaded = !finished && object.map->origin() == ChunkMap::Origin::kLoaded;
  ++(finished ? findings.finished : loaded ? findings.partial : findings.empty);
  Compare(object, name, blob, findings);
  return absl::OkStatus();
}

absl::Status Check(const std::string& root, const std::string& blobs) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ObjectStore> store, ObjectStore::Open(root));
  Findings findings;
  for (const StoredInfo& info : store->List()) {
    RETURN_IF_ERROR(CheckObject(*store, info.file_name, blobs, findings));
  }
  const std::string wrong =
      findings.wrong.empty() ? "" : absl::StrCat("\"", absl::StrJoin(findings.wrong, "\", \""), "\"");
  std::printf("{\"finished\": %lu, \"partial\": %lu, \"empty\": %lu, \"chunks\": %lu, \"wrong\": [%s]}\n",
              findings.finished, findings.partial, findings.empty, findings.chunks, wrong.c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace lacuna

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: cache_folder_check ROOT BLOBS\n", stderr);
    return 2;
  }
  const absl::Status status = lacuna::Check(argv[1], argv[2]);
  if (!status.ok()) std::fprintf(stderr, "cache_folder_check: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
