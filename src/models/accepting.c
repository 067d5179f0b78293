/* SPDX-License-Identifier: MIT */
#include "models/accepting.h"

#include <errno.h>
#include <sys/epoll.h>

void accepting_pause(struct accepting *a)
{
        for (size_t i = 0; i < a->server->listener_count; i++)
                if (listener_serves(&a->server->listeners[i], a->worker)) /* ENOENT: it is not watched */
                        (void)epoll_ctl(a->epoll_fd, EPOLL_CTL_DEL, a->server->listeners[i].fd, NULL);
        a->paused_until = server_pause_end();
}

int accepting_resume(struct accepting *a)
{
        for (size_t i = 0; i < a->server->listener_count; i++) {
                struct epoll_event event = {.events = a->events, .data.u64 = a->label | i};
                if (listener_serves(&a->server->listeners[i], a->worker) &&
                    epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, a->server->listeners[i].fd, &event) != 0) {
                        int error = -errno;
                        accepting_pause(a);
                        return error;
                }
        }
        a->paused_until = 0;
        return 0;
}
