/* SPDX-License-Identifier: MIT */
#include "load/socket.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

int socket_open(struct worker *w, const struct address *target, int flags)
{
        struct address source;
        int fd = socket(target->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

        if (fd < 0 || address_is_unix(target))
                return fd < 0 ? -errno : fd;
        /* Slower or from another address without these, but right. IP_BIND_ADDRESS_NO_PORT lets connect(2)
         * choose the port, which it does per destination (ip(7), Linux 4.2). */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
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
