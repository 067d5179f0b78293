/* SPDX-License-Identifier: MIT */
/* sweep: every model against every errno that the manual pages give for the system calls that it makes.
 *
 *     epoll/accept4/EMFILE/2     is     MODEL/CALL/ERRNO/WHEN
 *
 * WHEN is 1, 2 or 5: that call fails, counted from a moment at which connections are open; or `on`: from then on all do.
 * Meanwhile clients send random bytes, one of them without reading, and others come and go. A connection may die;
 * what may not: a wrong byte, a connection that is neither served nor ended, a descriptor or a place that is not there
 * afterwards, the process (but where epoll_wait or io_uring_enter says EBADF, EFAULT or EINVAL, with a message), and more than a
 * tenth of a CPU where all fails. In uring-seam/ it is requests to io_uring that fail, which are no system calls
 * (models/uring_seam.h). In MODEL/start/CALL/ERRNO the first, the second, ... such call since the program's start fails,
 * until none does: it serves, or says in one line what failed; in MODEL/end/CALL/ERRNO, since SIGTERM: it ends. MODEL/short
 * and MODEL/alloc are what shim.c does.
 *
 * Which calls a model makes is found by counting them (inject.h). What the C library makes of its own accord and answers
 * for itself (futex, rt_sigprocmask, munmap, close, whose descriptor is gone whatever it returns) is left alone.
 *
 * The environment is that of tests/conformance; SEAM_DIR has the build with the seam, TEST_BIN has faults/shim.so.
 * CONFORMANCE_SCALE=full tries every WHEN; without it, each errno has one, in turn. */
#include "inject.h"

#include "../conformance/check.h"
#include "../conformance/client.h"

#include "base/clock.h"
#include "base/cpus.h"
#include "base/random.h"
#include "models/uring_seam.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

enum {
        OLD = 3,          /* connections that are open before anything fails; the first does not read */
        NEW = 4,          /* that come at a time */
        CROWD_MAX = 22,   /* in all: so many have places */
        CONNS = 24,       /* --max-conns, */
        BACKLOG = 8,      /* with which uring accepts by both of its ways: its queues may hold 16 */
        DRIVE_ROUNDS = 4, /* of the clients when calls are counted */
        ROUNDS_MAX = 40,
        ROUND_MS = 10,           /* in which bytes come back, or do not */
        HELD_BACK = 1536 * 1024, /* bytes that a client sends without reading: more than all buffers hold */
        REST_MS = 200,
        END_MS = 300, /* in which a server that ends has ended */
        TRIAL_SECONDS = 15,
        END_SECONDS = 4, /* less than the usual --drain-timeout, by which it would end anyhow */
        TESTS_MAX = 8192,
        ON = 0, /* struct trial's `when`: from the first on */
};

/* --- the calls and what they may fail with, from their manual pages (man-pages 6.03, liburing 2.3) */

#define ERRORS(...) ((const int[]){__VA_ARGS__, 0})

enum {
        SPARES_OLD = 1, /* connections that are open go on while it fails */
        MAY_END =
                2, /* by EBADF, EFAULT or EINVAL it may end the server: there is nothing else that it can do */
        LIBC_STARTS = 4, /* the C library's own start makes it, too, and has its own message */
        ALIKE = 8,       /* made before the model begins: the start of one stands for all */
};

struct call {
        const char *name;
        int number; /* of the system call, or a kind of uring_seam.h */
        unsigned flags;
        const int *errors; /* the most likely one first; ended by 0 */
};

