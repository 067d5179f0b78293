/* SPDX-License-Identifier: MIT */
/* uring_seam: where tests make io_uring fail, which neither strace(1) nor a preloaded library can do, since
 * its requests are not system calls. In a build with TEST_SEAM, ECHO_C_SEAM=KIND:N changes every N-th request
 * or completion of a kind, and ECHO_C_BUFFERS=N sets the size of the buffer ring; in any other build all of
 * this compiles to nothing. */
#ifndef MODELS_URING_SEAM_H
#define MODELS_URING_SEAM_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef TEST_SEAM
static inline bool seam_hits(const char *kind)
{
        static _Thread_local unsigned long count;
        const char *spec = getenv("ECHO_C_SEAM");
        size_t length = strlen(kind);

        if (!spec || strncmp(spec, kind, length) != 0 || spec[length] != ':')
                return false;
        return ++count % strtoul(spec + length + 1, NULL, 10) == 0;
}

static inline unsigned seam_buffers(unsigned usual)
{
        const char *text = getenv("ECHO_C_BUFFERS");

        return text ? (unsigned)strtoul(text, NULL, 10) : usual;
}

static inline bool seam_has_features(void)
{
        const char *text = getenv("ECHO_C_FEATURES");

        return !text || strcmp(text, "0") != 0;
}
#else
static inline bool seam_hits(const char *kind)
{
        (void)kind;
        return false;
}

static inline unsigned seam_buffers(unsigned usual)
{
        return usual;
}

static inline bool seam_has_features(void)
{
        return true;
}
#endif

/* Returns the result, or the error in its place. */
static inline int seam_result(const char *kind, int result, int error)
{
        return seam_hits(kind) ? error : result;
}

#endif
