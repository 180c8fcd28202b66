#include "cachefiles/chunk_map_format.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/digest.h"

namespace lacuna {
namespace {

constexpr absl::string_view kMagic = "LACUNAMP";
constexpr uint32_t kVersion = 1;
constexpr uint64_t kDigestOffset = 32;
constexpr uint64_t kHeaderSize = 64;
constexpr uint64_t kBitsPerWord = 64;

template <typename Integer>
void AppendLittleEndian(std::string& out, Integer value) {
  for (size_t i = 0; i < sizeof(value); ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

template <typename Integer>
Integer LoadLittleEndian(absl::string_view bytes) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) {
    value |= static_cast<Integer>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

// The 32 bytes that stand at kDigestOffset.
std::string Checksum(absl::string_view head, absl::string_view bitmap) {
  Sha256 hasher;
  hasher.Update({head.data(), head.size()});
  hasher.Update({bitmap.data(), bitmap.size()});
  return absl::HexStringToBytes(hasher.Finish().hex());
}

std::string EncodeBitmap(const std::vector<uint64_t>& words) {
  std::string bitmap;
  bitmap.reserve(words.size() * sizeof(uint64_t));
  for (uint64_t word : words) AppendLittleEndian(bitmap, word);
  return bitmap;
}

bool AnyBitPast(const std::vector<uint64_t>& words, uint64_t chunks) {
  const uint64_t used = chunks % kBitsPerWord;
  return used != 0 && (words.back() >> used) != 0;
}

}  // namespace

uint64_t ChunkMapWords(uint64_t object_size) {
  return (ChunkCount(object_size) + kBitsPerWord - 1) / kBitsPerWord;
}

uint64_t ChunkMapSlotSize(uint64_t object_size) {
  return RoundUp(kHeaderSize + ChunkMapWords(object_size) * sizeof(uint64_t), kBlockSize);
}

std::string EncodeChunkMap(const ChunkMapImage& image) {
  std::string slot(kMagic);
  slot.reserve(ChunkMapSlotSize(image.object_size));
  AppendLittleEndian(slot, kVersion);
  AppendLittleEndian(slot, static_cast<uint32_t>(kChunkSize));
  AppendLittleEndian(slot, image.object_size);
  AppendLittleEndian(slot, image.generation);
  const std::string bitmap = EncodeBitmap(image.words);
  slot += Checksum(slot, bitmap);
  slot += bitmap;
  slot.resize(ChunkMapSlotSize(image.object_size), '\0');
  return slot;
}

absl::StatusOr<ChunkMapImage> DecodeChunkMap(absl::Span<const char> slot, uint64_t object_size) {
  if (slot.size() != ChunkMapSlotSize(object_size)) return absl::DataLossError("the slot is cut short");
  const absl::string_view bytes(slot.data(), slot.size());
  const absl::string_view head = bytes.substr(0, kDigestOffset);
  const absl::string_view bitmap = bytes.substr(kHeaderSize, ChunkMapWords(object_size) * sizeof(uint64_t));
  if (head.substr(0, kMagic.size()) != kMagic) return absl::DataLossError("no chunk map begins here");
  if (Checksum(head, bitmap) != bytes.substr(kDigestOffset, kHeaderSize - kDigestOffset)) {
    return absl::DataLossError("the checksum does not match");
  }
  const auto version = LoadLittleEndian<uint32_t>(head.substr(8));
  if (version != kVersion) return absl::DataLossError(absl::StrCat("unknown version ", version));
  if (LoadLittleEndian<uint32_t>(head.substr(12)) != kChunkSize) {
    return absl::DataLossError("made for another chunk size");
  }
  ChunkMapImage image{.object_size = LoadLittleEndian<uint64_t>(head.substr(16)),
                      .generation = LoadLittleEndian<uint64_t>(head.substr(24))};
  if (image.object_size != object_size) return absl::DataLossError("made for an object of another size");
  for (size_t at = 0; at < bitmap.size(); at += sizeof(uint64_t)) {
    image.words.push_back(LoadLittleEndian<uint64_t>(bitmap.substr(at)));
  }
  if (AnyBitPast(image.words, ChunkCount(object_size))) {
    return absl::DataLossError("bits past the end of the object are set");
  }
  return image;
}

}  // namespace lacuna
