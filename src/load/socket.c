/* SPDX-License-Identifier: MIT */
#include "load/socket.h"

#include "base/clock.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAMPLES = 64 };

bool socket_is_sampled(const struct plan *p, const struct connection *c)
{
        return p->verify && c->index / p->threads % SAMPLES == 0 &&
               !address_is_unix(plan_target(p, c->index));
}

void socket_record_unread(struct recorder *r, const struct cmsghdr *control, uint64_t now)
{
        struct timespec received, wall;

        if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS ||
            !recorder_counts(r, now))
                return;
        memcpy(&received, CMSG_DATA(control), sizeof received);
        (void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail */
        int64_t unread = (int64_t)(wall.tv_sec - received.tv_sec) * (int64_t)NS_PER_S + wall.tv_nsec -
                         received.tv_nsec;
        if (unread >= 0) /* else the clock was set meanwhile */
                histogram_record(r->unread_time, (uint64_t)unread);
}

bool socket_was_received(const struct plan *p, const struct connection *c)
{
        uint64_t sent = (uint64_t)c->in_flight * p->request_bytes;
        int queued = 0, error = 0;
        socklen_t size = sizeof error;

        if (ioctl(c->fd, SIOCOUTQ, &queued) == 0 && (uint64_t)queued >= sent)
                return false;
        return getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != EPIPE;
}

bool socket_is_own_peer(const struct plan *p, const struct connection *c)
{
        const struct address *target = plan_target(p, c->index);
        struct address own = {.size = sizeof own.sa};

        if (p->source.size > 0 || address_is_unix(target) || !address_is_loopback(target) ||
            getsockname(c->fd, &own.sa.any, &own.size) != 0)
                return false;
        return own.size == target->size && memcmp(&own.sa, &target->sa, own.size) == 0;
}

int socket_open(struct worker *w, const struct connection *c, int flags)
{
        const struct plan *p = worker_plan(w);
        const struct address *target = plan_target(p, c->index);
        struct address source;
        int fd = socket(target->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

        if (fd < 0 || address_is_unix(target))
                return fd < 0 ? -errno : fd;
        /* Without these the run is slower, but right. IP_BIND_ADDRESS_NO_PORT lets connect(2) choose the
         * port, which it does per destination (ip(7), Linux 4.2). */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (socket_is_sampled(p, c))
                (void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int));
        if (worker_source(w, &source)) {
                (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
                if (bind(fd, &source.sa.any, source.size) != 0) {
                        int error = -errno;
                        (void)close(fd);
                        return error;
                }
        }
        return fd;
}