static const struct call calls[] = {
        /* accept(2), and the network's errors that it passes on */
        {"accept4", SYS_accept4, SPARES_OLD,
         ERRORS(EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR, EAGAIN, EPERM, EPROTO, EBADF, EFAULT,
                EINVAL, ENOTSOCK, EOPNOTSUPP, ENOSR, ESOCKTNOSUPPORT, EPROTONOSUPPORT, ETIMEDOUT, ENETDOWN,
                ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH)},
        /* recv(2), tcp(7), ip(7) */
        {"recvfrom", SYS_recvfrom, 0,
         ERRORS(ECONNRESET, EAGAIN, EINTR, ENOMEM, EBADF, ECONNREFUSED, EFAULT, EINVAL, ENOTCONN, ENOTSOCK,
                ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENOBUFS, EPIPE)},
        /* send(2), tcp(7), ip(7) */
        {"sendto", SYS_sendto, 0,
         ERRORS(EPIPE, EAGAIN, EINTR, ENOBUFS, ENOMEM, ECONNRESET, EACCES, EALREADY, EBADF, EDESTADDRREQ,
                EFAULT, EINVAL, EISCONN, EMSGSIZE, ENOTCONN, ENOTSOCK, EOPNOTSUPP, ETIMEDOUT, EHOSTUNREACH,
                ENETUNREACH, EPERM)},
#ifdef SYS_epoll_wait
        {"epoll_wait", SYS_epoll_wait, MAY_END, ERRORS(EINTR, EBADF, EFAULT, EINVAL)},
#endif
        {"epoll_pwait", SYS_epoll_pwait, MAY_END, ERRORS(EINTR, EBADF, EFAULT, EINVAL)},
        {"epoll_ctl", SYS_epoll_ctl, 0, ERRORS(ENOMEM, ENOSPC, EBADF, EEXIST, EINVAL, ELOOP, ENOENT, EPERM)},
        {"clone3", SYS_clone3, 0, /* ENOSYS: the C library makes do with clone */
         ERRORS(EAGAIN, ENOMEM, ENOSYS, EACCES, EBUSY, EEXIST, EINVAL, ENOSPC, EOPNOTSUPP, EPERM, EUSERS)},
        {"mmap", SYS_mmap, 0,
         ERRORS(ENOMEM, EACCES, EAGAIN, EBADF, EEXIST, EINVAL, ENFILE, ENODEV, EOVERFLOW, EPERM, ETXTBSY)},
        {"mprotect", SYS_mprotect, LIBC_STARTS, ERRORS(ENOMEM, EACCES, EINVAL)},
        {"madvise", SYS_madvise, 0, ERRORS(ENOMEM, EAGAIN, EACCES, EBADF, EBUSY, EINVAL, EPERM)},
        {"io_uring_enter", SYS_io_uring_enter, MAY_END,
         ERRORS(EBUSY, EAGAIN, EINTR, ENOMEM, EBADF, EBADFD, EBADR, EINVAL, EFAULT, ENXIO, EOPNOTSUPP)},
#ifdef SYS_poll
        {"poll", SYS_poll, 0, ERRORS(ENOMEM, EINTR, EFAULT, EINVAL)},
#endif
        {"ppoll", SYS_ppoll, 0, ERRORS(ENOMEM, EINTR, EFAULT, EINVAL)},
        {"getsockopt", SYS_getsockopt, 0, ERRORS(ENOPROTOOPT, EBADF, EFAULT, EINVAL, ENOTSOCK)},
        {"bpf", SYS_bpf, 0, ERRORS(EPERM, ENOMEM, E2BIG, EACCES, EBADF, EFAULT, EINVAL, ENOENT)},
        /* made at the start alone */
        {"socket", SYS_socket, ALIKE, ERRORS(EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT, EINVAL)},
        {"setsockopt", SYS_setsockopt, ALIKE, ERRORS(ENOPROTOOPT, EBADF, EFAULT, EINVAL, ENOTSOCK, ENOMEM)},
        {"bind", SYS_bind, ALIKE, ERRORS(EADDRNOTAVAIL, EACCES, EBADF, EINVAL, ENOTSOCK, EFAULT)},
        {"listen", SYS_listen, ALIKE, ERRORS(EOPNOTSUPP, EBADF, ENOTSOCK)},
        {"getsockname", SYS_getsockname, ALIKE, ERRORS(ENOBUFS, EBADF, EFAULT, EINVAL, ENOTSOCK)},
        {"socketpair", SYS_socketpair, ALIKE, ERRORS(EMFILE, ENFILE, EAFNOSUPPORT, EOPNOTSUPP)},
        {"epoll_create1", SYS_epoll_create1, 0, ERRORS(EMFILE, ENFILE, ENOMEM, EINVAL)},
        {"eventfd2", SYS_eventfd2, 0, ERRORS(EMFILE, ENFILE, ENOMEM, ENODEV, EINVAL)},
        {"io_uring_setup", SYS_io_uring_setup, 0, ERRORS(ENOMEM, EPERM, ENOSYS, EMFILE, ENFILE, EINVAL)},
        {"io_uring_register", SYS_io_uring_register, 0,
         ERRORS(ENOMEM, EBUSY, EACCES, EBADF, EBADFD, EFAULT, EINVAL, EMFILE, ENXIO, EOPNOTSUPP)},
        {"sched_setaffinity", SYS_sched_setaffinity, 0, ERRORS(EPERM, EINVAL, EFAULT, ESRCH)},
        {"sched_getaffinity", SYS_sched_getaffinity, ALIKE, ERRORS(EINVAL, EFAULT, EPERM)},
        {"rt_sigaction", SYS_rt_sigaction, 0, ERRORS(EINVAL, EFAULT)},
        {"openat", SYS_openat, ALIKE, ERRORS(EMFILE, ENFILE, ENOENT, EACCES, ENOMEM)},
        {"prlimit64", SYS_prlimit64, ALIKE, ERRORS(EPERM, EINVAL, EFAULT, ESRCH)},
        {"dup", SYS_dup, 0, ERRORS(EMFILE, EBADF)},
};

/* Requests of models/uring.c: what io_uring_enter(2) says of completions, and what the system call of the name may return. */
static const struct call requests[] = {
        {"recv", SEAM_RECEIVE, 0,
         ERRORS(ECONNRESET, ENOBUFS, EAGAIN, EINTR, ECANCELED, ENOMEM, EINVAL, EBADF, ECONNREFUSED, EFAULT,
                ENOTCONN, ENOTSOCK, EOPNOTSUPP, ETIMEDOUT, EACCES)},
        {"send", SEAM_SEND, 0,
         ERRORS(EPIPE, EAGAIN, EINTR, ECANCELED, ENOBUFS, ENOMEM, ECONNRESET, EACCES, EALREADY, EBADF,
                EDESTADDRREQ, EFAULT, EINVAL, EISCONN, EMSGSIZE, ENOTCONN, ENOTSOCK, EOPNOTSUPP, ETIMEDOUT)},
        {"accept", SEAM_ACCEPT, SPARES_OLD,
         ERRORS(EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED, EINTR, EAGAIN, ECANCELED, EPERM, EPROTO, EBADF,
                EFAULT, EINVAL, ENOTSOCK, EOPNOTSUPP, ETIMEDOUT, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET,
                EHOSTUNREACH, ENETUNREACH, EACCES)},
        {"poll", SEAM_POLL, SPARES_OLD,
         ERRORS(ENOMEM, EINTR, ECANCELED, EAGAIN, EBADF, EFAULT, EINVAL, EACCES)},
        {"close", SEAM_CLOSE, SPARES_OLD, ERRORS(ENOMEM, EINTR, EIO, ECANCELED, EAGAIN, EINVAL, EACCES)},
        {"cancel", SEAM_CANCEL, SPARES_OLD,
         ERRORS(ENOMEM, EINTR, ECANCELED, EAGAIN, ENOENT, EALREADY, EINVAL, EACCES)},
        {"stop", SEAM_STOP, SPARES_OLD,
         ERRORS(ENOMEM, EINTR, ECANCELED, EAGAIN, EBADF, EFAULT, EINVAL, EACCES)},
};

