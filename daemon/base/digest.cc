#include "daemon/base/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace lacuna {
namespace {

constexpr size_t kHexLength = 64;

bool IsLowerHex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

}  // namespace

absl::StatusOr<Digest> Digest::Parse(absl::string_view text) {
  absl::string_view hex = text;
  if (!absl::ConsumePrefix(&hex, "sha256:") || hex.size() != kHexLength ||
      !std::all_of(hex.begin(), hex.end(), IsLowerHex)) {
    return absl::InvalidArgumentError(absl::StrCat("'", absl::CHexEscape(text.substr(0, 100)),
                                                   "' is not a digest (sha256: and 64 hex digits)"));
  }
  return Digest(std::string(hex));
}

Digest Digest::Of(absl::string_view bytes) {
  Sha256 hasher;
  hasher.Update(absl::MakeConstSpan(bytes.data(), bytes.size()));
  return hasher.Finish();
}

struct Sha256::Context {
  EVP_MD_CTX* md = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(md); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  // Fails only when memory is gone or OpenSSL has no SHA-256; nothing sensible can follow either.
  if (context_->md == nullptr || EVP_DigestInit_ex(context_->md, EVP_sha256(), nullptr) != 1) std::abort();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(absl::Span<const char> bytes) {
  EVP_DigestUpdate(context_->md, bytes.data(), bytes.size());
}

Digest Sha256::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->md, raw.data(), &size);
  return Digest(absl::BytesToHexString({reinterpret_cast<const char*>(raw.data()), size}));
}

}  // namespace lacuna
