/* SPDX-License-Identifier: MIT */
/* sanitizers: WITH_ASAN and WITH_TSAN say whether the program is built with AddressSanitizer or ThreadSanitizer.
 * gcc has macros for that, clang 14 has features. */
#ifndef BASE_SANITIZERS_H
#define BASE_SANITIZERS_H

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#ifndef WITH_TSAN
#define WITH_TSAN 0
#endif

#endif
