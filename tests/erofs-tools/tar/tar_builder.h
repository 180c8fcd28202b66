// Writes tar archives for tests, sane ones and others: every field of a header can be said.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace lacuna {

struct TarFields {
  char flag = '0';
  std::string name;
  std::string target;
  std::string prefix;
  uint64_t mode = 0644;
  uint64_t uid = 0;
  uint64_t gid = 0;
  uint64_t size = 0;
  uint64_t mtime = 0;
  uint64_t device_major = 0;
  uint64_t device_minor = 0;
  std::string magic = std::string(
      "ustar\0"
      "00",
      8);  // of 8 bytes
};

inline const std::string kGnuTar("ustar  \0", 8);
inline const std::string kV7Tar(8, '\0');

inline void Put(std::string& block, size_t offset, const std::string& bytes) {
  block.replace(offset, bytes.size(), bytes);
}

inline std::string Octal(uint64_t value, int digits) {
  char text[32];
  std::snprintf(text, sizeof(text), "%0*llo", digits, static_cast<unsigned long long>(value));
  return text;
}

// Big-endian two's complement with its first bit set.
inline std::string Base256(int64_t value, size_t length) {
  std::string bytes(length, value < 0 ? '\xff' : '\0');
  for (size_t i = 0; i < 8 && i < length; ++i) {
    bytes[length - 1 - i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  }
  bytes[0] = static_cast<char>(bytes[0] | '\x80');
  return bytes;
}

// To be called after the last change of a header.
inline void PutChecksum(std::string& block) {
  Put(block, 148, "        ");
  uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  Put(block, 148, Octal(sum, 6) + std::string("\0 ", 2));
}

inline std::string TarHeaderBlock(const TarFields& fields) {
  std::string block(512, '\0');
  Put(block, 0, fields.name);
  Put(block, 100, Octal(fields.mode, 7));
  Put(block, 108, Octal(fields.uid, 7));
  Put(block, 116, Octal(fields.gid, 7));
  Put(block, 124, Octal(fields.size, 11));
  Put(block, 136, Octal(fields.mtime, 11));
  block[156] = fields.flag;
  Put(block, 157, fields.target);
  Put(block, 257, fields.magic);
  if (fields.magic != kV7Tar) {
    Put(block, 329, Octal(fields.device_major, 7));
    Put(block, 337, Octal(fields.device_minor, 7));
    Put(block, 345, fields.prefix);
  }
  PutChecksum(block);
  return block;
}

// A header with `bytes` at `offset`, in place of what it had there.
inline std::string Patched(std::string block, size_t offset, const std::string& bytes) {
  Put(block, offset, bytes);
  PutChecksum(block);
  return block;
}

// `bytes`, filled up to whole blocks.
inline std::string Padded(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

inline std::string TarFile(TarFields fields, const std::string& body) {
  fields.size = body.size();
  return TarHeaderBlock(fields) + Padded(body);
}

inline std::string PaxRecord(const std::string& key, const std::string& value) {
  const size_t rest = key.size() + value.size() + 3;  // space, '=', newline
  size_t length = rest + 1;
  while (length != rest + std::to_string(length).size()) ++length;
  return std::to_string(length) + " " + key + "=" + value + "\n";
}

inline std::string PaxRaw(const std::string& data, char flag = 'x') {
  return TarFile({.flag = flag, .name = "PaxHeaders/entry"}, data);
}

using PaxRecords = std::vector<std::pair<std::string, std::string>>;

inline std::string Pax(const PaxRecords& records, char flag = 'x') {
  std::string data;
  for (const auto& [key, value] : records) data += PaxRecord(key, value);
  return PaxRaw(data, flag);
}

// 'L' or 'K', as GNU tar writes them.
inline std::string GnuLong(char flag, const std::string& text) {
  return TarFile({.flag = flag, .name = "././@LongLink", .magic = kGnuTar}, text + '\0');
}

// Offsets and lengths.
using SparseSegments = std::vector<std::pair<uint64_t, uint64_t>>;

// 'S': the first four segments in the header, 21 in each block behind it.
inline std::string GnuSparseFile(const std::string& name, uint64_t size, const SparseSegments& segments,
                                 const std::string& body) {
  std::string header = TarHeaderBlock({.flag = 'S', .name = name, .size = body.size(), .magic = kGnuTar});
  Put(header, 483, Octal(size, 11));
  std::string blocks;
  size_t at = 386;
  std::string* block = &header;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (i >= 4 && (i - 4) % 21 == 0) {
      (*block)[block == &header ? 482 : blocks.size() - 512 + 504] = '\1';
      blocks.resize(blocks.size() + 512);
      block = &blocks;
      at = blocks.size() - 512;
    }
    Put(*block, at, Octal(segments[i].first, 11) + '\0' + Octal(segments[i].second, 11));
    at += 24;
  }
  PutChecksum(header);
  return header + blocks + Padded(body);
}

inline const std::string kTarEnd(1024, '\0');

}  // namespace lacuna
