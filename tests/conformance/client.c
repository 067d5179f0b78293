/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "base/clock.h"
#include "base/random.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CHUNK_MAX = 64 * 1024, CLIENTS_MAX = 512, STALL_MS = 100, STALL_MS_MAX = 400 };

static void payload_fill(uint8_t *bytes, uint64_t key, uint64_t position, size_t size)
{
        while (size > 0) {
                uint64_t word = random_at(key, position / 8);
                size_t skip = position % 8, take = 8 - skip < size ? 8 - skip : size;

                memcpy(bytes, (uint8_t *)&word + skip, take);
                bytes += take, position += take, size -= take;
        }
}

/* Small buffers, and segments as on Ethernet: with those of loopback, of 64 KiB, the kernel grows the
 * server's buffers to megabytes, and rules against small segments make what is left of a window wait for
 * timers. */
static int buffers_shrink(int fd, bool tcp)
{
        const int size = 32 * 1024, segment = 1400;

        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0 ||
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0 ||
            (tcp && setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) != 0))
                return -errno;
        return 0;
}

int client_begin(struct client *c, const struct address *a, enum buffers buffers, uint64_t *random)
{
        int error = 0;

        *c = (struct client){.key = random_next(random)};
        c->fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (c->fd < 0)
                return -errno;
        if (buffers == BUFFERS_SMALL)
                error = buffers_shrink(c->fd, !address_is_unix(a));
        if (!error && connect(c->fd, &a->sa.any, a->size) != 0 && errno != EINPROGRESS)
                error = -errno;
        if (error)
                client_close(c);
        return error;
}

void client_connect(struct client *c, const struct address *a, enum buffers buffers, uint64_t *random)
{
        int error;
        socklen_t size = sizeof error;

        while ((error = client_begin(c, a, buffers, random)) == -EAGAIN)
                check_pause("room in the queue of a unix socket");
        if (error)
                check_fail("connect: %s", strerror(-error));
        check_wait(c->fd, POLLOUT, "a connection to be established");
        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error)
                check_fail("connect: %s", strerror(error ? error : errno));
}

ssize_t client_try_send(struct client *c, size_t size)
{
        static uint8_t bytes[CHUNK_MAX];

        if (size > sizeof bytes)
                size = sizeof bytes;
        payload_fill(bytes, c->key, c->sent, size);
        ssize_t n = send(c->fd, bytes, size, MSG_NOSIGNAL);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        c->sent += (uint64_t)n;
        return n;
}

size_t client_send(struct client *c, size_t size)
{
        ssize_t n = client_try_send(c, size);

        if (n < 0)
                check_fail("send after %llu bytes: %s", (unsigned long long)c->sent, strerror((int)-n));
        return (size_t)n;
}

void client_send_beside(struct client *c, size_t size, int type)
{
        const struct ucred self = {getpid(), getuid(), getgid()};
        const size_t beside = type == SCM_RIGHTS ? sizeof c->fd : sizeof self;
        uint8_t bytes[256], control[CMSG_SPACE(sizeof self)] __attribute__((aligned(sizeof(size_t)))) = {0};
        struct iovec vector = {bytes, size < sizeof bytes ? size : sizeof bytes};
        struct msghdr message = {.msg_iov = &vector,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = CMSG_SPACE(beside)};
        struct cmsghdr *passed = CMSG_FIRSTHDR(&message);

        *passed = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = type, .cmsg_len = CMSG_LEN(beside)};
        memcpy(CMSG_DATA(passed), type == SCM_RIGHTS ? (const void *)&c->fd : &self, beside);
        payload_fill(bytes, c->key, c->sent, vector.iov_len);
        if (sendmsg(c->fd, &message, MSG_NOSIGNAL) != (ssize_t)vector.iov_len)
                check_fail("sendmsg: %s", strerror(errno));
        c->sent += vector.iov_len;
}

static void bytes_compare(const struct client *c, const uint8_t *bytes, size_t size)
{
        static uint8_t due[CHUNK_MAX];

        if (c->received + size > c->sent)
                check_fail("%zu bytes more came back than the %llu sent",
                           (size_t)(c->received + size - c->sent), (unsigned long long)c->sent);
        payload_fill(due, c->key, c->received, size);
        if (memcmp(bytes, due, size) == 0)
                return;
        size_t i = 0;
        while (bytes[i] == due[i])
                i++;
        check_fail("byte %llu of %llu came back as 0x%02x and not as 0x%02x",
                   (unsigned long long)c->received + i, (unsigned long long)c->sent, bytes[i], due[i]);
}

ssize_t client_try_receive(struct client *c)
{
        static uint8_t bytes[CHUNK_MAX];
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        c->ended = n == 0;
        bytes_compare(c, bytes, (size_t)n);
        c->received += (uint64_t)n;
        return n;
}

size_t client_receive(struct client *c)
{
        ssize_t n = client_try_receive(c);

        if (n < 0)
                check_fail("receive after %llu of %llu bytes: %s", (unsigned long long)c->received,
                           (unsigned long long)c->sent, strerror((int)-n));
        return (size_t)n;
}

void client_send_all(struct client *c, size_t size)
{
        while (size > 0) {
                check_wait(c->fd, POLLOUT, "room to send without reading");
                size -= client_send(c, size);
        }
}

void client_half_close(struct client *c)
{
        if (shutdown(c->fd, SHUT_WR) != 0)
                check_fail("shutdown: %s", strerror(errno));
}

void client_close(struct client *c)
{
        if (c->fd >= 0)
                (void)close(c->fd); /* on Linux the descriptor is gone whatever it returns */
        c->fd = -1;
}