enum { CALLS = sizeof calls / sizeof *calls, REQUESTS = sizeof requests / sizeof *requests };

/* --- the servers */

struct column {
        char model[24], name[24];
        const char *program;      /* NULL: $ECHO_C */
        const struct call *table; /* [size]: the calls that can be made to fail */
        size_t size;
        uint64_t at_start[CALLS]; /* how many were made until it listened, */
        uint64_t young[CALLS];    /* by its first clients, */
        uint64_t later[CALLS];    /* by later ones, */
        uint64_t at_end[CALLS];   /* and after SIGTERM */
};

static struct column columns[16];
static size_t column_count;

static struct {
        const struct column *column; /* NULL: none runs */
        struct process process;
        size_t descriptors; /* when no client is there */
} server;

static char seam_build[256], shim_path[256],
        shim_setting[64];                            /* the latter is for the next server; "": none */
static const char shim_says[] = "shim: no memory\n"; /* when an allocation fails */
static struct seam_faults *seam;                     /* shared with a server that has the seam */
static char seam_path[64];
static int numbers[CALLS];
static bool passed = true; /* the test that has ended, or none has begun */

static struct {
        uint64_t faults, died, ended, calls, errors;
} sums;

struct trial {
        struct column *column;
        const struct call *call;
        int error;
        unsigned when; /* ON, or the n-th */
        uint64_t random;
};

static void fault_arm(const struct trial *t, uint64_t skip, uint64_t count)
{
        if (t->column->table == calls) {
                inject_arm((struct fault){(int)(t->call - calls), t->error, skip, count});
                return;
        }
        atomic_store(&seam->hits, 0);
        atomic_store(&seam->error, t->error);
        atomic_store(&seam->skip, (long)skip);
        atomic_store(&seam->count, count > INT_MAX ? INT_MAX : (long)count);
        atomic_store(&seam->kind, t->call->number);
}

static uint64_t fault_hits(const struct trial *t)
{
        return t->column->table == calls ? inject_hits() : (uint64_t)atomic_load(&seam->hits);
}

static void fault_disarm(const struct trial *t)
{
        if (t->column->table == calls)
                (void)inject_disarm();
        else
                atomic_store(&seam->kind, SEAM_NONE);
        sums.faults += fault_hits(t);
}

static cpu_set_t cpus_at_start;

static uint64_t calls_seen(const struct column *c, size_t call)
{
        return c->table == calls ? inject_seen(call)
                                 : (uint64_t)atomic_load(&seam->seen[c->table[call].number]);
}

static void server_begin(const struct column *c)
{
        char conns[16], backlog[16];
        /* What requests are to fail with is read from a file when the first is made. */
        const char *without = c->program ? "--no-sandbox" : NULL;
        const char *arguments[] = {"-l",  "127.0.0.1:0", "--model", c->model, "--max-conns",
                                   conns, "--backlog",   backlog,   without,  NULL};
        const char *usual = getenv("ECHO_C");

        (void)snprintf(conns, sizeof conns, "%d", CONNS);
        (void)snprintf(backlog, sizeof backlog, "%d", BACKLOG);
        if (c->program) {
                (void)setenv("ECHO_C", c->program, 1); /* a valid name; likewise below */
                (void)setenv("ECHO_C_SEAM_FAULTS", seam_path, 1);
                for (int kind = 0; kind < SEAM_KINDS; kind++)
                        atomic_store(&seam->seen[kind], 0);
        }
        if (*shim_setting) {
                (void)setenv("LD_PRELOAD", shim_path, 1);
                (void)setenv("ECHO_C_SHIM", shim_setting, 1);
        }
        inject_start(&server.process, arguments, numbers, CALLS);
        (void)unsetenv("LD_PRELOAD");
        (void)unsetenv("ECHO_C_SHIM");
        if (c->program && usual)
                (void)setenv("ECHO_C", usual, 1);
        else if (c->program)
                (void)unsetenv("ECHO_C");
        (void)unsetenv("ECHO_C_SEAM_FAULTS");
        server.column = c;
}

static const struct address *server_address(void)
{
        return &server.process.addresses[0];
}

/* Waits until it makes no calls any more, since it says that it listens before its model has begun. */
static void server_settle(void)
{
        uint64_t now = 0, before;

        do {
                (void)check_ms_left("the server to wait for clients");
                before = now;
                clock_sleep(10 * NS_PER_MS);
                now = 0;
                for (size_t i = 0; i < CALLS; i++)
                        now += inject_seen(i);
        } while (now != before);
}

static bool server_has_ended(void)
{
        struct pollfd p = {.fd = server.process.pid_fd, .events = POLLIN};

        return poll(&p, 1, 0) == 1;
}

