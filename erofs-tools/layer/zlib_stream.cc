#include "erofs-tools/layer/zlib_stream.h"

#include <cstdlib>

namespace lacuna {
namespace {

constexpr int kRawDeflate = -15;  // windowBits of inflateInit2

}  // namespace

Bytef* ZlibBytes(const char* bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes));
}

void OrAbort(int zlib_code) {
  if (zlib_code != Z_OK) std::abort();
}

void BeginRawInflate(z_stream& stream, absl::string_view window, int bits, unsigned char byte_before) {
  OrAbort(inflateInit2(&stream, kRawDeflate));
  OrAbort(inflateSetDictionary(&stream, ZlibBytes(window.data()), static_cast<uInt>(window.size())));
  if (bits > 0) OrAbort(inflatePrime(&stream, bits, byte_before >> (8 - bits)));
}

}  // namespace lacuna
