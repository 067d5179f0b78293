/* SPDX-License-Identifier: MIT */
/* sockmap: the echo that never leaves the kernel.
 *
 * The idea. Two small BPF programs do the work (sockmap.bpf.c). One sees each connection that a listener of
 * ours completes and enters its socket in a hash of sockets; the other is called for each segment that such a
 * socket has received, and redirects it to the same socket's sending side. User space accepts, waits for the
 * client to end, and closes: no byte is copied to it, and it makes no system call per request.
 *
 * What it costs. A redirected segment is queued, and a kernel worker wakes up to send it. That CPU time is
 * charged to no process, so compare this model by what the whole machine spends. Published measurements over
 * a network found it slower than an event loop (Cloudflare, "SOCKMAP: TCP splicing of the future", 2019);
 * here, where a system call is expensive and the kernel worker shares its CPU with client and server, it is
 * as fast as io_uring.
 *
 * What it cannot promise. The sending is done by the CPU's ordinary kernel worker, which has no better claim
 * to the CPU than any thread: with two dozen busy threads on two CPUs it did not run for seconds (6.18),
 * nothing was echoed meanwhile, and no setting of the server would help. A redirected segment is not charged
 * to the receiving socket, so the window never closes: a client that sends and does not read makes the
 * kernel's memory grow. Unix sockets have no sockops. It takes CAP_BPF and CAP_NET_ADMIN, and looks at every
 * TCP connection of the machine; those of other listeners are left alone, by address, port and network
 * namespace. Both programs are attached by links, which the kernel removes with the process, however it ends.
 *
 * Four races. A connection may be accepted on another CPU before it is entered (establishment_await). What
 * arrives before accept(2) waits in the socket, since the program runs only for sockets that have a file; a
 * recv(2) that finds nothing makes the kernel look again (tcp_bpf_recvmsg_parser, Linux 6.4). Connections
 * that were established before the program was attached, or that found no memory for their entry, are entered
 * by hand when they are accepted. And a client's FIN may overtake its last bytes, which a kernel worker still
 * has: so before a socket is closed, TCP_INFO must say that as much went out as came in.
 *
 * The file is long, and reads better whole: what is loaded, who is entered when, and when a connection may be closed decide
 * for each other.
 *
 * Rejected. A SOCKMAP with the port as its key: two clients may have the same one. A parser program: a stream
 * has no messages to cut. A cgroup of one's own: it outlives SIGKILL. Entering every socket by hand: two
 * system calls per connection. */
#include "models/accepting.h"
#include "models/crew.h"
#include "models/idle.h"
#include "models/model.h"
#include "models/server.h"
#include "models/system_calls.h"

#include <stdio.h>

#ifdef HAVE_SOCKMAP

#include "models/sockmap.h"

#include "base/clock.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sockmap.skel.h> /* libbpf's loader for sockmap.bpf.c: made by bpftool, needs system calls alone */

enum {
        ACCEPTS_MAX = 64,   /* new connections before the old ones have their turn */
        EVENTS_MAX = 256,   /* reports fetched at a time */
        LOAD_TRIES = 10,    /* of the programs, while signals interrupt it */
        ENDING_MS_MIN = 1,  /* how soon a connection whose client has ended is looked at again: */
        ENDING_MS_MAX = 64, /* doubled for as long as none can be closed */
};

/* What is loaded into the kernel. Closing these descriptors removes all of it. */
struct kernel {
        struct sockmap_bpf *programs; /* and maps */
        int establish_link, echo_link;
        struct sockmap_configuration *configuration; /* shared with the program */
};

static struct kernel served; /* by all workers; a probe has its own */

/* A connection whose client has ended. */
struct ending {
        int fd;
        bool by_hand; /* it is not in the map, and can no longer be entered */
};

