/* SPDX-License-Identifier: MIT */
/* accepting: how a worker's listeners are watched by an epoll instance, and not watched while something is lacking. */
#ifndef MODELS_ACCEPTING_H
#define MODELS_ACCEPTING_H

#include "models/server.h"

#include <stdint.h>

struct accepting {
        const struct server *server;
        unsigned worker;
        int epoll_fd;
        uint32_t events;
        uint64_t label;        /* of an event's data, together with the listener's index */
        uint64_t paused_until; /* ns of clock_now(); they are not watched; 0: they are */
};

/* Watches none for SERVER_PAUSE_MS; and all, and returns 0, or a negative errno, such as -ENOMEM, after which it is a pause. */
void accepting_pause(struct accepting *);
int accepting_resume(struct accepting *);

#endif
