#include "erofs-tools/layer/zstd_stream.h"

#include <zstd.h>

#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

absl::Status ZstdError(size_t code) {
  return absl::InvalidArgumentError(absl::StrCat("zstd: ", ZSTD_getErrorName(code)));
}

// What cannot fail but for want of memory, where nothing sensible can follow.
template <typename Result>
Result OrAbort(Result result, bool ok) {
  if (!ok) std::abort();
  return result;
}

ZSTD_CCtx* NewCompressor(int level) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  return OrAbort(context, context != nullptr && ZSTD_isError(ZSTD_CCtx_setParameter(
                                                    context, ZSTD_c_compressionLevel, level)) == 0);
}

ZSTD_DCtx* NewDecompressor(int max_window_log) {
  ZSTD_DCtx* context = ZSTD_createDCtx();
  return OrAbort(context, context != nullptr && ZSTD_isError(ZSTD_DCtx_setParameter(
                                                    context, ZSTD_d_windowLogMax, max_window_log)) == 0);
}

}  // namespace

void ZstdFree::operator()(ZSTD_CCtx_s* context) const {
  ZSTD_freeCCtx(context);
}
void ZstdFree::operator()(ZSTD_DCtx_s* context) const {
  ZSTD_freeDCtx(context);
}

ZstdWriter::ZstdWriter(int level, uint64_t max_bytes)
    : max_bytes_(max_bytes), context_(NewCompressor(level)) {}

absl::Status ZstdWriter::Write(absl::Span<const char> bytes) {
  return Compress(bytes, false);
}

absl::StatusOr<std::string> ZstdWriter::Finish() && {
  RETURN_IF_ERROR(Compress({}, true));
  return std::move(result_);
}

absl::Status ZstdWriter::Compress(absl::Span<const char> bytes, bool end) {
  std::array<char, 16 * 1024> step;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t left = 0;
  do {
    ZSTD_outBuffer out{step.data(), step.size(), 0};
    left = ZSTD_compressStream2(context_.get(), &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0) return ZstdError(left);
    if (out.pos > max_bytes_ - result_.size()) {
      return absl::ResourceExhaustedError(absl::StrCat("more than ", max_bytes_, " bytes, compressed"));
    }
    result_.append(step.data(), out.pos);
  } while (end ? left > 0 : in.pos < in.size);
  return absl::OkStatus();
}

ZstdReader::ZstdReader(int max_window_log) : context_(NewDecompressor(max_window_log)) {}

absl::StatusOr<size_t> ZstdReader::Read(absl::Span<const char>& in, absl::Span<char> out) {
  ZSTD_inBuffer input{in.data(), in.size(), 0};
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  // A call ends with its frame, and skippable frames give nothing.
  while (output.pos == 0) {
    const size_t before = input.pos;
    const size_t hint = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(hint) != 0) return ZstdError(hint);
    if (input.pos > before || output.pos > 0) at_end_ = hint == 0;
    if (input.pos == input.size) break;
  }
  in.remove_prefix(input.pos);
  return output.pos;
}

std::string ZstdCompress(absl::string_view bytes, int level) {
  std::string compressed(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size = ZSTD_compress(compressed.data(), compressed.size(), bytes.data(), bytes.size(), level);
  compressed.resize(OrAbort(size, ZSTD_isError(size) == 0));
  return compressed;
}

absl::StatusOr<std::string> ZstdDecompress(absl::string_view bytes, uint64_t max_bytes) {
  ZstdReader reader(kIndexWindowLog);
  std::vector<char> step(128 * 1024);
  std::string result;
  absl::Span<const char> in(bytes.data(), bytes.size());
  while (true) {
    ASSIGN_OR_RETURN(const size_t size, reader.Read(in, absl::MakeSpan(step)));
    if (size == 0) break;
    if (size > max_bytes - result.size()) {
      return absl::InvalidArgumentError(absl::StrCat("more than ", max_bytes, " bytes, decompressed"));
    }
    result.append(step.data(), size);
  }
  if (!reader.at_end()) return absl::InvalidArgumentError("zstd: cut short");
  return result;
}

absl::StatusOr<uint64_t> ZstdContentSize(absl::string_view bytes) {
  const auto size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return absl::InvalidArgumentError("zstd: no frame that says its length");
  }
  return size;
}

}  // namespace lacuna