struct worker {
        struct server *server;
        struct counters *counters;
        const struct kernel *kernel;
        unsigned index;
        int epoll_fd, stop_fd;
        size_t open;
        uint64_t *missing;     /* [listener_count]: so many of the configuration's have been made good */
        struct ending *ending; /* [ending_count] of [ending_room] */
        size_t ending_count, ending_room;
        int ending_ms; /* until they are looked at again */
        struct accepting accepting;
        struct idle idle;
        bool *open_fds;       /* [descriptors_max]: its connections; NULL: --idle-timeout is off */
        int descriptors_used; /* no connection has had this descriptor or a higher one */
        bool draining;        /* a stop event was seen */
        bool left;            /* and the listeners have been left */
};

/* What a report is about, in epoll_event.data: a connection's descriptor, or an index with one of these. */
#define LISTENER_BIT (UINT64_C(1) << 32)
#define STOP_BIT (UINT64_C(1) << 33)

static int watch(const struct worker *w, int operation, int fd, uint32_t events, uint64_t data)
{
        struct epoll_event event = {.events = events, .data.u64 = data};

        return epoll_ctl(w->epoll_fd, operation, fd, &event) == 0 ? 0 : -errno;
}

/* A connection's bytes according to TCP_INFO (linux/tcp.h, since Linux 4.19). */
struct traffic {
        uint64_t received, sent; /* sent: given to TCP, even if not yet on the wire */
};

static struct traffic traffic_of(int fd, bool ended)
{
        struct tcp_info info;
        socklen_t size = sizeof info;

        memset(&info, 0, sizeof info);
        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
                return (struct traffic){0};
        return (struct traffic){
                .received = info.tcpi_bytes_received -
                            (ended && info.tcpi_bytes_received > 0), /* FIN counts */
                .sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes,
        };
}

static void connection_close(struct worker *w, int fd, const struct traffic *t)
{
        counter_add(&w->counters->received, t->received);
        counter_add(&w->counters->sent, t->sent);
        if (w->open_fds)
                w->open_fds[fd] = false;
        server_close(w->server, w->index, fd);
        w->open--;
        if (w->accepting.paused_until && !w->draining)
                (void)accepting_resume(&w->accepting); /* whatever was lacking may be there again */
}

static void connection_fail(struct worker *w, int fd)
{
        struct traffic t = traffic_of(fd, false);

        counter_add(&w->counters->io_errors, 1);
        connection_close(w, fd, &t);
}

/* Echoes what came before the socket could be entered. Returns false if there was no room for all of it. */
static bool echo_by_hand(int fd)
{
        char bytes[16 * 1024];
        ssize_t n;

        while ((n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT)) > 0) {
                ssize_t sent = send(fd, bytes, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (sent <= 0)
                        return errno != EAGAIN;                          /* an error is the end too */
                if (recv(fd, bytes, (size_t)sent, MSG_DONTWAIT) != sent) /* they are there */
                        return true; /* rather the end than the same bytes once more */
        }
        return true;
}

/* The client has ended: closes and returns true if everything has gone back. */
static bool connection_finish(struct worker *w, struct ending e)
{
        bool finished = !e.by_hand || echo_by_hand(e.fd);
        struct traffic t = traffic_of(e.fd, true);

        if (!finished || (!e.by_hand && t.sent < t.received))
                return false;
        connection_close(w, e.fd, &t); /* the kernel delivers what is queued, then FIN */
        return true;
}

static void connection_end(struct worker *w, struct ending e)
{
        if (connection_finish(w, e))
                return;
        if (w->ending_count == w->ending_room) {
                size_t room = w->ending_room ? 2 * w->ending_room : 64;
                struct ending *ending = realloc(w->ending, room * sizeof *ending);
                if (!ending) {
                        connection_fail(w, e.fd);
                        return;
                }
                w->ending = ending;
                w->ending_room = room;
        }
        if (!e.by_hand) /* from now on only errors are reported, so it cannot come here twice */
                (void)watch(w, EPOLL_CTL_MOD, e.fd, EPOLLET, (uint64_t)e.fd);
        w->ending[w->ending_count++] = e;
        w->ending_ms = ENDING_MS_MIN;
}

