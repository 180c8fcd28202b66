// The HTTP status codes that are asked for by name (RFC 9110 section 15). What a failure means: http_error.h.
#pragma once

namespace lacuna::http_code {

inline constexpr int kOk = 200;
inline constexpr int kCreated = 201;
inline constexpr int kAccepted = 202;
inline constexpr int kNoContent = 204;
inline constexpr int kPartialContent = 206;
inline constexpr int kFirstError = 400;
inline constexpr int kBadRequest = 400;
inline constexpr int kUnauthorized = 401;

}  // namespace lacuna::http_code
