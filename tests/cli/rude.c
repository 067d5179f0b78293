/* SPDX-License-Identifier: MIT */
/* rude: clients as no server wants them.
 *
 *      rude churn ADDRESS COUNT SECONDS SEED     short connections, so many at a time, each of which behaves in one of the ways
 *      rude stall ADDRESS COUNT MIB              as many that send and never read
 *
 * `churn` checks every byte that comes back, and prints how many connections there were; exit status 1 if what came
 * back was wrong. `stall` sends until for half a second no byte more could be sent (or a minute), prints "COUNT BYTES", those
 * that have not come back, and holds the connections until its standard input ends. A connection sends at most 2 MiB, from
 * buffers that are small; or, if MIB is not 0, it first exchanges so much, so that the kernel's buffers grow as they do for
 * who reads fast, and sends at most 64 MiB when it has stopped reading. */
#include "base/address.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        SLOTS_MAX = 512,
        PERIOD = 65521,
        CHUNK = 64 * 1024,
        LARGE = 1024 * 1024,
        STALL_BUFFER = 8 * 1024,
        FILL_MAX = 2 * LARGE,
        WARM_MAX = 64 * LARGE,
        SEGMENT = 1400
};
#define STEP_NS_MAX (30 * NS_PER_S) /* for one letter */

/* What a connection does, letter by letter: s sends up to 2 KiB, S up to 1 MiB while it reads; 1 sends a byte; f sends
 * until there is no room for 20 ms, without reading; t sends 10 bytes, one each 2 ms; r reads until all is back, p half of
 * that; w waits up to 20 ms; h half-closes; e reads to the end, which comes after the last byte; x closes, R resets. */
static const char *const ways[] = {
        "x",    "R",    "wx",  "wR",   "sx",   "sR",  "srx",   "srR",   "srhex",     "1rx",   "1rR",
        "1hex", "hex",  "hR",  "hx",   "shex", "shR", "SpR",   "Srhex", "fx",        "fR",    "fwx",
        "fwR",  "fhex", "fhR", "fpwR", "tx",   "tR",  "trhex", "thR",   "srsrsrhex", "swsrx",
};
enum { WAYS = sizeof ways / sizeof *ways };

struct slot {
        int fd; /* -1: none */
        const char *at;
        uint64_t key, sent, received; /* bytes */
        uint64_t goal;                /* of this letter, in bytes; 0: it has just begun */
        uint64_t until, deadline;     /* ns */
        bool ended;                   /* the server has closed its side */
};

static uint8_t pattern[PERIOD + CHUNK];
static uint64_t wrong;

static void complain(const struct slot *s, const char *what)
{
        (void)fprintf(stderr, "rude: at '%s', %llu bytes sent, %llu received: %s (%s)\n", s->at,
                      (unsigned long long)s->sent, (unsigned long long)s->received, what, strerror(errno));
        wrong++;
}

/* It is connected when it returns: shutdown(2) would end one that is not. */
static int connection_open(const struct address *a)
{
        int fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || connect(fd, &a->sa.any, a->size) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
                perror("rude: cannot connect");
                exit(1);
        }
        return fd;
}

