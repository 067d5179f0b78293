/* SPDX-License-Identifier: MIT */
#include "load/socket.h"

#include "base/clock.h"
#include "base/congestion.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SAMPLES = 64, CLOCK_TRIES = 3, CLOCK_APART_NS = 1000 };

bool socket_is_timed(const struct recorder *r, const struct connection *c)
{
        const struct plan *p = r->plan;

        return r->kernel_times || (p->verify && c->index / p->threads % SAMPLES == 0 &&
                                   !address_is_unix(plan_target(p, c->index)));
}

uint64_t socket_came(struct recorder *r, const struct cmsghdr *control, uint64_t now)
{
        struct timespec received, wall;
        uint64_t at = now; /* of the reading of `wall` */

        if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS) {
                r->lazy = false;
                return now;
        }
        memcpy(&received, CMSG_DATA(control), sizeof received);
        /* Until nothing came between the readings of the two clocks. */
        for (int i = 0; i < CLOCK_TRIES; i++) {
                (void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail */
                uint64_t read = clock_now();
                if (read - at < CLOCK_APART_NS)
                        break;
                at = read;
        }
        int64_t unread = (int64_t)(wall.tv_sec - received.tv_sec) * (int64_t)NS_PER_S + wall.tv_nsec -
                         received.tv_nsec;
        if (unread < 0) /* the clock was set meanwhile */
                return now;
        if (r->kernel_times)
                return at - (uint64_t)unread;
        if (recorder_counts(r, now))
                histogram_record(r->unread_time, (uint64_t)unread);
        return now;
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
        if (p->congestion)
                (void)congestion_set(fd, p->congestion); /* it was tried before the run */
        if (socket_is_timed(worker_recorder(w), c))
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
