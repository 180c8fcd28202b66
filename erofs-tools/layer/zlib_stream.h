// What the users of zlib here share.
//
// Safe from any thread, as far as their streams are.
#pragma once

#include <zlib.h>

#include "absl/strings/string_view.h"

namespace lacuna {

// As zlib wants them; it does not write to what goes in.
Bytef* ZlibBytes(const char* bytes);

// For what fails only when memory is gone or the arguments are wrong: ends the program then.
void OrAbort(int zlib_code);

// Makes `stream`, which is new, inflate deflate data without a header, behind `window`: first the upper
// `bits` bits of `byte_before`, then what is given to it. inflateEnd ends it.
void BeginRawInflate(z_stream& stream, absl::string_view window, int bits, unsigned char byte_before);

}  // namespace lacuna