static void server_stop(void)
{
        if (!server.column)
                return;
        server.column = NULL;
        process_signal(&server.process, SIGTERM);
        int status = process_await_end(&server.process, "the server to end after SIGTERM");
        if (status != 0)
                check_fail("after SIGTERM its exit status is %d; it said: %s", status, server.process.output);
}

/* --- its clients */

struct crowd {
        struct client clients[CROWD_MAX];
        size_t count;
        bool first_reads; /* the first does not at first */
};

static void client_dies(struct client *c)
{
        client_close(c);
        sums.died++;
}

static void crowd_send(struct client *c, size_t size)
{
        if (c->fd >= 0 && client_try_send(c, size) < 0)
                client_dies(c);
}

/* Not one that could send nothing: it is not connected yet, since the queue was full when it came. */
static bool is_whole(const struct client *c)
{
        return c->fd < 0 || (c->sent > 0 && c->received == c->sent);
}

/* Receives for `ms`, or until all bytes are back from where anybody reads. Returns true if they are, or their connections
 * have died. */
static bool crowd_pump(struct crowd *crowd, unsigned ms)
{
        struct pollfd fds[CROWD_MAX];
        uint64_t end = clock_now() + ms * NS_PER_MS, now;

        for (;;) {
                bool whole = true;
                for (size_t i = 0; i < crowd->count; i++) {
                        const struct client *c = &crowd->clients[i];
                        bool reads = (i > 0 || crowd->first_reads) && !is_whole(c);
                        fds[i] = (struct pollfd){reads ? c->fd : -1, POLLIN, 0};
                        whole = whole && !reads;
                }
                now = clock_now();
                if (whole || now >= end)
                        return whole;
                (void)poll(fds, crowd->count, (int)((end - now) / NS_PER_MS) + 1); /* EINTR: looks again */
                for (size_t i = 0; i < crowd->count; i++) {
                        struct client *c = &crowd->clients[i];
                        if (fds[i].fd >= 0 && fds[i].revents && (client_try_receive(c) < 0 || c->ended))
                                client_dies(c);
                }
        }
}

static void crowd_add(struct crowd *crowd, size_t count, uint64_t *random)
{
        for (; count > 0 && crowd->count < CROWD_MAX; count--) {
                struct client *c = &crowd->clients[crowd->count];
                if (client_begin(c, server_address(), crowd->count == 0 ? BUFFERS_SMALL : BUFFERS_DEFAULT,
                                 random) != 0)
                        return; /* it has ended */
                crowd->count++;
                crowd_send(c, 1 + random_below(random, 300));
        }
}

/* Old clients send, new ones come, and in every other round those that have got everything go: uring accepts in another way
 * while there are more. */
static void crowd_round(struct crowd *crowd, bool more, uint64_t *random)
{
        struct client *first = &crowd->clients[0];

        while (!crowd->first_reads && first->fd >= 0 && first->sent < HELD_BACK) {
                uint64_t before = first->sent;
                crowd_send(first, 64 * 1024);
                if (first->sent == before)
                        break;
        }
        for (size_t i = 1; i < crowd->count; i++)
                crowd_send(&crowd->clients[i], 1 + random_below(random, 3000));
        if (more)
                crowd_add(crowd, NEW, random);
        (void)crowd_pump(crowd, ROUND_MS);
        if (crowd->count <= OLD + NEW)
                return;
        for (size_t i = OLD; i < crowd->count; i++)
                if (is_whole(&crowd->clients[i])) {
                        client_close(&crowd->clients[i]);
                        crowd->clients[i--] = crowd->clients[--crowd->count];
                }
}

/* Everybody gets all bytes, half-closes and sees the end. */
static void crowd_finish(struct crowd *crowd, bool may_die, const char *what)
{
        uint64_t before = sums.died;

        crowd->first_reads = true;
        while (!crowd_pump(crowd, 100)) {
                if (server_has_ended())
                        check_fail("the server ended; it said: %s", server.process.output);
                (void)check_ms_left(what);
                for (size_t i = 0; i < crowd->count; i++)
                        if (crowd->clients[i].sent == 0)
                                crowd_send(&crowd->clients[i], 1);
        }
        for (size_t i = 0; i < crowd->count; i++) {
                struct client *c = &crowd->clients[i];
                if (c->fd < 0)
                        continue;
                (void)shutdown(c->fd, SHUT_WR); /* ENOTCONN: it has been reset, as is seen below */
                while (!c->ended) {
                        check_wait(c->fd, POLLIN, "the end after a half-close");
                        if (client_try_receive(c) < 0) {
                                client_dies(c);
                                break;
                        }
                }
                client_close(c);
        }
        if (!may_die && sums.died != before)
                check_fail("%d of %zu connections died after all faults", (int)(sums.died - before),
                           crowd->count);
        crowd->count = 0;
}

/* As many as there are places, at once. */
static void places_check(uint64_t *random)
{
        struct client clients[CONNS];

        for (int i = 0; i < CONNS; i++) {
                client_connect(&clients[i], server_address(), BUFFERS_DEFAULT, random);
                (void)client_round_trip(&clients[i], 100);
        }
        for (int i = 0; i < CONNS; i++) {
                client_half_close(&clients[i]);
                client_expect_end(&clients[i]);
                client_close(&clients[i]);
        }
}