static void endings_look(struct worker *w)
{
        size_t left = 0;

        for (size_t i = 0; i < w->ending_count; i++)
                if (!connection_finish(w, w->ending[i]))
                        w->ending[left++] = w->ending[i];
        w->ending_ms = left < w->ending_count         ? ENDING_MS_MIN
                       : w->ending_ms < ENDING_MS_MAX ? 2 * w->ending_ms
                                                      : ENDING_MS_MAX;
        w->ending_count = left;
}

static void ending_forget(struct worker *w, int fd)
{
        for (size_t i = 0; i < w->ending_count; i++)
                if (w->ending[i].fd == fd)
                        w->ending[i--] = w->ending[--w->ending_count];
}

/* A connection that has an error while it waits in `ending` leaves that list first. */
static void connection_broke(struct worker *w, int fd)
{
        ending_forget(w, fd);
        connection_fail(w, fd);
}

/* Nothing of a connection passes through here, but the kernel knows when it last had something from it, or sent it
 * something. */
static void idle_close(struct worker *w)
{
        uint64_t limit_ms = w->server->idle_timeout / NS_PER_MS;

        for (int fd = 0; fd < w->descriptors_used; fd++) {
                struct tcp_info info = {0};
                socklen_t size = sizeof info;
                if (!w->open_fds[fd] || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
                    info.tcpi_last_data_recv < limit_ms || info.tcpi_last_data_sent < limit_ms)
                        continue;
                struct traffic t = traffic_of(fd, false);
                counter_add(&w->counters->idle, 1);
                ending_forget(w, fd);
                connection_close(w, fd, &t);
        }
}

/* Updates an entry of the map of sockets, or looks it up (bpf(2)). */
static int socket_entry(const struct worker *w, int command, const uint64_t *cookie, uint64_t *value,
                        uint64_t flags)
{
        union bpf_attr a = {.map_fd = (uint32_t)w->kernel->programs->maps.sockets.map_fd,
                            .key = (uintptr_t)cookie,
                            .value = (uintptr_t)value,
                            .flags = flags};

        return syscall(SYS_bpf, command, &a, sizeof a) == 0 ? 0 : -errno;
}

/* Enters a connection unless the program in the kernel has done so: EEXIST or EBUSY says that, or, if its
 * client has ended already, a look at the map. Returns -EOPNOTSUPP if it was missed and it is too late. */
static int connection_enter(const struct worker *w, int fd)
{
        uint64_t cookie, value = (uint64_t)fd;
        socklen_t size = sizeof cookie;

        if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) != 0)
                return -errno;
        int error = socket_entry(w, BPF_MAP_UPDATE_ELEM, &cookie, &value, BPF_NOEXIST);
        if (error == -EOPNOTSUPP)
                return socket_entry(w, BPF_MAP_LOOKUP_ELEM, &cookie, &value, 0) == 0 ? 0 : -EOPNOTSUPP;
        return error == -EEXIST || error == -EBUSY ? 0 : error;
}

/* Waits until the kernel has done with the handshake's last segment. A connection can be accepted on one CPU
 * while another still runs the program for it, and a recv(2) that began before it was entered would take
 * bytes that are the kernel's to send; a call that needs the socket's lock comes after both. */
static void establishment_await(int fd)
{
        struct tcp_info info;
        socklen_t size = sizeof info.tcpi_state;

        (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size); /* only for its lock */
}

static void connection_begin(struct worker *w, int fd, bool may_be_missing)
{
        int error = may_be_missing ? connection_enter(w, fd) : 0;
        ssize_t n = 0;
        char byte;

        w->open++;
        w->descriptors_used = fd < w->descriptors_used ? w->descriptors_used : fd + 1;
        if (w->open_fds)
                w->open_fds[fd] = true;
        if (error == -EOPNOTSUPP) {
                connection_end(w, (struct ending){.fd = fd, .by_hand = true});
                return;
        }
        if (!error)
                error = watch(w, EPOLL_CTL_ADD, fd, EPOLLRDHUP | EPOLLET, (uint64_t)fd);
        if (!error)
                do
                        n = recv(fd, &byte, sizeof byte, MSG_DONTWAIT);
                while (n < 0 && errno == EINTR);
        /* A byte was the kernel's to send: the socket is not entered. After an error nobody has looked again. */
        if (error || n > 0 || (n < 0 && errno != EAGAIN))
                connection_fail(w, fd);
}