void client_reset(struct client *c)
{
        const struct linger none = {.l_onoff = 1};

        if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) != 0)
                check_fail("SO_LINGER: %s", strerror(errno));
        client_close(c);
}

static void end_check(const struct client *c)
{
        if (c->ended && c->received < c->sent)
                check_fail("the end came after %llu of %llu bytes", (unsigned long long)c->received,
                           (unsigned long long)c->sent);
}

void client_receive_all(struct client *c)
{
        while (c->received < c->sent) {
                check_wait(c->fd, POLLIN, "the rest of the bytes");
                (void)client_receive(c); /* counts in ->received */
                end_check(c);
        }
}

void client_expect_end(struct client *c)
{
        client_receive_all(c);
        while (!c->ended) {
                check_wait(c->fd, POLLIN, "the server to close after a half-close");
                (void)client_receive(c); /* sets ->ended, or fails for a surplus byte */
        }
}

uint64_t client_round_trip(struct client *c, size_t size)
{
        uint64_t begin = clock_now();

        client_send_all(c, size);
        client_receive_all(c);
        return clock_now() - begin;
}

/* Small and large chunks are equally likely by their order of magnitude. */
static size_t chunk_draw(enum flow flow, uint64_t *random)
{
        return flow == FLOW_WHOLE ? CHUNK_MAX
                                  : 1 + random_below(random, UINT64_C(1) << random_below(random, 17));
}

static void exchange_step(struct client *c, uint64_t end, short ready, enum flow flow, uint64_t *random)
{
        if (ready & POLLOUT) {
                size_t chunk = chunk_draw(flow, random);
                (void)client_send(c, end - c->sent < chunk ? (size_t)(end - c->sent) : chunk);
                if (flow == FLOW_RANDOM && random_below(random, 64) == 0)
                        c->pause_until = clock_now() + random_below(random, 2 * NS_PER_MS);
        }
        if (ready & (POLLIN | POLLHUP | POLLERR)) {
                (void)client_receive(c); /* counts in ->received */
                end_check(c);
        }
}

/* What a client waits for: room, unless it pauses, and bytes. */
static short exchange_events(const struct client *c, uint64_t end, uint64_t now)
{
        bool sends = c->sent < end && now >= c->pause_until;

        return (short)(sends ? POLLIN | POLLOUT : POLLIN);
}

void clients_exchange(struct client *clients, size_t count, uint64_t bytes, enum flow flow, uint64_t *random)
{
        struct pollfd fds[CLIENTS_MAX];
        uint64_t ends[CLIENTS_MAX];

        for (size_t i = 0; i < count; i++)
                ends[i] = clients[i].sent + bytes;
        for (;;) {
                uint64_t now = clock_now();
                bool pauses = false, incomplete = false;
                for (size_t i = 0; i < count; i++) {
                        struct client *c = &clients[i];
                        bool open = c->received < ends[i];
                        fds[i] = (struct pollfd){open ? c->fd : -1, exchange_events(c, ends[i], now), 0};
                        incomplete = incomplete || open;
                        pauses = pauses || (open && now < c->pause_until);
                }
                if (!incomplete)
                        return;
                int left = check_ms_left("the bytes of an exchange");
                if (poll(fds, count, pauses ? 1 : left) < 0 && errno != EINTR)
                        check_fail("poll: %s", strerror(errno));
                for (size_t i = 0; i < count; i++)
                        if (fds[i].fd >= 0 && fds[i].revents)
                                exchange_step(&clients[i], ends[i], fds[i].revents, flow, random);
        }
}

void clients_connect(struct client *clients, size_t count, const struct address *a, enum buffers buffers,
                     uint64_t *random)
{
        for (size_t i = 0; i < count; i++)
                client_connect(&clients[i], a, buffers, random);
}

void clients_close(struct client *clients, size_t count)
{
        for (size_t i = 0; i < count; i++)
                client_close(&clients[i]);
}

/* The kernel's buffers go on growing for seconds; by STALL_MS_MAX they are full on the server's side. */
void clients_stall(struct client *clients, size_t count)
{
        struct pollfd fds[CLIENTS_MAX];
        uint64_t now = clock_now(), progress = now, end = now + STALL_MS_MAX * NS_PER_MS;

        for (size_t i = 0; i < count; i++)
                fds[i] = (struct pollfd){clients[i].fd, POLLOUT, 0};
        for (; now < progress + STALL_MS * NS_PER_MS && now < end; now = clock_now()) {
                if (poll(fds, count, STALL_MS) < 0 && errno != EINTR)
                        check_fail("poll: %s", strerror(errno));
                for (size_t i = 0; i < count; i++)
                        if (fds[i].revents && client_send(&clients[i], CHUNK_MAX) > 0)
                                progress = clock_now();
        }
}

size_t clients_complete(struct client *clients, size_t count, unsigned ms)
{
        struct pollfd fds[CLIENTS_MAX];
        uint64_t end = clock_now() + ms * NS_PER_MS, now;

        for (;;) {
                size_t complete = 0;
                for (size_t i = 0; i < count; i++) {
                        bool back = clients[i].received == clients[i].sent;
                        fds[i] = (struct pollfd){back ? -1 : clients[i].fd, POLLIN, 0};
                        complete += back;
                }
                now = clock_now();
                if (complete == count || now >= end)
                        return complete;
                if (poll(fds, count, (int)((end - now) / NS_PER_MS) + 1) < 0 && errno != EINTR)
                        check_fail("poll: %s", strerror(errno));
                for (size_t i = 0; i < count; i++)
                        if (fds[i].fd >= 0 && fds[i].revents) {
                                (void)client_receive(&clients[i]); /* counts in ->received */
                                end_check(&clients[i]);
                        }
        }
}
