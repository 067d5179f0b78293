/* SPDX-License-Identifier: MIT */
/* Why steering: with a listener per CPU, the worker of the CPU on which a client's segments are processed
 * serves that client, so that no request wakes a thread on another CPU and no cache line of the socket
 * travels. It is the largest single gain for every model here. On a network card with several queues the same
 * program follows the queue. */
#include "echo-c/listen.h"

#include "base/clock.h"
#include "base/congestion.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEEPALIVE_S_MAX 32767U /* MAX_TCP_KEEPIDLE of linux/tcp.h */

static int option_set(int fd, int level, int option, int value)
{
        return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

/* A peer that has vanished, with its power or its network, ends nothing. So one that is silent is asked after half of the
 * time, six times (tcp(7), keepalive); and one that acknowledges nothing, or has no room for what was sent to it, is given
 * up after all of it (TCP_USER_TIMEOUT). */
static int peer_timeout_set(int fd, uint64_t ns)
{
        enum { PROBES = 6 };
        uint64_t s = ns / NS_PER_S, half = s / 2 > 0 ? s / 2 : 1, step = (s - s / 2) / PROBES;
        int error = option_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);

        if (!error)
                error = option_set(fd, IPPROTO_TCP, TCP_KEEPIDLE,
                                   (int)(half < KEEPALIVE_S_MAX ? half : KEEPALIVE_S_MAX));
        if (!error)
                error = option_set(fd, IPPROTO_TCP, TCP_KEEPINTVL,
                                   (int)(step < 1                 ? 1
                                         : step < KEEPALIVE_S_MAX ? step
                                                                  : KEEPALIVE_S_MAX));
        if (!error)
                error = option_set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
        return error ? error
                     : option_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                                  ns / NS_PER_MS < INT_MAX ? (int)(ns / NS_PER_MS) : INT_MAX);
}

/* By itself the kernel lets both buffers of a client that does not read grow to megabytes. What waits to be sent is limited
 * apart from what is on its way (TCP_NOTSENT_LOWAT, Linux 3.12), so that this bound slows down nobody who reads; what may
 * be received while nothing can be sent is the window, which does: a client at a distance gets so much per round trip. The
 * kernel doubles the size, for its own records (socket(7), SO_RCVBUF). */
static int client_buffer_set(int fd, size_t size)
{
        int error = option_set(fd, SOL_SOCKET, SO_RCVBUF, (int)size);

        return error ? error : option_set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)size);
}

/* What connections inherit is set on the listener. */
static int tcp_options_set(int fd, const struct listen_options *o)
{
        int error = option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* an echo never waits for more */

        if (!error) /* an urgent byte stays in the stream, and comes back in its place */
                error = option_set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
        if (!error && o->client_buffer > 0)
                error = client_buffer_set(fd, o->client_buffer);
        if (!error && o->peer_timeout > 0)
                error = peer_timeout_set(fd, o->peer_timeout);
        if (!error && o->congestion)
                error = congestion_set(fd, o->congestion);
        return error;
}

static int socket_open(const struct address *a, const struct listen_options *o, bool reuse_port, int *fd)
{
        int error = 0;

        *fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | (o->blocking ? 0 : SOCK_NONBLOCK), 0);
        if (*fd < 0)
                return -errno;
        if (!address_is_unix(a)) {
                error = option_set(*fd, SOL_SOCKET, SO_REUSEADDR, 1);
                if (!error && reuse_port)
                        error = option_set(*fd, SOL_SOCKET, SO_REUSEPORT, 1);
                if (!error)
                        error = tcp_options_set(*fd, o);
        }
        if (!error && a->sa.any.sa_family == AF_INET6)
                error = option_set(*fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (!error && bind(*fd, &a->sa.any, a->size) != 0)
                error = -errno;
        if (error)
                (void)close(*fd);
        return error;
}

/* Learns the port that the kernel chose for port 0. */
static int port_learn(int fd, struct address *a)
{
        struct address bound = {.size = sizeof bound.sa};

        if (address_is_unix(a) || address_port(a) != 0)
                return 0;
        if (getsockname(fd, &bound.sa.any, &bound.size) != 0)
                return -errno;
        address_set_port(a, address_port(&bound));
        return 0;
}

