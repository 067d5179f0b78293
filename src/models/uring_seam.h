/* SPDX-License-Identifier: MIT */
/* uring_seam: where tests make io_uring fail, which neither strace(1) nor a preloaded library can do, since
 * its requests are not system calls. In a build with TEST_SEAM,
 *
 * ECHO_C_SEAM=KIND:N    changes every N-th request or completion of a kind
 * ECHO_C_SEAM_FAULTS    is a file that is shared with whoever makes requests fail while the server runs (struct seam_faults)
 * ECHO_C_BUFFERS=N      sets the size of the buffer ring
 *
 * In any other build all of this compiles to nothing. Both forms of it are here, since they read better whole. */
#ifndef MODELS_URING_SEAM_H
#define MODELS_URING_SEAM_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Of requests. SEAM_NONE: none fails. */
enum seam_kind {
        SEAM_NONE,
        SEAM_RECEIVE,
        SEAM_SEND,
        SEAM_ACCEPT,
        SEAM_POLL,
        SEAM_CLOSE,
        SEAM_CANCEL,
        SEAM_STOP,
        SEAM_KINDS
};

/* After `skip` more requests of a kind, `count` are not made, and complete with -error. */
struct seam_faults {
        atomic_int kind, error;
        atomic_long skip, count, hits;
        atomic_long seen[SEAM_KINDS];
};

#ifdef TEST_SEAM
#include <fcntl.h>
#include <liburing.h>
#include <sys/mman.h>
#include <unistd.h>

/* True if requests or completions of this kind are changed now and then. */
static inline bool seam_is(const char *kind)
{
        const char *spec = getenv("ECHO_C_SEAM");
        size_t length = strlen(kind);

        return spec && strncmp(spec, kind, length) == 0 && spec[length] == ':';
}

static inline bool seam_hits(const char *kind)
{
        static _Thread_local unsigned long count;

        return seam_is(kind) && ++count % strtoul(getenv("ECHO_C_SEAM") + strlen(kind) + 1, NULL, 10) == 0;
}

static inline struct seam_faults *seam_faults(void)
{
        static struct seam_faults none, *_Atomic faults;
        const char *path = getenv("ECHO_C_SEAM_FAULTS");

        if (faults)
                return faults;
        int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
        void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd >= 0)
                (void)close(fd);
        struct seam_faults *found = at == MAP_FAILED ? &none : at;
        faults = found;
        return found;
}

/* In place of the request comes one that does nothing and completes as it is told to (IORING_NOP_INJECT_RESULT, Linux 6.10),
 * so that no byte and no descriptor is touched, as where the kernel refuses a request. */
static inline void seam_request(struct io_uring_sqe *sqe, enum seam_kind kind)
{
        struct seam_faults *f = seam_faults();

        (void)atomic_fetch_add(&f->seen[kind], 1);
        if (atomic_load(&f->kind) != (int)kind || atomic_fetch_sub(&f->skip, 1) > 0 ||
            atomic_fetch_sub(&f->count, 1) <= 0)
                return;
        uint64_t label = sqe->user_data;
        uint8_t flags = sqe->flags & IOSQE_CQE_SKIP_SUCCESS;
        io_uring_prep_nop(sqe);
        sqe->rw_flags = 1;
        sqe->len = (unsigned)-atomic_load(&f->error);
        sqe->user_data = label;
        sqe->flags = flags;
        (void)atomic_fetch_add(&f->hits, 1);
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
static inline bool seam_is(const char *kind)
{
        (void)kind;
        return false;
}

static inline bool seam_hits(const char *kind)
{
        (void)kind;
        return false;
}

struct io_uring_sqe;
static inline void seam_request(struct io_uring_sqe *sqe, enum seam_kind kind)
{
        (void)sqe, (void)kind;
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