static void server_ensure(const struct column *c, bool young)
{
        uint64_t random = 1;

        if (server.column && (young || server.column != c || server_has_ended()))
                server_stop();
        if (server.column)
                return;
        server_begin(c);
        process_await_listening(&server.process);
        server_settle();
        if (young)
                return;
        places_check(&random);
        size_t now = process_descriptors(&server.process), before;
        do { /* until the closes of its last clients are through */
                before = now;
                clock_sleep(20 * NS_PER_MS);
                now = process_descriptors(&server.process);
        } while (now != before);
        server.descriptors = now;
}

/* --- a test */

static bool may_end(const struct trial *t)
{
        return (t->call->flags & MAY_END) && (t->error == EBADF || t->error == EFAULT || t->error == EINVAL);
}

/* After a fault: true if the server has ended, for which it is given some time if it may. */
static bool ends(const struct trial *t)
{
        for (int ms = 0; ms < END_MS && may_end(t) && !server_has_ended(); ms += 5)
                clock_sleep(5 * NS_PER_MS);
        return server_has_ended();
}

/* The server has ended in the one way in which it may. */
static void end_check(const struct trial *t)
{
        int status = process_await_end(&server.process, "the end that was seen");

        server.column = NULL;
        if (status != 1 || !may_end(t) || !strstr(server.process.output, strerror(t->error)))
                check_fail("the server ended with status %d; it said: %s", status, server.process.output);
        sums.ended++;
}

/* Nothing that a kernel does: EINTR or ECANCELED without an end, EAGAIN for a queue of which epoll says that somebody waits or
 * for a request that waits, ENOBUFS while there are buffers. */
static bool is_no_state(const struct trial *t)
{
        if (t->column->table == requests && (t->error == EAGAIN || t->error == ENOBUFS))
                return true;
        return t->error == EINTR || t->error == ECANCELED ||
               (t->error == EAGAIN && t->call->number == SYS_accept4);
}

static void sweep_run(void **state)
{
        const struct trial *t = *state;
        const struct column *column = t->column;
        size_t call = (size_t)(t->call - column->table);
        bool young = column->later[call] == 0, permanent = t->when == ON;
        struct crowd crowd = {0};
        uint64_t random = t->random;
        int rounds_after = permanent ? 2 : 1;

        (void)alarm(60); /* replaces the previous test's: SIGALRM then ends the program */
        passed = false;
        check_deadline_set(TRIAL_SECONDS);
        server_ensure(column, young);
        if (!young) {
                crowd_add(&crowd, OLD, &random);
                if (!crowd_pump(&crowd, 3000))
                        check_fail("the old connections were not served before anything failed");
        }
        fault_arm(t, permanent ? 0 : t->when - 1, permanent ? UINT64_MAX : 1);
        if (young)
                crowd_add(&crowd, OLD, &random);
        for (int i = 0; i < ROUNDS_MAX && rounds_after > 0 && !server_has_ended(); i++) {
                crowd_round(&crowd, !permanent || i < 2 || fault_hits(t) == 0, &random);
                rounds_after -= fault_hits(t) > 0;
        }
        if (permanent && (t->call->flags & SPARES_OLD) && !is_no_state(t))
                for (size_t i = 1; i < OLD; i++) {
                        uint64_t died = sums.died;
                        crowd_send(&crowd.clients[i], 100);
                        while (crowd.clients[i].fd >= 0 && !is_whole(&crowd.clients[i])) {
                                (void)crowd_pump(&crowd, ROUND_MS);
                                (void)check_ms_left(
                                        "an old connection to be served while new ones cannot be");
                        }
                        if (sums.died != died)
                                check_fail("an old connection died");
                }
        if (permanent && !is_no_state(t) && !server_has_ended())
                process_await_rest(&server.process, REST_MS,
                                   "the server to use no CPU where it can do nothing");
        fault_disarm(t);
        if (ends(t)) {
                for (size_t i = 0; i < crowd.count; i++)
                        client_close(&crowd.clients[i]);
                end_check(t);
                passed = true;
                return;
        }
        if (fault_hits(t) == 0 && young)
                check_skip("a young server did not make the call this time");
        if (fault_hits(t) == 0)
                check_fail("no such call was made in %d rounds", ROUNDS_MAX);
        if (t->error == EAGAIN && t->call->number == SYS_sendto && permanent)
                for (size_t i = 0; i < crowd.count; i++) /* epoll has reported their room, and does so once */
                        client_close(&crowd.clients[i]);
        if (t->error == EAGAIN) { /* which was a lie: only what comes next shows that there is something */
                struct cpus cpus;
                cpus_allowed(&cpus);
                for (size_t i = 0; i < crowd.count; i++)
                        crowd_send(&crowd.clients[i], 1);
                for (size_t i = 0; i < cpus.count;
                     i++) { /* at each listener, of which there is one per CPU */
                        (void)cpus_pin(cpus.id[i]);
                        crowd_add(&crowd, 2, &random);
                }
                (void)sched_setaffinity(0, sizeof cpus_at_start, &cpus_at_start); /* they were allowed then */
        }
        crowd_finish(&crowd, true, "a connection to be served or ended after the faults");
        places_check(&random);
        while (!young && process_descriptors(&server.process) > server.descriptors)
                check_pause("all descriptors to be given back");
        if (young)
                server_stop();
        passed = true;
}

