// The headers that say more about the entry that follows them, and come with data of their own: PAX ('x',
// 'g') and long names of GNU ('L', 'K').
//
// Caller: TarReader. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/tar/pax_header.h"
#include "erofs-tools/tar/tar_header.h"

namespace lacuna {

// What was read ahead of an entry's own header.
struct HeadersBefore {
  std::optional<PaxHeader> pax;
  std::string long_path;    // empty: none
  std::string long_target;  // empty: none
};

class ExtensionHeaders {
 public:
  static bool IsOne(const TarHeader& header);

  // Its data follow: header.size bytes. InvalidArgument when they are over 1 MiB.
  absl::Status Start(const TarHeader& header);
  void Add(absl::string_view data) { data_.append(data.data(), data.size()); }
  // After all of it. InvalidArgument when it is malformed.
  absl::Status End();

  const std::string& path() const { return path_; }  // of the header that was started, for messages
  const HeadersBefore& before() const { return before_; }
  // The entry that all this was about is behind.
  void Clear() { before_ = {}; }

 private:
  char flag_ = '\0';
  std::string path_;
  std::string data_;
  HeadersBefore before_;
};

}  // namespace lacuna
