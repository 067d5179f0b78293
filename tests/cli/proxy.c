/* SPDX-License-Identifier: MIT */
/* proxy: a hostile network between bench and a server. What comes to the port that it prints goes on to PORT of 127.0.0.1
 * and back, with mishaps, and at SIGTERM it says in a line of JSON what it has done.
 *
 *      proxy PORT [NAME=VALUE]...
 *
 *      size=1024     bytes of a request and of its reply
 *      seed=1        what befalls reply R of connection C follows from the seed, C and R, whatever the timing
 *      split=N       bytes go on in pieces of 1 to N, each after a look at all connections
 *      delay=A:B     each reply is held for A to B microseconds
 *      until=MS      what follows happens only so long after the first connection
 *      stall=P       with this probability per reply, at a random byte of it, all stands still for stall_ms=200
 *      reset=P       likewise, both ends get a reset
 *      fin=P         likewise, a FIN
 *      deaf=P        likewise, nothing goes on any more, and nothing is ever closed: the connection is half-open
 *
 * A mishap takes the place of a byte that is there to be passed on: so its client has a request in flight and has to notice,
 * and what both count can be compared exactly. One loop over poll(2). It ends by itself after two minutes. */
#include "base/clock.h"
#include "base/random.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 16 * 1024, PAIRS_MAX = 4096, LIFE_S = 120 };
#define WAIT_NS_MAX (50 * NS_PER_MS) /* then it looks whether it was told to stop */
enum end { CLIENT, SERVER };
enum fate { FATE_NONE, FATE_STALL, FATE_RESET, FATE_FIN, FATE_DEAF, FATE_COUNT };

/* What came from one end, for the other. */
struct flow {
        uint8_t bytes[ROOM];
        size_t begin, end;
        bool ended;     /* there will be no more of it, */
        bool passed_on; /* and the other end knows */
        bool blocked;   /* the other end has no room */
};

struct pair {
        int fd[2];           /* by enum end; -1: closed */
        struct flow flow[2]; /* by the end that it comes from */
        uint64_t number, random;
        uint64_t replies, passed; /* whole ones, and bytes of them, that went to the client */
        uint64_t reply_end;       /* of the reply that has been planned, in bytes */
        uint64_t hold_until;      /* ns: nothing goes to the client before */
        enum fate fate;
        uint64_t fate_at; /* the byte in whose place it strikes */
        bool cut, deaf;   /* after a FIN: what comes is thrown away; half-open */
};

static struct {
        double size, seed, split, delay_min, delay_max, until, stall_ms, chance[FATE_COUNT];
} option = {.size = 1024, .seed = 1, .stall_ms = 200, .until = 1e9};

static struct {
        uint64_t connections, replies, bytes[2], pieces, delays, delay_ns, fates[FATE_COUNT];
        uint64_t by_server; /* connections that the server ended or broke by itself */
} did;

static struct pair *pairs[PAIRS_MAX];
static size_t pair_count;
static uint64_t begun_at;
static volatile sig_atomic_t stopped;

static void stop(int number)
{
        (void)number;
        stopped = 1;
}

static void end_close(struct pair *p, enum end end, bool by_reset)
{
        const struct linger now = {.l_onoff = 1};

        if (p->fd[end] < 0)
                return;
        if (by_reset)
                (void)setsockopt(p->fd[end], SOL_SOCKET, SO_LINGER, &now, sizeof now); /* cannot fail */
        (void)close(p->fd[end]);
        p->fd[end] = -1;
}

static void pair_close(struct pair *p, bool by_reset)
{
        end_close(p, CLIENT, by_reset);
        end_close(p, SERVER, by_reset);
}

/* Draws what befalls the next reply. */
static void reply_plan(struct pair *p, uint64_t now)
{
        uint64_t random = random_at((uint64_t)option.seed ^ random_at(p->number, 0), p->replies);
        double chance = random_uniform(&random);

        p->reply_end = p->passed + (uint64_t)option.size;
        p->fate_at = p->passed + random_below(&random, (uint64_t)option.size);
        p->fate = FATE_NONE;
        for (int f = FATE_STALL; f < FATE_COUNT && p->fate == FATE_NONE; f++) {
                if (chance < option.chance[f] && now < begun_at + (uint64_t)(option.until * 1e6))
                        p->fate = (enum fate)f;
                chance = chance < option.chance[f] ? 1 : chance - option.chance[f];
        }
        if (option.delay_max > 0) {
                double us = option.delay_min +
                            random_uniform(&random) * (option.delay_max - option.delay_min);
                p->hold_until = now + (uint64_t)(us * 1e3);
                did.delays++;
                did.delay_ns += (uint64_t)(us * 1e3);
        }
}