/* How many connections the program could not enter. */
static uint64_t missing_count(const struct worker *w)
{
        return __atomic_load_n(&w->kernel->configuration->missing, __ATOMIC_ACQUIRE);
}

/* Returns false if the queue may hold more, which cannot be accepted now. */
static bool connections_accept(struct worker *w, const struct listener *l)
{
        uint64_t missing = missing_count(w), *made_good = &w->missing[l - w->server->listeners];

        for (int i = 0; i < ACCEPTS_MAX || w->draining; i++) {
                int fd = server_accept_admitted(w->server, l, w->index);
                if (fd == -EAGAIN) {
                        *made_good = missing;
                        return true;
                }
                if (fd == -EBUSY)
                        return false;
                if (fd < 0)
                        continue;
                establishment_await(fd);
                connection_begin(w, fd, missing_count(w) != *made_good);
        }
        return true; /* level-triggered: the listener is reported again */
}

/* After the first stop event, accepts what the queues hold, which will be served, and leaves the listeners.
 * If a queue cannot be emptied for lack of something, it is tried again as connections close. */
static void listeners_drain(struct worker *w)
{
        for (size_t i = 0; i < w->server->listener_count; i++) {
                const struct listener *l = &w->server->listeners[i];
                if (listener_serves(l, w->index) && !connections_accept(w, l))
                        return;
        }
        server_leave(w->server, w->index);
        w->left = true;
}

static void report_handle(struct worker *w, const struct epoll_event *event)
{
        uint64_t data = event->data.u64;

        if (data & STOP_BIT) {
                if (!w->draining && !w->accepting.paused_until)
                        accepting_pause(&w->accepting);
                w->draining = true;
        } else if (data & LISTENER_BIT) {
                if (!w->accepting.paused_until &&
                    !connections_accept(w, &w->server->listeners[(uint32_t)data]))
                        accepting_pause(&w->accepting);
        } else if (event->events & (EPOLLERR | EPOLLHUP)) {
                connection_broke(w, (int)data);
        } else {
                connection_end(w, (struct ending){.fd = (int)data});
        }
}

static bool worker_has_finished(const struct worker *w)
{
        return w->draining && ((w->left && w->open == 0) || server_stop_events(w->stop_fd) > 1);
}

static int worker_run(void *arg)
{
        struct worker *w = arg;
        struct epoll_event events[EVENTS_MAX];

        while (!worker_has_finished(w)) {
                int timeout = w->accepting.paused_until && !w->left ? SERVER_PAUSE_MS : -1;
                int n = epoll_wait(w->epoll_fd, events, EVENTS_MAX,
                                   idle_wait_ms(&w->idle, w->ending_count > 0 ? w->ending_ms : timeout));
                if (n < 0 && errno != EINTR)
                        return -errno; /* the instance is no use any more */
                for (int i = 0; i < n; i++)
                        report_handle(w, &events[i]);
                if (w->ending_count > 0)
                        endings_look(w);
                if (idle_is_due(&w->idle))
                        idle_close(w);
                if (w->draining && !w->left)
                        listeners_drain(w);
                else if (!w->draining && w->accepting.paused_until &&
                         clock_now() >= w->accepting.paused_until)
                        (void)accepting_resume(&w->accepting);
        }
        return 0;
}

static int worker_init(void *arg, struct server *s, unsigned index, int stop_fd)
{
        struct worker *w = arg;

        *w = (struct worker){.server = s,
                             .counters = &s->counters[index],
                             .kernel = &served,
                             .index = index,
                             .stop_fd = stop_fd};
        w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (w->epoll_fd < 0)
                return -errno;
        idle_init(&w->idle, s->idle_timeout);
        w->missing = calloc(s->listener_count, sizeof *w->missing);
        if (s->idle_timeout)
                w->open_fds = calloc(s->descriptors_max, sizeof *w->open_fds);
        if (!w->missing || (s->idle_timeout && !w->open_fds))
                return -ENOMEM;
        /* exclusive: of the workers that share a listener, one is woken per connection */
        w->accepting = (struct accepting){s, index, w->epoll_fd, EPOLLIN | EPOLLEXCLUSIVE, LISTENER_BIT, 0};
        int error = accepting_resume(&w->accepting);
        return error ? error : watch(w, EPOLL_CTL_ADD, w->stop_fd, EPOLLIN | EPOLLET, STOP_BIT);
}