/* Waits until a client has been served, or the server has ended. */
static bool start_serves(uint64_t *random)
{
        struct crowd crowd;
        bool served = false;

        if (!process_comes_to_listen(&server.process))
                return false; /* which it says before the model begins */
        while (!served && !server_has_ended()) {
                (void)check_ms_left("a client to be served after the start");
                crowd = (struct crowd){.first_reads = true};
                crowd_add(&crowd, 1, random);
                (void)crowd_pump(&crowd, 50);
                served = crowd.count > 0 && crowd.clients[0].fd >= 0 && crowd.clients[0].received > 0 &&
                         is_whole(&crowd.clients[0]);
                if (crowd.count > 0)
                        client_close(&crowd.clients[0]);
        }
        return served;
}

enum outcome { SERVED, REFUSED, EITHER };

static bool full; /* CONFORMANCE_SCALE=full */

/* The next of the calls, counted from 0, that is to fail: each of them, or ever fewer. */
static uint64_t next(uint64_t n)
{
        return n + 1 + (full ? 0 : n / 2);
}

/* Waits for the end of a server that was told to, or could not begin. */
static void end_await(const char *when, uint64_t n, enum outcome expected)
{
        server.column = NULL;
        int status = process_await_end(&server.process, "the server to end");
        const char *said = server.process.output;
        bool says = *said;

        for (const char *line = said; *line; line = strchr(line, '\n') + 1)
                says = says && strchr(line, '\n') &&
                       (strncmp(line, "echo-c: ", 8) == 0 ||
                        strncmp(line, shim_says, strlen(shim_says)) == 0);
        if (status > 1 || (expected != EITHER && status != (int)expected) || !says)
                check_fail("call %d failed at the %s: status %d, it said: %s", (int)n + 1, when, status,
                           said);
}

static void start_run(void **state)
{
        const struct trial *t = *state;
        uint64_t random = t->random;

        (void)alarm(120);
        check_deadline_set(60);
        server_stop();
        passed = false;
        for (uint64_t n = 0; n == 0 || fault_hits(t) > 0; n = next(n)) {
                fault_arm(t, n, t->column->table == calls ? 1 : 2); /* a request of each worker's */
                server_begin(t->column);
                if (start_serves(&random)) {
                        server_settle();
                        fault_disarm(t);
                        if (!ends(t)) {
                                places_check(&random);
                                server_stop();
                                continue;
                        } /* it had begun to serve before all of its threads were made */
                }
                fault_disarm(t);
                end_await("start", n, REFUSED);
        }
        passed = true;
}

/* The first, the second, ... call after SIGTERM fails, while two clients are served and one waits to be accepted. */
static void end_run(void **state)
{
        const struct trial *t = *state;
        uint64_t random = t->random, hits = 1;

        (void)alarm(120);
        server_stop();
        passed = false;
        for (uint64_t n = 0; hits > 0; n = next(n)) {
                struct crowd crowd = {.first_reads = true};
                check_deadline_set(END_SECONDS);
                server_begin(t->column);
                process_await_listening(&server.process);
                server_settle();
                crowd_add(&crowd, 2, &random);
                (void)crowd_pump(&crowd, 3000);
                process_freeze(&server.process);
                crowd_add(&crowd, 1, &random);
                fault_arm(t, n, 1);
                process_signal(&server.process, SIGTERM);
                process_thaw(&server.process);
                (void)crowd_pump(&crowd, 100);
                if (!may_end(t))
                        crowd_finish(&crowd, true, "a connection to be served or ended after SIGTERM");
                for (size_t i = 0; i < crowd.count; i++)
                        client_close(&crowd.clients[i]);
                hits = fault_hits(t);
                end_await("end", n, may_end(t) ? EITHER : SERVED);
                fault_disarm(t);
        }
        passed = true;
}

/* Short reads and writes that the kernel cannot be made to do: all bytes come back, and after them the end. */
static void short_run(void **state)
{
        enum { COUNT = 8, BYTES = 256 * 1024 };
        const struct trial *t = *state;
        struct client clients[COUNT];
        uint64_t random = t->random;

        (void)alarm(60);
        check_deadline_set(TRIAL_SECONDS);
        server_stop();
        passed = false;
        (void)snprintf(shim_setting, sizeof shim_setting, "short=%u,",
                       1 + (unsigned)random_below(&random, 1000000));
        server_begin(t->column);
        process_await_listening(&server.process);
        clients_connect(clients, COUNT, server_address(), BUFFERS_SMALL, &random);
        clients_exchange(clients, COUNT, BYTES, FLOW_RANDOM, &random);
        for (int i = 0; i < COUNT; i++) {
                client_half_close(&clients[i]);
                client_expect_end(&clients[i]);
                client_close(&clients[i]);
        }
        places_check(&random);
        server_stop();
        passed = true;
}

/* The first, the second, ... allocation finds no memory, until there are no more. */
static void alloc_run(void **state)
{
        const struct trial *t = *state;
        uint64_t random = t->random, n = 0;
        bool hit = true;

        (void)alarm(200);
        server_stop();
        passed = false;
        for (; hit; n = next(n)) {
                struct crowd crowd = {0};
                check_deadline_set(TRIAL_SECONDS);
                (void)snprintf(shim_setting, sizeof shim_setting, "alloc=%d,", (int)n + 1);
                server_begin(t->column);
                if (start_serves(&random)) {
                        for (int i = 0; i < DRIVE_ROUNDS; i++)
                                crowd_round(&crowd, true, &random);
                        if (!server_has_ended()) {
                                crowd_finish(&crowd, true,
                                             "a connection to be served or ended without memory");
                                places_check(&random);
                                process_signal(&server.process, SIGTERM);
                                end_await("allocation", n, SERVED);
                                hit = strstr(server.process.output, shim_says);
                                sums.faults += hit;
                                continue;
                        }
                }
                for (size_t i = 0; i < crowd.count; i++)
                        client_close(&crowd.clients[i]);
                end_await("allocation", n, REFUSED);
                sums.faults++;
        }
        passed = true;
}

