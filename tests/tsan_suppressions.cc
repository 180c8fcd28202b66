// What ThreadSanitizer cannot know: the count of an absl::Status that several threads hold goes down inside
// Debian's library, which is not instrumented, so that the thread that frees it, or its payload, seems to
// have met nobody. And it does not see pthread_mutex_clocklock, so that what that locked is unlocked
// unlocked. Linked into every test of that build.
extern "C" const char* __tsan_default_suppressions();  // NOLINT(bugprone-reserved-identifier)

extern "C" const char* __tsan_default_suppressions() {
  return "race:Unref\nrace:absl::*status_internal::Payload\nmutex:lacuna::Lifeline::Watch\n";
}