static void worker_fini(void *arg)
{
        struct worker *w = arg;

        free(w->ending);
        free(w->missing);
        free(w->open_fds);
        if (w->epoll_fd >= 0)
                (void)close(w->epoll_fd);
}

static int listener_describe(int fd, struct sockmap_listener *l)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } a = {.any.sa_family = AF_UNSPEC};
        socklen_t size = sizeof a;

        if (getsockname(fd, &a.any, &size) != 0)
                return -errno;
        *l = (struct sockmap_listener){.family = a.any.sa_family};
        if (a.any.sa_family == AF_INET) {
                l->port = ntohs(a.v4.sin_port);
                l->address[0] = a.v4.sin_addr.s_addr;
        } else {
                l->port = ntohs(a.v6.sin6_port);
                memcpy(l->address, &a.v6.sin6_addr, sizeof l->address);
        }
        return 0;
}

/* Tells the program which connections are ours. */
static int kernel_configure(struct kernel *k, const struct server *s)
{
        struct sockmap_configuration *c = k->configuration;
        socklen_t size = sizeof c->netns;
        int error = 0;

        if (getsockopt(s->listeners[0].fd, SOL_SOCKET, SO_NETNS_COOKIE, &c->netns, &size) != 0)
                return -errno;
        c->missing = 1; /* whoever has connected before this moment */
        for (size_t i = 0; !error && i < s->listener_count; i++) {
                if (s->listeners[i].worker > 0)
                        continue; /* it has the address of worker 0's */
                if (c->listener_count == SOCKMAP_LISTENERS_MAX)
                        return -E2BIG;
                error = listener_describe(s->listeners[i].fd, &c->listeners[c->listener_count++]);
        }
        return error;
}

/* Opens the directory on which the root of the cgroup2 hierarchy is mounted (proc_pid_mountinfo(5)). */
static int cgroup_open(void)
{
        FILE *file = fopen("/proc/self/mountinfo", "re");
        char *line = NULL;
        size_t room = 0;
        int fd = -ENOENT;

        if (!file)
                return -errno;
        while (fd == -ENOENT && getline(&line, &room, file) > 0) {
                char root[256], path[4096];
                const char *type = strstr(line, " - ");
                if (!type || strncmp(type, " - cgroup2 ", 11) != 0)
                        continue;
                if (sscanf(line, "%*s %*s %*s %255s %4095s", root, path) != 2 || strcmp(root, "/") != 0)
                        continue;
                fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        fd = -errno;
        }
        free(line);
        (void)fclose(file); /* it was only read */
        return fd;
}

static void kernel_unload(struct kernel *k)
{
        if (k->configuration != MAP_FAILED)
                (void)munmap(k->configuration, sizeof *k->configuration);
        if (k->establish_link >= 0)
                (void)close(k->establish_link);
        if (k->echo_link >= 0)
                (void)close(k->echo_link);
        sockmap_bpf__destroy(k->programs); /* NULL is fine */
}