/* After a failure as well. */
static int trial_clean(void **state)
{
        (void)state;
        if (!passed) {
                (void)inject_disarm();
                atomic_store(&seam->kind, SEAM_NONE);
                process_kill_all();
                server.column = NULL;
        }
        *shim_setting = '\0';
        passed = true;
        return 0;
}

/* --- all tests */

static struct trial trials[TESTS_MAX];
static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

static void seen_read(const struct column *c, uint64_t *seen)
{
        for (size_t i = 0; i < c->size; i++)
                seen[i] = calls_seen(c, i);
}

/* Counts the calls that a model makes when nothing fails. */
static void calls_count(void **state)
{
        struct column *c = *state;
        uint64_t random = 1, before[CALLS], now[CALLS];
        struct crowd crowd = {0};

        check_deadline_set(TRIAL_SECONDS);
        passed = false;
        server_stop();
        server_begin(c);
        process_await_listening(&server.process);
        server_settle();
        seen_read(c, c->at_start);
        for (int drive = 0; drive < 3; drive++) {
                seen_read(c, before);
                crowd_add(&crowd, OLD, &random);
                if (drive > 0) {
                        (void)crowd_pump(&crowd, 3000);
                        seen_read(c, before);
                }
                for (int i = 0; i < DRIVE_ROUNDS; i++)
                        crowd_round(&crowd, true, &random);
                seen_read(c, now);
                for (size_t i = 0; i < c->size; i++) {
                        if (drive == 0)
                                c->young[i] = now[i] - before[i];
                        else if (drive == 1 || now[i] - before[i] < c->later[i])
                                c->later[i] = now[i] - before[i];
                }
                crowd_finish(&crowd, false, "what nothing has disturbed");
                crowd.first_reads = false;
                places_check(&random);
        }
        server_settle();
        seen_read(c, before);
        server_stop();
        seen_read(c, now);
        for (size_t i = 0; i < c->size; i++)
                c->at_end[i] = now[i] - before[i];
        passed = true;
}

static bool name_is_wanted(const char *name)
{
        const char *filter = getenv("CONFORMANCE_FILTER");

        if (!filter || !*filter)
                return true;
        return strpbrk(filter, "*?") ? fnmatch(filter, name, 0) == 0 : strstr(name, filter) != NULL;
}

static void test_add(struct trial trial, const char *name, void (*function)(void **))
{
        if (!name_is_wanted(name))
                return;
        if (test_count == TESTS_MAX) {
                (void)fprintf(stderr, "sweep: more than %d tests: raise TESTS_MAX\n", TESTS_MAX);
                exit(1);
        }
        trials[test_count] = trial;
        tests[test_count] = (struct CMUnitTest){.name = strdup(name), /* lives as long as the program */
                                                .test_func = function,
                                                .teardown_func = trial_clean,
                                                .initial_state = &trials[test_count]};
        test_count++;
}

/* Each errno of one call of one model. */
static void tests_add(struct column *c, size_t call, uint64_t seed)
{
        static const unsigned whens[] = {1, 2, 5, ON}, turns[] = {0, 1, 2, 0, 1, 2, 1, 3};
        static unsigned turn;
        char name[96];

        for (const int *error = c->table[call].errors; *error; error++) {
                const char *errno_name = strerrorname_np(*error);
                bool few = error < c->table[call].errors + (full ? 2 : 1); /* of the slow tests */
                struct trial t = {c, &c->table[call], *error, 0, random_at(seed, test_count)};
                (void)snprintf(name, sizeof name, "%s/start/%s/%s", c->name, t.call->name, errno_name);
                if ((full || c == columns || !(t.call->flags & ALIKE)) && c->at_start[call] > 0 &&
                    !(t.call->flags & LIBC_STARTS) && few)
                        test_add(t, name, start_run);
                (void)snprintf(name, sizeof name, "%s/end/%s/%s", c->name, t.call->name, errno_name);
                if (c->at_end[call] > 0 && few)
                        test_add(t, name, end_run);
                uint64_t most = c->later[call] ? UINT64_MAX : c->young[call];
                unsigned chosen = turns[turn++ % 8];
                for (unsigned i = 0; i < 4; i++) {
                        t.when = whens[i];
                        if (most == 0 || t.when > most || (!full && i != chosen && most >= whens[chosen]))
                                continue;
                        (void)snprintf(name, sizeof name, t.when == ON ? "%s/%s/%s/on" : "%s/%s/%s/%u",
                                       c->name, t.call->name, errno_name, t.when);
                        test_add(t, name, sweep_run);
                        if (!full)
                                break;
                }
        }
}

static void column_add(const char *model, const char *suffix, const char *program, const struct call *table,
                       size_t size)
{
        struct column *c = &columns[column_count++];

        *c = (struct column){.program = program, .table = table, .size = size};
        (void)snprintf(c->model, sizeof c->model, "%s", model);
        (void)snprintf(c->name, sizeof c->name, "%s%s", model, suffix);
}

/* From Linux 6.10 on a request can be made to fail with any errno. */
static bool requests_can_fail(void)
{
        struct utsname u;
        int major, minor;

        return uname(&u) == 0 && sscanf(u.release, "%d.%d", &major, &minor) == 2 &&
               major * 100 + minor >= 610;
}

