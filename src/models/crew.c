/* SPDX-License-Identifier: MIT */
#include "models/crew.h"

#include "base/cpus.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* What the threads of one crew_run share. */
struct crew {
        int (*work)(void *);
        pthread_mutex_t starting; /* held until all threads are made, or one could not be */
        int error;                /* and why not */
};

struct thread {
        struct crew *crew;
        void *argument;
        pthread_t id;
        int cpu; /* -1: any */
        int error;
};

/* A thread that cannot go on does not leave its clients to nobody while the others serve theirs: as two signals would, it
 * ends all of them, and the process (echo-c/stop.c). */
static void crew_end(void)
{
        (void)kill(getpid(), SIGTERM); /* cannot fail; two different ones, which do not merge */
        (void)kill(getpid(), SIGINT);
}

static void *thread_main(void *arg)
{
        struct thread *t = arg;

        pthread_mutex_lock(&t->crew->starting);
        t->error = t->crew->error;
        pthread_mutex_unlock(&t->crew->starting);
        if (t->error)
                return NULL;
        if (t->cpu >= 0)
                (void)cpus_pin(t->cpu); /* slower where it is not allowed, but right */
        t->error = t->crew->work(t->argument);
        if (t->error)
                crew_end();
        return NULL;
}

int crew_run(struct server *s, unsigned count, int (*work)(void *), void *arguments, size_t size)
{
        struct crew crew = {.work = work, .starting = PTHREAD_MUTEX_INITIALIZER};
        struct thread *threads = calloc(count, sizeof *threads);
        unsigned made = 0;
        int error = 0;

        if (!threads)
                return -ENOMEM;
        pthread_mutex_lock(&crew.starting);
        for (; made < count; made++) {
                struct thread *t = &threads[made];
                *t = (struct thread){.crew = &crew,
                                     .argument = (char *)arguments + made * size,
                                     .cpu = s->cpus ? s->cpus[made % s->workers] : -1};
                if (made > 0)
                        crew.error = -pthread_create(&t->id, NULL, thread_main, t);
                if (crew.error)
                        break;
        }
        pthread_mutex_unlock(&crew.starting);
        if (!crew.error)
                server_began(s);
        (void)thread_main(&threads[0]); /* is NULL */
        for (unsigned i = 0; i < made; i++) {
                if (i > 0)
                        (void)pthread_join(threads[i].id, NULL);
                error = error ? error : threads[i].error;
        }
        free(threads);
        return error;
}

int crew_run_workers(struct server *s, int stop_fd, const struct worker_kind *kind)
{
        char *workers = calloc(s->workers, kind->size);
        unsigned begun = 0;
        int error = workers ? 0 : -ENOMEM;

        for (; !error && begun < s->workers; begun++)
                error = kind->init(workers + begun * kind->size, s, begun, stop_fd);
        if (!error)
                error = crew_run(s, s->workers, kind->run, workers, kind->size);
        while (begun > 0)
                kind->fini(workers + --begun * kind->size);
        free(workers);
        return error;
}