/* Returns how much there was room for; -1 for an error. */
static ssize_t bytes_send(struct slot *s, uint64_t size)
{
        ssize_t n = send(s->fd, pattern + (s->key + s->sent) % PERIOD, size < CHUNK ? size : CHUNK,
                         MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        s->sent += n > 0 ? (uint64_t)n : 0;
        return n;
}

/* Reads what is there, at most `size`, and compares it. Returns false if something is wrong. */
static bool bytes_receive(struct slot *s, uint64_t size)
{
        static uint8_t bytes[CHUNK];
        ssize_t n = recv(s->fd, bytes, size < CHUNK ? size : CHUNK, 0);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR;
        s->ended = n == 0 && size > 0;
        bool right = s->received + (uint64_t)n <= s->sent &&
                     memcmp(bytes, pattern + (s->key + s->received) % PERIOD, (size_t)n) == 0;
        s->received += (uint64_t)n;
        return right && (!s->ended || s->received == s->sent);
}

static void slot_close(struct slot *s, bool by_reset)
{
        const struct linger now = {.l_onoff = 1};

        if (by_reset)
                (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* cannot fail */
        (void)close(s->fd);
        s->fd = -1;
}

/* Sends up to the goal. */
static bool send_step(struct slot *s, bool reads)
{
        bool right = s->sent == s->goal || bytes_send(s, s->goal - s->sent) >= 0;

        return right && (!reads || bytes_receive(s, CHUNK));
}

/* What has to be set when a letter's turn comes. */
static void letter_begin(struct slot *s, uint64_t *random, uint64_t now)
{
        uint64_t pending = s->sent - s->received;

        s->deadline = now + STEP_NS_MAX;
        s->until = now + (*s->at == 'w' ? random_below(random, 20 * NS_PER_MS) : 20 * NS_PER_MS);
        s->goal = *s->at == 's'   ? s->sent + 1 + random_below(random, 2048)
                  : *s->at == 'S' ? s->sent + 1 + random_below(random, LARGE)
                  : *s->at == '1' ? s->sent + 1
                  : *s->at == 't' ? s->sent + 10
                  : *s->at == 'p' ? s->received + pending / 2
                                  : s->sent;
}

/* Does what the letter says. Returns whether that is all; sets *right to false if the server is at fault. */
static bool letter_step(struct slot *s, uint64_t now, bool *right)
{
        ssize_t n;

        switch (*s->at) {
        case 's':
        case '1':
        case 'S':
                *right = send_step(s, *s->at == 'S');
                return s->sent == s->goal;
        case 'f':
                n = s->sent < FILL_MAX ? bytes_send(s, CHUNK) : 0;
                *right = n >= 0;
                if (n > 0)
                        s->until = now + 20 * NS_PER_MS;
                return now >= s->until;
        case 't':
                if (now < s->until)
                        return false;
                s->until = now + 2 * NS_PER_MS;
                *right = bytes_send(s, 1) >= 0;
                return s->sent >= s->goal;
        case 'r':
        case 'p':
                *right = bytes_receive(s, s->goal - s->received);
                return s->received == s->goal;
        case 'e':
                *right = bytes_receive(s, CHUNK);
                return s->ended;
        case 'w':
                return now >= s->until;
        case 'h':
                *right = shutdown(s->fd, SHUT_WR) == 0;
                return *right;
        default:
                slot_close(s, *s->at == 'R');
                return true;
        }
}

static void slot_step(struct slot *s, uint64_t *random, uint64_t now)
{
        bool right = true, began = false;

        while (s->fd >= 0) {
                if (s->goal == UINT64_MAX)
                        letter_begin(s, random, now);
                began = letter_step(s, now, &right);
                if (!right || now > s->deadline) {
                        complain(s, right ? "it takes too long" : "this is wrong");
                        slot_close(s, true);
                }
                if (!began)
                        return;
                s->goal = UINT64_MAX;
                s->at++;
        }
}

static bool slot_waits_to_read(const struct slot *s)
{
        return strchr("rpeS", *s->at);
}

static bool slot_waits_to_send(const struct slot *s)
{
        return strchr("s1fS", *s->at);
}

static int churn(const struct address *a, size_t slot_count, double seconds, uint64_t random)
{
        static struct slot slots[SLOTS_MAX];
        uint64_t end = clock_now() + (uint64_t)(seconds * 1e9), count = 0, now;
        size_t open;

        for (size_t i = 0; i < slot_count; i++)
                slots[i].fd = -1;
        do {
                struct pollfd fds[SLOTS_MAX];
                now = clock_now();
                open = 0;
                for (size_t i = 0; i < slot_count; i++) {
                        struct slot *s = &slots[i];
                        if (s->fd < 0 && now < end) {
                                *s = (struct slot){.fd = connection_open(a),
                                                   .at = ways[random_below(&random, WAYS)],
                                                   .key = random_below(&random, PERIOD),
                                                   .goal = UINT64_MAX};
                                count++;
                        }
                        slot_step(s, &random, now);
                        open += s->fd >= 0;
                        fds[i] = (struct pollfd){s->fd, 0, 0};
                        if (s->fd >= 0)
                                fds[i].events = (short)((slot_waits_to_read(s) ? POLLIN : 0) |
                                                        (slot_waits_to_send(s) ? POLLOUT : 0));
                }
                (void)poll(fds, slot_count, 1); /* the loop looks at all of them in any case */
        } while (open > 0 || now < end);
        printf("%llu connections, %llu wrong\n", (unsigned long long)count, (unsigned long long)wrong);
        return wrong > 0;
}

/* Small buffers, so that what is sent is with the server, and segments as on Ethernet, since with those of loopback, of
 * 64 KiB, what is left of a window waits for timers. */
static int buffers_shrink(int fd)
{
        const int size = STALL_BUFFER, segment = SEGMENT;

        return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) |
               setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) |
               setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
}