static void fate_strike(struct pair *p, uint64_t now)
{
        did.fates[p->fate]++;
        switch (p->fate) {
        case FATE_STALL:
                p->hold_until = now + (uint64_t)(option.stall_ms * 1e6);
                break;
        case FATE_RESET:
                pair_close(p, true);
                break;
        case FATE_FIN:
                p->cut = true;
                (void)shutdown(p->fd[CLIENT], SHUT_WR); /* fails if that end has closed already, */
                (void)shutdown(p->fd[SERVER], SHUT_WR); /* which is found when it is read */
                break;
        default:
                p->deaf = true;
        }
        p->fate = FATE_NONE;
}

/* How many bytes may go on to the client now; plans and strikes on the way. */
static size_t replies_due(struct pair *p, uint64_t now)
{
        if (p->passed == p->reply_end)
                reply_plan(p, now);
        if (now < p->hold_until)
                return 0;
        if (p->fate != FATE_NONE && p->passed == p->fate_at) {
                fate_strike(p, now);
                return 0;
        }
        return (size_t)((p->fate != FATE_NONE ? p->fate_at : p->reply_end) - p->passed);
}

static void end_read(struct pair *p, enum end from)
{
        struct flow *f = &p->flow[from];

        if (p->cut)
                f->begin = f->end = 0;
        if (f->end == ROOM)
                return;
        ssize_t n = recv(p->fd[from], f->bytes + f->end, ROOM - f->end, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n > 0) {
                f->end += (size_t)n;
                return;
        }
        if (n == 0 && !f->ended) {
                f->ended = true;
                did.by_server += from == SERVER && !p->cut && !p->flow[CLIENT].ended;
        } else if (n < 0) {
                did.by_server += from == SERVER && !p->cut;
                pair_close(p, true);
        }
}

