/* SPDX-License-Identifier: MIT */
/* listener: a listening socket that workers share, or that is one worker's alone. */
#ifndef MODELS_LISTENER_H
#define MODELS_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

/* The last of its users to leave closes it. Nobody calls shutdown(2) on it, since other
 * processes may have inherited it. */
struct listener {
        int fd;
        int worker;       /* the only worker that accepts here, or -1: all of them do */
        atomic_int users; /* workers that have not left */
        bool is_unix;     /* a read ends where a descriptor was passed (unix(7)) */
        const char *path; /* of a unix socket, for the last user to unlink; else NULL */
        struct stat made; /* of what bind(2) made there; zero if that is not known */
};

static inline bool listener_serves(const struct listener *l, unsigned worker) /* the worker accepts from it */
{
        return l->worker < 0 || l->worker == (int)worker;
}

void listener_leave(struct listener *); /* the calling worker will accept no more from it */

/* Removes the path of a unix socket, unless another server's has taken its place. */
void listener_unlink(const struct listener *);

#endif
