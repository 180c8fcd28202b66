// Reads a tar archive as a stream, in one pass and in bounded memory.
// Sources: POSIX.1-2017 pax, "ustar Interchange Format" and "pax Header Block"; GNU tar manual, "Basic Tar
// Format" and "Storing Sparse Files"; star's "SCHILY.xattr". Where they leave room it decides as Go's
// archive/tar does, with which containerd and umoci unpack layers.
//
// An archive is taken apart into *bodies* (the stored bytes of regular files) and *structure* (every other
// byte: headers, PAX records, sparse maps, padding, the end and what follows it). Structure alone can be read
// again: what a body was long is said in its header.
//
// Callers: whoever indexes or verifies a layer. One thread at a time. Input is anybody's: nothing in it makes
// the reader crash, hold more than some MiB, or pass on a field that TarEntry forbids.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "erofs-tools/tar/tar_entry.h"

namespace lacuna {

// Told what is in the archive, in its order. An error ends the reading, which returns it.
class TarSink {
 public:
  virtual ~TarSink() = default;

  // The next bytes of structure. Of an entry: all of it up to its body, before OnEntry.
  virtual absl::Status OnStructure(absl::Span<const char> bytes) = 0;
  // Its body, if it has one, follows, and begins at `body_offset` of the archive.
  virtual absl::Status OnEntry(const TarEntry& entry, uint64_t body_offset) = 0;
  // The next bytes of the last entry's body. Not called when bodies are cut out.
  virtual absl::Status OnBody(absl::Span<const char> bytes) = 0;
};

class TarReader {
 public:
  enum class Bodies {
    kPresent,
    kCutOut,  // what is read is structure alone
  };

  // `sink` outlives this.
  explicit TarReader(TarSink& sink, Bodies bodies = Bodies::kPresent);
  ~TarReader();

  // The next bytes, in pieces of any length. InvalidArgument names the entry and what is wrong with it. After
  // an error only the destructor may be called.
  absl::Status Read(absl::Span<const char> bytes);
  // After the last byte. InvalidArgument when the archive ends within an entry. A missing end-of-archive is
  // none.
  absl::Status Finish();

  // Bytes of the archive behind, bodies included, also those cut out.
  uint64_t position() const;

 private:
  class State;
  const std::unique_ptr<State> state_;
};

}  // namespace lacuna