/* Passes on a piece of what there is. Returns false if there is nothing more to do now. */
static bool flow_pass(struct pair *p, enum end from, uint64_t now)
{
        struct flow *f = &p->flow[from];
        size_t size = f->end - f->begin;

        if (p->cut || p->deaf || p->fd[CLIENT] < 0 || size == 0)
                return false;
        if (from == SERVER) {
                size_t due = replies_due(p, now);
                size = size < due ? size : due;
        }
        if (size > 0 && option.split > 0) {
                size_t piece = 1 + random_below(&p->random, (uint64_t)option.split);
                size = size < piece ? size : piece;
        }
        if (size == 0)
                return false;
        ssize_t n = send(p->fd[!from], f->bytes + f->begin, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        f->blocked = n < 0 && errno == EAGAIN;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
                pair_close(p, true); /* that end has closed, and does not want it */
        if (n <= 0)
                return false;
        f->begin += (size_t)n;
        if (f->begin == f->end)
                f->begin = f->end = 0;
        did.pieces++;
        did.bytes[from] += (uint64_t)n;
        if (from == SERVER) {
                p->passed += (uint64_t)n;
                p->replies += p->passed == p->reply_end;
                did.replies += p->passed == p->reply_end;
        }
        return f->begin < f->end;
}

/* One end has closed, and all that it had sent has gone on. */
static void flow_end(struct pair *p, enum end from)
{
        struct flow *f = &p->flow[from];

        if (p->fd[CLIENT] < 0 || !f->ended || f->passed_on || (f->begin < f->end && !p->cut))
                return;
        f->passed_on = true;
        if (!p->cut)
                (void)shutdown(p->fd[!from], SHUT_WR); /* as above */
        if (p->flow[!from].passed_on)
                pair_close(p, false);
}

/* Returns when there is more to do without an event: now, when a hold ends, or never. */
static uint64_t pair_step(struct pair *p, const struct pollfd fds[2], uint64_t now)
{
        bool more = false;

        for (enum end from = CLIENT; from <= SERVER; from++) {
                if (p->fd[from] >= 0 && fds[from].revents & (POLLIN | POLLHUP | POLLERR))
                        end_read(p, from);
                more |= flow_pass(p, from, now);
        }
        for (enum end from = CLIENT; from <= SERVER; from++)
                if (!p->deaf)
                        flow_end(p, from);
        if (p->fd[CLIENT] < 0 || p->deaf)
                return UINT64_MAX;
        if (more)
                return now;
        return p->flow[SERVER].begin < p->flow[SERVER].end && !p->flow[SERVER].blocked && !p->cut
                       ? p->hold_until
                       : UINT64_MAX;
}

static struct pollfd end_poll(const struct pair *p, enum end end)
{
        bool reads = !p->flow[end].ended && (p->flow[end].end < ROOM || p->cut);
        bool sends = p->flow[!end].blocked && !p->cut;

        return (struct pollfd){p->deaf ? -1 : p->fd[end],
                               (short)((reads ? POLLIN : 0) | (sends ? POLLOUT : 0)), 0};
}

static void pair_open(int listener, in_port_t port)
{
        const struct sockaddr_in a = {
                .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        struct pair *p = client >= 0 && pair_count < PAIRS_MAX ? calloc(1, sizeof *p) : NULL;

        if (client < 0)
                return;
        int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (!p || server < 0 || connect(server, (const struct sockaddr *)&a, sizeof a) != 0) {
                perror("proxy: a connection to the server");
                exit(1);
        }
        (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* cannot fail, */
        (void)setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* nor here */
        *p = (struct pair){.fd = {client, server}, .number = did.connections++, .random = did.connections};
        begun_at = p->number == 0 ? clock_now() : begun_at;
        pairs[pair_count++] = p;
}

static void pairs_forget_closed(void)
{
        for (size_t i = 0; i < pair_count;)
                if (pairs[i]->fd[CLIENT] < 0) {
                        free(pairs[i]);
                        pairs[i] = pairs[--pair_count];
                } else
                        i++;
}

static void serve(int listener, in_port_t port)
{
        static struct pollfd fds[1 + 2 * PAIRS_MAX];
        uint64_t wake = UINT64_MAX;

        while (!stopped) {
                uint64_t now = clock_now(), wait = wake > now ? wake - now : 0;
                struct timespec t = {0, (long)(wait < WAIT_NS_MAX ? wait : WAIT_NS_MAX)};
                size_t count = pair_count;
                fds[0] = (struct pollfd){listener, POLLIN, 0};
                for (size_t i = 0; i < count; i++)
                        for (enum end end = CLIENT; end <= SERVER; end++)
                                fds[1 + 2 * i + end] = end_poll(pairs[i], end);
                if (ppoll(fds, 1 + 2 * count, &t, NULL) < 0)
                        continue; /* EINTR, perhaps by SIGTERM */
                if (fds[0].revents)
                        pair_open(listener, port);
                now = clock_now();
                wake = UINT64_MAX;
                for (size_t i = 0; i < count; i++) {
                        uint64_t next = pair_step(pairs[i], &fds[1 + 2 * i], now);
                        wake = next < wake ? next : wake;
                }
                pairs_forget_closed();
        }
}

/* Exits if it is wrong. */
static void option_read(const char *text)
{
        const struct {
                const char *name;
                double *value, *second;
        } known[] = {{"size", &option.size, NULL},
                     {"seed", &option.seed, NULL},
                     {"split", &option.split, NULL},
                     {"delay", &option.delay_min, &option.delay_max},
                     {"until", &option.until, NULL},
                     {"stall_ms", &option.stall_ms, NULL},
                     {"stall", &option.chance[FATE_STALL], NULL},
                     {"reset", &option.chance[FATE_RESET], NULL},
                     {"fin", &option.chance[FATE_FIN], NULL},
                     {"deaf", &option.chance[FATE_DEAF], NULL}};
        size_t length = strcspn(text, "=");
        char *rest;

        for (size_t i = 0; text[length] && i < sizeof known / sizeof *known; i++) {
                if (strlen(known[i].name) != length || strncmp(known[i].name, text, length) != 0)
                        continue;
                *known[i].value = strtod(text + length + 1, &rest);
                if (known[i].second && *rest == ':')
                        *known[i].second = strtod(rest + 1, &rest);
                if (*rest == '\0')
                        return;
        }
        (void)fprintf(stderr, "proxy: what is '%s'?\n", text);
        exit(2);
}

static int listener_open(void)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || bind(fd, (struct sockaddr *)&a, size) != 0 || listen(fd, SOMAXCONN) != 0 ||
            getsockname(fd, (struct sockaddr *)&a, &size) != 0) {
                perror("proxy: cannot listen");
                exit(1);
        }
        printf("%u\n", ntohs(a.sin_port));
        (void)fflush(stdout); /* its reader may have gone, which is no matter */
        return fd;
}

int main(int argc, char **argv)
{
        const struct sigaction action = {.sa_handler = stop};
        size_t deaf = 0;

        if (argc < 2)
                return 2;
        for (int i = 2; i < argc; i++)
                option_read(argv[i]);
        (void)alarm(LIFE_S);
        (void)sigaction(SIGTERM, &action, NULL); /* cannot fail */
        serve(listener_open(), (in_port_t)strtoul(argv[1], NULL, 10));
        for (size_t i = 0; i < pair_count; i++)
                deaf += pairs[i]->deaf;
#define N(value) ((unsigned long long)(value))
        printf("{\"connections\":%llu,\"replies\":%llu,\"up\":%llu,\"down\":%llu,\"pieces\":%llu,\"delays\":%llu,"
               "\"delay_ns\":%llu,\"stall\":%llu,\"reset\":%llu,\"fin\":%llu,\"deaf\":%llu,\"by_server\":%llu,"
               "\"open\":%llu}\n",
               N(did.connections), N(did.replies), N(did.bytes[CLIENT]), N(did.bytes[SERVER]), N(did.pieces),
               N(did.delays), N(did.delay_ns), N(did.fates[FATE_STALL]), N(did.fates[FATE_RESET]),
               N(did.fates[FATE_FIN]), N(did.fates[FATE_DEAF]), N(did.by_server), N(pair_count - deaf));
        return 0;
}