/* Loads both programs, for at most so many sockets. Returns 0, or a negative errno and what failed. */
static int kernel_load(struct kernel *k, size_t sockets, const char **what)
{
        *k = (struct kernel){.establish_link = -1, .echo_link = -1, .configuration = MAP_FAILED};
        *what = "loading the BPF programs";
        k->programs = sockmap_bpf__open();
        if (!k->programs)
                return -ENOMEM;
        k->programs->maps.sockets.max_entries = (uint32_t)sockets;
        int error = -EAGAIN; /* what a signal during their verification, even SIGSTOP, leads to */
        for (int i = 0; error == -EAGAIN && i < LOAD_TRIES; i++)
                error = sockmap_bpf__load(k->programs);
        if (error)
                return error;
        k->configuration = mmap(NULL, sizeof *k->configuration, PROT_READ | PROT_WRITE, MAP_SHARED,
                                k->programs->maps.configuration.map_fd, 0);
        if (k->configuration == MAP_FAILED)
                return -errno;
        *what = "attaching the verdict program to the map of sockets";
        k->echo_link = skel_link_create(k->programs->progs.echo.prog_fd, k->programs->maps.sockets.map_fd,
                                        BPF_SK_SKB_STREAM_VERDICT);
        return k->echo_link < 0 ? -errno : 0;
}

/* From now on connections are entered as they are established. */
static int kernel_attach(struct kernel *k, const char **what)
{
        *what = "finding the root of a cgroup2 hierarchy";
        int cgroup = cgroup_open();
        if (cgroup < 0)
                return cgroup;
        *what = "attaching the sockops program to the root cgroup";
        k->establish_link = skel_link_create(k->programs->progs.establish.prog_fd, cgroup,
                                             BPF_CGROUP_SOCK_OPS);
        int error = k->establish_link < 0 ? -errno : 0;
        (void)close(cgroup); /* the link holds it */
        return error;
}

static int sockmap_serve(struct server *s, int stop_fd)
{
        static const struct worker_kind kind = {sizeof(struct worker), worker_init, worker_run, worker_fini};
        int error = crew_run_workers(s, stop_fd, &kind);

        kernel_unload(&served);
        return error;
}

static int sockmap_prepare(struct server *s, struct why *why)
{
        /* The queues' connections are entered too, before they are accepted. */
        size_t sockets = s->connections_max + s->listener_count * (size_t)limits_somaxconn();
        const char *what;
        int error = kernel_load(&served, sockets, &what);

        if (!error) {
                what = "telling the programs which listeners are ours";
                error = kernel_configure(&served, s);
        }
        if (!error)
                error = kernel_attach(&served, &what);
        if (!error)
                return 0;
        kernel_unload(&served);
        return why_fail(why, error, "%s: %s", what, strerror(-error));
}

static int sockmap_probe(unsigned workers, struct why *why)
{
        (void)workers;
        const char *what;
        struct kernel kernel;
        int error = kernel_load(&kernel, 1, &what);

        if (!error)
                error = kernel_attach(&kernel, &what);
        kernel_unload(&kernel);
        if (error)
                return why_fail(
                        why, error, "%s: %s%s", what, strerror(-error),
                        error == -EPERM || error == -EACCES ? " (CAP_BPF and CAP_NET_ADMIN are needed)" : "");
        return 0;
}

#else

#include <errno.h>

static int sockmap_serve(struct server *s, int stop_fd)
{
        (void)s, (void)stop_fd;
        return -ENOSYS; /* the probe has said so */
}

static int sockmap_prepare(struct server *s, struct why *why)
{
        (void)s;
        return why_fail(why, -ENOSYS, "built without it");
}

static int sockmap_probe(unsigned workers, struct why *why)
{
        (void)workers;
        return why_fail(why, -ENOSYS, "built without clang, bpftool or libbpf's headers");
}

#endif

static const int system_calls[] = {SYSTEM_CALLS_EPOLL, SYS_bpf, -1};

const struct model model_sockmap = {
        .name = "sockmap",
        .summary = "an echo inside the kernel: BPF programs send each segment back by the socket that "
                   "received it",
        .caveats = "no backpressure: what a client does not read takes kernel memory without a bound; "
                   "where others use up the CPUs, the kernel's workers, and with them the echo, may stand "
                   "still for seconds; TCP only",
        .listeners = LISTENERS_PER_WORKER,
        .tcp_only = true,
        .unbounded = true,
        .stalled_bytes = 0, /* in user space */
        .probe = sockmap_probe,
        .prepare = sockmap_prepare,
        .system_calls = system_calls,
        .serve = sockmap_serve,
};
