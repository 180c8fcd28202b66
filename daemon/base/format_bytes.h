// Sizes for people: powers of 1024 with units (CONTRACT.md, "Command lines"). Programs get plain integers
// instead.
//
// Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string>

namespace lacuna {

// "0 B", "1023 B", "1.0 KiB", "64.0 KiB", "1.5 GiB"; one decimal, rounded down, so that 100% is only said of
// all.
std::string FormatBytes(uint64_t bytes);

}  // namespace lacuna