/* A server that was killed leaves its socket's file behind; one that lives answers. */
static void stale_unix_socket_remove(const struct address *a)
{
        struct stat status;

        if (lstat(a->sa.un.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode))
                return; /* bind will report what is wrong, here and below */
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return;
        if (connect(fd, &a->sa.any, a->size) != 0 && errno == ECONNREFUSED)
                (void)unlink(a->sa.un.sun_path);
        (void)close(fd);
}

static int listener_open(struct address *a, const struct listen_options *o, bool reuse_port, int *fd)
{
        int error = socket_open(a, o, reuse_port, fd);

        if (error)
                return error;
        error = port_learn(*fd, a);
        if (!error && listen(*fd, o->backlog) != 0)
                error = -errno;
        if (error)
                (void)close(*fd);
        return error;
}

int listen_shared(struct address *a, const struct listen_options *o, unsigned workers, struct listener *l)
{
        *l = (struct listener){.worker = -1, .users = (int)workers, .is_unix = address_is_unix(a)};
        if (l->is_unix)
                stale_unix_socket_remove(a);
        int error = listener_open(a, o, false, &l->fd);
        if (error || !l->is_unix)
                return error;
        l->path = strdup(a->sa.un.sun_path); /* for the life of the process */
        if (!l->path) {
                (void)close(l->fd);
                return -ENOMEM;
        }
        (void)lstat(l->path, &l->made); /* somebody may have removed it by now */
        return 0;
}

int listen_adopt(int fd, const struct listen_options *o, unsigned workers, struct listener *l,
                 struct address *a)
{
        int flags = fcntl(fd, F_GETFL);

        *a = (struct address){.size = sizeof a->sa};
        if (flags < 0 || getsockname(fd, &a->sa.any, &a->size) != 0 ||
            fcntl(fd, F_SETFL, o->blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) != 0)
                return -errno;
        *l = (struct listener){.fd = fd, .worker = -1, .users = (int)workers, .is_unix = address_is_unix(a)};
        return l->is_unix ? 0 : tcp_options_set(fd, o);
}

/* The program returns the CPU's index in `cpus`, or, if it is not there, the CPU modulo their number. For
 * CPUs 0 to n-1 the modulo is enough. */
static int steering_attach(int fd, const int *cpus, unsigned count)
{
        struct sock_filter *code = calloc(2 * (size_t)count + 3, sizeof *code);
        unsigned short length = 0;

        if (!code)
                return -ENOMEM;
        code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                                      (unsigned)(SKF_AD_OFF + SKF_AD_CPU));
        for (unsigned i = 0; i < count; i++)
                if (cpus[i] != (int)i) {
                        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                                      (unsigned)cpus[i], 0, 1);
                        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i);
                }
        code[length++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, count);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
        struct sock_fprog program;
        memset(&program, 0, sizeof program); /* its padding too, since the kernel copies it */
        program.len = length;
        program.filter = code;
        int error = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0
                            ? 0
                            : -errno;
        free(code);
        return error;
}

/* Sockets with SO_REUSEPORT share an address without a word, so the first of the group binds and
 * listens without it, and is refused if anybody else listens there. Once it has the address, it lets
 * the others in. */
int listen_steered(struct address *a, const struct listen_options *o, const int *cpus, unsigned workers,
                   struct listener *listeners)
{
        unsigned opened = 0;
        int error = 0;

        for (; !error && opened < workers; opened++) {
                struct listener *l = &listeners[opened];
                *l = (struct listener){.worker = (int)opened, .users = 1};
                error = listener_open(a, o, opened > 0, &l->fd);
                if (error)
                        break;
                if (opened == 0)
                        error = option_set(l->fd, SOL_SOCKET, SO_REUSEPORT, 1);
        }
        if (!error) /* it belongs to the group, whose indices follow the order of listen(2) */
                error = steering_attach(listeners[0].fd, cpus, workers);
        while (error && opened > 0)
                (void)close(listeners[--opened].fd);
        return error;
}
