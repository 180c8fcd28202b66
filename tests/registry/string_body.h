// A request body from a string.
#pragma once

#include <string>
#include <utility>

#include "registry/http_transport.h"

namespace lacuna {

class StringBody : public HttpBody {
 public:
  explicit StringBody(std::string bytes) : bytes_(std::move(bytes)) {}
  uint64_t size() const override { return bytes_.size(); }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> out) override {
    return bytes_.copy(out.data(), out.size(), offset);
  }

 private:
  const std::string bytes_;
};

}  // namespace lacuna
