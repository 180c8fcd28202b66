// Bytes from elsewhere (an image, a registry) made fit for a terminal and for one line of a message.
//
// Pure; safe from any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace lacuna {

// Printable ASCII as it is, everything else as "\xNN": a terminal acts on control characters, also on those
// that are spelled in UTF-8 (U+009B), and some letters turn the text around.
std::string EscapeForTerminal(absl::string_view bytes);

}  // namespace lacuna
