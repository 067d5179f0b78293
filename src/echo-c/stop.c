/* SPDX-License-Identifier: MIT */
/* One thread waits for the signals and all others block them: so there is no handler, which could call only a
 * few functions, and no interrupted system call in the models. Each event is a byte that nobody ever reads,
 * in a socket pair and not in a pipe, since not on every kernel does a pipe report a second byte to epoll as
 * a new edge. */
#include "echo-c/stop.h"

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
        sigset_t signals;
        uint64_t drain_timeout;
        void (*drains)(void);
        int event_fd;
} stop;

static void event_send(void)
{
        while (send(stop.event_fd, "", 1, MSG_NOSIGNAL) < 0)
                clock_sleep(NS_PER_MS); /* no memory for it now: the pair has room for more than two bytes */
}

static void *stop_main(void *unused)
{
        int number;

        (void)sigwait(&stop.signals, &number); /* can only fail for a bad signal number */
        stop.drains();
        event_send();
        uint64_t end = clock_now() + stop.drain_timeout, now;
        while ((now = clock_now()) < end) {
                struct timespec rest = {.tv_sec = (time_t)((end - now) / NS_PER_S),
                                        .tv_nsec = (long)((end - now) % NS_PER_S)};
                if (sigtimedwait(&stop.signals, NULL, &rest) > 0)
                        break;
        }
        event_send();
        return unused;
}

int stop_begin(uint64_t drain_timeout, void (*drains)(void))
{
        int pair[2];
        pthread_attr_t attributes;
        pthread_t thread;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
                return -errno;
        stop.event_fd = pair[1];
        stop.drain_timeout = drain_timeout;
        stop.drains = drains;
        (void)sigemptyset(&stop.signals);
        (void)sigaddset(&stop.signals, SIGTERM);
        (void)sigaddset(&stop.signals, SIGINT);
        int error = pthread_sigmask(SIG_BLOCK, &stop.signals, NULL);
        if (!error)
                error = pthread_attr_init(&attributes);
        if (!error)
                error = pthread_create(&thread, &attributes, stop_main, NULL);
        if (!error)
                error = pthread_detach(thread);
        return error ? -error : pair[0];
}
