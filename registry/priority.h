// The three priorities of a fetch (DESIGN.md section 2). A value.
#pragma once

namespace lacuna {

// In order: somebody waits for it; somebody will probably read it; the rest of the image.
enum class Priority { kDemand, kPrefetch, kFill };
inline constexpr int kPriorities = 3;

}  // namespace lacuna