static void columns_read(void)
{
        static struct process p;
        const char *const arguments[] = {"--list-models", NULL};
        char *rest = p.output;

        (void)snprintf(shim_path, sizeof shim_path, "%s/faults/shim.so",
                       getenv("TEST_BIN") ? getenv("TEST_BIN") : "build/tests");
        (void)snprintf(seam_build, sizeof seam_build, "%s/echo-c",
                       getenv("SEAM_DIR") ? getenv("SEAM_DIR") : "build/seam");
        check_deadline_set(TRIAL_SECONDS);
        process_start(&p, arguments);
        if (process_await_end(&p, "--list-models to end") != 0) {
                (void)fprintf(stderr, "sweep: --list-models failed: %s\n", p.output);
                exit(1);
        }
        for (char *line; (line = strsep(&rest, "\n"));) {
                const char *model = strsep(&line, "\t"), *availability = line ? strsep(&line, "\t") : "";
                bool alias = strncmp(availability, "stands for", 10) == 0;
                if (strcmp(availability, "available") != 0 && !(alias && full)) {
                        if (*model && !alias)
                                printf("[  SKIPPED ] %s: %s\n", model, availability);
                        continue;
                }
                column_add(model, "", NULL, calls, CALLS);
                if (strcmp(model, "uring") != 0)
                        continue;
                if (access(seam_build, X_OK) == 0 && requests_can_fail())
                        column_add(model, "-seam", seam_build, requests, REQUESTS);
                else
                        printf("[  SKIPPED ] uring-seam: it needs Linux 6.10 and the build with the seam\n");
        }
}

/* The build with the seam is also the one that is linked dynamically. */
static void shim_tests_add(uint64_t seed)
{
        static struct column shimmed[sizeof columns / sizeof *columns];
        char name[96];

        if (access(seam_build, X_OK) != 0 || access(shim_path, R_OK) != 0) {
                printf("[  SKIPPED ] shim: %s is not built\n",
                       access(shim_path, R_OK) ? shim_path : seam_build);
                return;
        }
        for (size_t i = 0; i < column_count; i++) {
                if (columns[i].program)
                        continue;
                shimmed[i] = columns[i];
                shimmed[i].program = seam_build;
                struct trial t = {.column = &shimmed[i], .random = random_at(seed, test_count)};
                (void)snprintf(name, sizeof name, "%s/short", columns[i].name);
                test_add(t, name, short_run);
                (void)snprintf(name, sizeof name, "%s/alloc", columns[i].name);
                test_add(t, name, alloc_run);
        }
}

static void seam_map(void)
{
        int fd = memfd_create("seam", MFD_CLOEXEC);

        if (fd < 0 || ftruncate(fd, sizeof *seam) != 0)
                abort();
        (void)snprintf(seam_path, sizeof seam_path, "/proc/%d/fd/%d", (int)getpid(), fd);
        seam = mmap(NULL, sizeof *seam, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (seam == MAP_FAILED)
                abort();
}

/* calls x errnos x models, of what is to be tried. */
static void cases_count(void)
{
        for (size_t i = 0; i < column_count; i++) {
                const struct column *c = &columns[i];
                for (size_t k = 0; k < c->size; k++) {
                        if (c->at_start[k] + c->young[k] + c->later[k] == 0)
                                continue;
                        sums.calls++;
                        for (const int *error = c->table[k].errors; *error; error++)
                                sums.errors++;
                }
        }
}

int main(void)
{
        static struct CMUnitTest counts[sizeof columns / sizeof *columns];
        const char *scale = getenv("CONFORMANCE_SCALE"), *text = getenv("CONFORMANCE_SEED");
        uint64_t seed = text ? strtoull(text, NULL, 10) : clock_now() % 1000000000;

        full = scale && strcmp(scale, "full") == 0;
        (void)sched_getaffinity(0, sizeof cpus_at_start, &cpus_at_start); /* cannot fail */
        (void)setvbuf(stdout, NULL, _IOLBF, 0); /* cannot fail before the first output */
        for (size_t i = 0; i < CALLS; i++)
                numbers[i] = calls[i].number;
        seam_map();
        columns_read();
        for (size_t i = 0; i < column_count; i++)
                counts[i] = (struct CMUnitTest){.name = columns[i].name,
                                                .test_func = calls_count,
                                                .teardown_func = trial_clean,
                                                .initial_state = &columns[i]};
        printf("CONFORMANCE_SEED=%llu repeats this run\n", (unsigned long long)seed);
        int failed = _cmocka_run_group_tests("sweep_calls", counts, column_count, NULL, NULL);
        for (size_t i = 0; i < column_count; i++)
                for (size_t k = 0; k < columns[i].size; k++)
                        tests_add(&columns[i], k, seed);
        shim_tests_add(seed);
        cases_count();
        failed += _cmocka_run_group_tests("sweep", tests, test_count, NULL, NULL);
        server_stop();
        printf("sweep: %zu columns, %llu calls in them, %llu errnos of these: %zu tests planted %llu faults; %llu connections "
               "died of them, %llu times the process as it may; %s\n",
               column_count, (unsigned long long)sums.calls, (unsigned long long)sums.errors, test_count,
               (unsigned long long)sums.faults, (unsigned long long)sums.died, (unsigned long long)sums.ended,
               failed ? "see what failed above" : "no byte, descriptor or place was lost");
        return failed ? 1 : 0;
}
