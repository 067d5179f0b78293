/* SPDX-License-Identifier: MIT */
#include "echo-c/observer.h"

#include "echo-c/log.h"
#include "echo-c/scrape.h"
#include "echo-c/supervisor.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

enum { STACK_SIZE = 128 * 1024 }; /* of which it touches what a line of the log takes */

static struct {
        struct observer_options options;
        uint64_t errors[COUNTERS_ERRORS], full; /* that have been told */
        uint64_t quiet_until;                   /* ns: alarms are left alone */
        uint64_t watchdog, watchdog_at;         /* ns; 0: nobody waits for it */
} observer;

static uint64_t errors_of(size_t i)
{
        return metrics_sum(observer.options.server,
                           offsetof(struct counters, accept_errors) + i * sizeof(uint64_t));
}

/* What this lacks, and what would help; "" if it is the peer's or the firewall's doing. */
static void advice_write(int error, char *text, size_t size)
{
        text[0] = '\0';
        if (error == EMFILE)
                (void)snprintf(text, size,
                               ": %zu descriptors allowed, and all in use: raise it with ulimit -n",
                               observer.options.server->descriptors_max);
        else if (error == ENFILE)
                (void)snprintf(text, size, ": the system's descriptors are in use: see sysctl fs.file-max");
        else if (error == ENOMEM || error == ENOBUFS)
                (void)snprintf(text, size, ": no memory for another socket: see sysctl net.ipv4.tcp_mem");
        else if (error == EAGAIN)
                (void)snprintf(text, size,
                               ": no thread can be made: see ulimit -u and the cgroup's pids.max");
}

static void alarm_tell(void)
{
        const struct server *s = observer.options.server;
        char advice[256];
        uint64_t full = atomic_load_explicit(&s->full, memory_order_relaxed);

        for (size_t i = 0; i < COUNTERS_ERRORS; i++) {
                uint64_t now = errors_of(i), more = now - observer.errors[i];
                int error = server_accept_error(i);
                if (more == 0)
                        continue;
                advice_write(error, advice, sizeof advice);
                log_write(LOG_LEVEL_WARNING, "accept_error",
                          "accepting a connection failed %" PRIu64
                          " times (%s)%s; new ones wait in the backlog",
                          more, error ? strerrorname_np(error) : "other errors", advice);
                observer.errors[i] = now;
        }
        if (full > observer.full)
                log_write(LOG_LEVEL_WARNING, "full",
                          "%zu connections are open, as many as may be: further ones wait in the backlog",
                          s->connections_max);
        observer.full = full;
}

/* An alarm is told at once, and what follows it when the quiet time is over. */
static void alarm_handle(void)
{
        struct server *s = observer.options.server;
        eventfd_t count;

        (void)eventfd_read(s->alarm_fd, &count); /* it is non-blocking */
        atomic_store_explicit(&s->alarmed, false, memory_order_relaxed);
        alarm_tell();
        observer.quiet_until = clock_now() + OBSERVER_QUIET_S * NS_PER_S;
}

/* For how many ms to wait at most; -1: for ever. */
static int wait_ms(int scrapes_ms)
{
        uint64_t now = clock_now(), first = UINT64_MAX;

        if (observer.quiet_until > now)
                first = observer.quiet_until;
        if (observer.watchdog && observer.watchdog_at < first)
                first = observer.watchdog_at;
        uint64_t left = first < now ? 0 : (first - now) / NS_PER_MS + 1;
        if (first == UINT64_MAX || (scrapes_ms >= 0 && (uint64_t)scrapes_ms < left))
                return scrapes_ms;
        return (int)(left < INT32_MAX ? left : INT32_MAX);
}

static void *observer_main(void *unused)
{
        enum { ALARM, SCRAPES, COUNT = SCRAPES + SCRAPE_POLLS };
        struct pollfd fds[COUNT];

        for (;;) { /* it ends with the process */
                uint64_t now = clock_now();
                if (observer.watchdog && now >= observer.watchdog_at) {
                        supervisor_tell("WATCHDOG=1");
                        observer.watchdog_at = now + observer.watchdog / 2;
                }
                bool quiet = now < observer.quiet_until;
                fds[ALARM] = (struct pollfd){.fd = quiet ? -1 : observer.options.server->alarm_fd,
                                             .events = POLLIN};
                int ms = wait_ms(scrape_prepare(fds + SCRAPES));
                if (poll(fds, COUNT, ms) < 0) {
                        clock_sleep(NS_PER_MS); /* no memory for a moment, or a signal */
                        continue;
                }
                if (fds[ALARM].revents)
                        alarm_handle();
                scrape_handle(fds + SCRAPES);
        }
        return unused;
}

int observer_begin(const struct observer_options *o)
{
        pthread_attr_t attributes;
        pthread_t thread;

        observer.options = *o;
        observer.watchdog = supervisor_watchdog();
        scrape_begin(o->metrics_fd, &observer.options.source);
        o->server->alarm_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (o->server->alarm_fd < 0)
                return -errno;
        int error = pthread_attr_init(&attributes);
        if (!error)
                error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
        if (!error)
                error = pthread_create(&thread, &attributes, observer_main, NULL);
        if (!error)
                error = pthread_detach(thread);
        return -error;
}
