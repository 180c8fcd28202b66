// Content digests as OCI writes them ("sha256:<64 hex>"), and the hasher that makes them.
// Source: OCI image-spec, descriptor.md, "Digests". Only sha256 is accepted: it is what registries serve.
//
// Digest is a value. A Sha256 is used by one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lacuna {

class Digest {
 public:
  Digest() = default;  // empty: names nothing
  // InvalidArgument unless `text` is "sha256:" and 64 lower-case hex digits.
  static absl::StatusOr<Digest> Parse(absl::string_view text);
  static Digest Of(absl::string_view bytes);

  bool empty() const { return hex_.empty(); }
  const std::string& hex() const { return hex_; }
  std::string ToString() const { return empty() ? "" : "sha256:" + hex_; }
  friend bool operator==(const Digest&, const Digest&) = default;
  friend bool operator<(const Digest& a, const Digest& b) { return a.hex_ < b.hex_; }

 private:
  friend class Sha256;
  explicit Digest(std::string hex) : hex_(std::move(hex)) {}
  std::string hex_;
};

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(absl::Span<const char> bytes);
  // Ends the computation; the object may only be destroyed afterwards.
  Digest Finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace lacuna

template <>
struct std::hash<lacuna::Digest> {
  size_t operator()(const lacuna::Digest& digest) const { return std::hash<std::string>()(digest.hex()); }
};