/* Sends and reads so much as fast as it can. Returns false if something goes wrong, or takes too long. */
static bool exchange(struct slot *s, uint64_t size)
{
        uint64_t deadline = clock_now() + STEP_NS_MAX;

        for (s->goal = size; s->received < size && clock_now() < deadline;) {
                struct pollfd p = {s->fd, (short)(s->sent < size ? POLLIN | POLLOUT : POLLIN), 0};
                if (poll(&p, 1, 100) < 0 || !send_step(s, true))
                        return false;
        }
        return s->received == size;
}

static int stall(const struct address *a, size_t count, uint64_t exchanged)
{
        const uint64_t sent_max = exchanged > 0 ? WARM_MAX : FILL_MAX;
        struct slot *slots = calloc(count, sizeof *slots);
        struct pollfd *fds = calloc(count, sizeof *fds);
        uint64_t total = 0;

        if (!slots || !fds || limits_raise_descriptors(SIZE_MAX) < count + 10) {
                (void)fprintf(stderr, "rude: no memory or no descriptors for %zu connections\n", count);
                return 1;
        }
        for (size_t i = 0; i < count; i++) {
                slots[i].fd = socket(a->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (slots[i].fd < 0 || (exchanged == 0 && buffers_shrink(slots[i].fd) != 0) ||
                    connect(slots[i].fd, &a->sa.any, a->size) != 0 ||
                    fcntl(slots[i].fd, F_SETFL, O_NONBLOCK) != 0 || !exchange(&slots[i], exchanged)) {
                        perror("rude: cannot connect, or not exchange what is asked for");
                        return 1;
                }
                fds[i] = (struct pollfd){slots[i].fd, POLLOUT, 0};
        }
        uint64_t begin = clock_now(), progress = begin, now = begin;
        for (; now < progress + NS_PER_S / 2 && now < begin + 60 * NS_PER_S; now = clock_now()) {
                (void)poll(fds, count, 100); /* who is not reported is not looked at */
                for (size_t i = 0; i < count; i++) {
                        if (!fds[i].revents || bytes_send(&slots[i], CHUNK) <= 0)
                                continue;
                        progress = clock_now();
                        fds[i].fd = slots[i].sent < exchanged + sent_max ? slots[i].fd : -1;
                }
        }
        for (size_t i = 0; i < count; i++)
                total += slots[i].sent - slots[i].received;
        printf("%zu %llu\n", count, (unsigned long long)total);
        (void)fflush(stdout); /* its reader may have gone, which is no matter */
        while (read(STDIN_FILENO, pattern, sizeof pattern) > 0)
                ;
        return 0;
}

int main(int argc, char **argv)
{
        struct address a;
        const char *why;

        for (size_t i = 0; i < sizeof pattern; i++)
                pattern[i] = (uint8_t)random_at(0, i % PERIOD);
        if (argc >= 4 && address_parse(argv[2], &a, &why) == 0) {
                size_t count = strtoul(argv[3], NULL, 10);
                if (argc == 6 && strcmp(argv[1], "churn") == 0 && count <= SLOTS_MAX)
                        return churn(&a, count, strtod(argv[4], NULL), strtoull(argv[5], NULL, 10));
                if (argc == 5 && strcmp(argv[1], "stall") == 0)
                        return stall(&a, count, strtoull(argv[4], NULL, 10) * LARGE);
        }
        (void)fputs("usage: rude churn ADDRESS COUNT SECONDS SEED | rude stall ADDRESS COUNT MIB\n", stderr);
        return 2;
}
