/* SPDX-License-Identifier: MIT */
#include "coroutine/scheduler.h"

#include "coroutine/context.h"

#include "base/clock.h"
#include "base/sanitizers.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#if WITH_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

enum {
        GUARD_SIZE = 4096, /* or more: a page below the stack */
        EVENTS_MAX = 512,
        TIMERS_FIRST = 16, /* room for sleepers, from the start */
        RESUMED_MAX = 256, /* coroutines that run before descriptors are looked at again */
        BLOCK_SIZE = 64,   /* coroutines allocated at a time */
        ROOM_FIRST = 320,  /* for kept stack, from the start: a shallow coroutine never runs out of it */
        ROOM_STEP = 64,
};

struct stack {
        uint8_t *bottom; /* of COROUTINE_DEPTH_MAX bytes */
        unsigned valgrind_id;
};

enum state { FREE, READY, RUNNING, PARKED, ENDED };

struct coroutine {
        void *context;          /* where it was left, on its stack; NULL: it has not begun */
        uint8_t *kept;          /* [room], owned: its part of the shared stack while another one is there */
        struct coroutine *next; /* in the queue, or among the free ones */
        void (*function)(void *);
        void *argument;
        struct stack own;  /* used instead of the shared one where stacks are private */
        uint64_t wakes_at; /* in coroutine_sleep */
        uint32_t timer;    /* its place among the timers, from 1 */
        uint32_t room;
        uint32_t events; /* that it waits for */
        int result;      /* of being parked */
        enum state state;
#if WITH_ASAN
        void *fake_stack;
#endif
#if WITH_TSAN
        void *fiber;
#endif
};

struct block {
        struct block *next;
        struct coroutine coroutines[BLOCK_SIZE];
};

struct descriptor {
        struct coroutine *waiter;
        uint32_t watched; /* states that epoll is to report */
        uint32_t seen;    /* states that it has reported since they were last waited for */
};

struct scheduler {
        void *context; /* of scheduler_run(), while a coroutine runs */
        struct coroutine *current;
        struct coroutine *resident; /* whose bytes are on the shared stack, running or not; NULL: nobody's */
        struct stack shared;
        struct coroutine *queue, **queue_end; /* those that are ready */
        struct coroutine *free;
        struct block *blocks;
        size_t alive;
        struct descriptor *descriptors; /* [descriptor_count] */
        size_t descriptor_count;
        struct coroutine **timers; /* [timer_room], a binary heap: [0] wakes first */
        uint32_t timer_count, timer_room;
        int epoll_fd;
        unsigned reported; /* descriptors, by the last epoll_wait(2) */
        struct gathering gathering;
        bool private, cancelled;
#if WITH_ASAN
        void *fake_stack;
        const void *bottom; /* of the thread's own stack */
        size_t size;
#endif
#if WITH_TSAN
        void *fiber;
#endif
};

static _Thread_local struct scheduler *running;

static int stack_init(struct stack *stack)
{
        long page = sysconf(_SC_PAGESIZE);
        size_t guard = page > GUARD_SIZE ? (size_t)page : GUARD_SIZE;
        uint8_t *memory = mmap(NULL, guard + COROUTINE_DEPTH_MAX, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

        if (memory == MAP_FAILED)
                return -ENOMEM;
        if (mprotect(memory, guard, PROT_NONE) != 0) {
                (void)munmap(memory, guard + COROUTINE_DEPTH_MAX);
                return -ENOMEM;
        }
        stack->bottom = memory + guard;
        stack->valgrind_id = VALGRIND_STACK_REGISTER(stack->bottom, stack->bottom + COROUTINE_DEPTH_MAX);
        return 0;
}

static void stack_fini(struct stack *stack)
{
        long page = sysconf(_SC_PAGESIZE);
        size_t guard = page > GUARD_SIZE ? (size_t)page : GUARD_SIZE;

        if (!stack->bottom)
                return;
        VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
        (void)munmap(stack->bottom - guard, guard + COROUTINE_DEPTH_MAX);
}

static uint8_t *stack_top(const struct stack *stack)
{
        return stack->bottom + COROUTINE_DEPTH_MAX;
}

/* The sanitizers are told of each switch before it happens, and AddressSanitizer of its end as well. */
static void switch_to_coroutine(struct scheduler *s, struct coroutine *c)
{
#if WITH_ASAN
        __sanitizer_start_switch_fiber(&s->fake_stack, c->own.bottom, COROUTINE_DEPTH_MAX);
#endif
#if WITH_TSAN
        s->fiber = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(c->fiber, 0);
#endif
        context_switch(&s->context, c->context);
#if WITH_ASAN
        __sanitizer_finish_switch_fiber(s->fake_stack, NULL, NULL);
#endif
}

/* Part of its caller also where a compiler does not optimize: a frame of its own would lie below what room_ensure() has made room
 * for. */
static inline __attribute__((always_inline)) void switch_to_scheduler(struct scheduler *s,
                                                                      struct coroutine *c)
{
#if WITH_ASAN
        __sanitizer_start_switch_fiber(c->state == ENDED ? NULL : &c->fake_stack, s->bottom, s->size);
#endif
#if WITH_TSAN
        __tsan_switch_to_fiber(s->fiber, 0);
#endif
        context_switch(&c->context, s->context);
#if WITH_ASAN
        __sanitizer_finish_switch_fiber(c->fake_stack, &s->bottom, &s->size);
#endif
}

static void coroutine_main(void)
{
        struct scheduler *s = running;
        struct coroutine *c = s->current;

#if WITH_ASAN
        __sanitizer_finish_switch_fiber(NULL, &s->bottom, &s->size);
#endif
        c->function(c->argument);
        c->state = ENDED;
        switch_to_scheduler(s, c);
        abort(); /* it is never resumed */
}

static void enqueue(struct scheduler *s, struct coroutine *c)
{
        c->state = READY;
        c->next = NULL;
        *s->queue_end = c;
        s->queue_end = &c->next;
}

/* Makes room to keep the running coroutine's part of the stack. It is a function of its own so that its frame
 * lies below the caller's, as context_switch()'s will. Returns 0 or -ENOMEM. */
static __attribute__((noinline)) int room_ensure(const struct scheduler *s, struct coroutine *c)
{
        size_t used = (size_t)(stack_top(&s->shared) - (uint8_t *)__builtin_frame_address(0)) + CONTEXT_SIZE;

        if (used <= c->room)
                return 0;
        used = (used + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
        free(c->kept); /* what is in it is on the stack now */
        c->kept = malloc(used);
        c->room = c->kept ? (uint32_t)used : 0;
        return c->kept ? 0 : -ENOMEM;
}

/* Leaves the running coroutine, READY or PARKED, until it is resumed. */
static int park(struct scheduler *s, enum state state)
{
        struct coroutine *c = s->current;

        if (!s->private && room_ensure(s, c) != 0)
                return -ENOMEM;
        c->result = 0;
        if (state == READY)
                enqueue(s, c);
        else
                c->state = state;
        switch_to_scheduler(s, c);
        return c->result;
}

static void wake(struct scheduler *s, struct coroutine *c, int result)
{
        c->result = result;
        enqueue(s, c);
}

static void resume(struct scheduler *s, struct coroutine *c)
{
        const struct stack *stack = s->private ? &c->own : &s->shared;
        uint8_t *top = stack_top(stack);

        if (!s->private && s->resident != c) {
                if (s->resident) {
                        size_t used = (size_t)(top - (uint8_t *)s->resident->context);
                        assert(used <= s->resident->room);
                        memcpy(s->resident->kept, s->resident->context, used);
                }
                if (c->context)
                        memcpy(c->context, c->kept, (size_t)(top - (uint8_t *)c->context));
                s->resident = c;
        }
        if (!c->context)
                c->context = context_make(top, coroutine_main);
        c->state = RUNNING;
        s->current = c;
        switch_to_coroutine(s, c);
        s->current = NULL;
        if (c->state != ENDED)
                return;
        if (s->resident == c)
                s->resident = NULL;
        c->context = NULL;
        c->state = FREE;
        c->next = s->free;
        s->free = c;
        s->alive--;
}

static struct coroutine *coroutine_allocate(struct scheduler *s)
{
        if (!s->free) {
                struct block *block = calloc(1, sizeof *block);
                if (!block)
                        return NULL;
                block->next = s->blocks;
                s->blocks = block;
                for (size_t i = BLOCK_SIZE; i-- > 0;) {
                        block->coroutines[i].next = s->free;
                        s->free = &block->coroutines[i];
                }
        }
        struct coroutine *c = s->free;
        if (s->private && !c->own.bottom) {
                if (stack_init(&c->own) != 0)
                        return NULL;
#if WITH_TSAN
                c->fiber = __tsan_create_fiber(0); /* goes with the stack */
#endif
        }
        if (!s->private && !c->kept) {
                c->kept = malloc(ROOM_FIRST);
                if (!c->kept)
                        return NULL;
                c->room = ROOM_FIRST;
        }
        s->free = c->next;
        return c;
}

int coroutine_spawn(struct scheduler *s, void (*function)(void *argument), void *argument)
{
        struct coroutine *c = coroutine_allocate(s);

        if (!c)
                return -ENOMEM;
        c->function = function;
        c->argument = argument;
        s->alive++;
        enqueue(s, c);
        return 0;
}

struct coroutine *coroutine_current(void)
{
        assert(running && running->current);
        return running->current;
}

int coroutine_yield(void)
{
        assert(running && running->current);
        return park(running, READY);
}

static bool wakes_before(const struct coroutine *a, const struct coroutine *b)
{
        return a->wakes_at < b->wakes_at;
}

static void timer_place(struct scheduler *s, struct coroutine *c, uint32_t place)
{
        s->timers[place] = c;
        c->timer = place + 1;
}

/* Puts c where its time belongs, from `place` upwards or downwards: whoever was there has moved away. */
static void timer_sift(struct scheduler *s, struct coroutine *c, uint32_t place)
{
        while (place > 0 && wakes_before(c, s->timers[(place - 1) / 2])) {
                timer_place(s, s->timers[(place - 1) / 2], place);
                place = (place - 1) / 2;
        }
        for (uint32_t child; (child = 2 * place + 1) < s->timer_count; place = child) {
                if (child + 1 < s->timer_count && wakes_before(s->timers[child + 1], s->timers[child]))
                        child++;
                if (!wakes_before(s->timers[child], c))
                        break;
                timer_place(s, s->timers[child], place);
        }
        timer_place(s, c, place);
}

static int timer_add(struct scheduler *s, struct coroutine *c)
{
        if (s->timer_count == s->timer_room) {
                uint32_t room = 2 * s->timer_room;
                struct coroutine **timers = realloc(s->timers, room * sizeof(struct coroutine *));
                if (!timers)
                        return -ENOMEM;
                s->timers = timers;
                s->timer_room = room;
        }
        timer_sift(s, c, s->timer_count++);
        return 0;
}

static void timer_remove(struct scheduler *s, struct coroutine *c)
{
        uint32_t place = c->timer - 1;
        struct coroutine *last = s->timers[--s->timer_count];

        c->timer = 0;
        if (last != c)
                timer_sift(s, last, place);
}

int coroutine_sleep(uint64_t nanoseconds)
{
        struct scheduler *s = running;
        struct coroutine *c = coroutine_current();

        if (s->cancelled)
                return -ECANCELED;
        c->wakes_at = clock_now() + nanoseconds;
        int result = timer_add(s, c);
        if (result)
                return result;
        result = park(s, PARKED);
        if (c->timer)
                timer_remove(s, c);
        return result;
}

/* Wakes those whose time has come. Returns the milliseconds until the next one's; -1: there is none. */
static int timers_run(struct scheduler *s)
{
        uint64_t now = s->timer_count > 0 ? clock_now() : 0;

        while (s->timer_count > 0) {
                struct coroutine *c = s->timers[0];
                if (c->wakes_at > now) {
                        uint64_t ms = (c->wakes_at - now + NS_PER_MS - 1) / NS_PER_MS;
                        return ms < 1000 ? (int)ms : 1000; /* and looks again */
                }
                timer_remove(s, c);
                if (c->state == PARKED) /* else it was interrupted */
                        wake(s, c, 0);
        }
        return -1;
}

static int watch(struct scheduler *s, int fd, struct descriptor *d, uint32_t events)
{
        struct epoll_event event = {.events = d->watched | events | EPOLLET, .data.fd = fd};

        if (epoll_ctl(s->epoll_fd, d->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
                return -errno;
        d->watched |= events;
        return 0;
}

int coroutine_wait(int descriptor, uint32_t events)
{
        struct scheduler *s = running;
        struct coroutine *c = coroutine_current();
        int result = 0;

        if (s->cancelled)
                return -ECANCELED;
        if (descriptor < 0 || (size_t)descriptor >= s->descriptor_count)
                return -EBADF;
        struct descriptor *d = &s->descriptors[descriptor];
        if (d->waiter)
                return -EBUSY;
        if (events & ~d->watched)
                result = watch(s, descriptor, d, events);
        events |= EPOLLERR | EPOLLHUP;
        if (result == 0 && !(d->seen & events)) {
                d->waiter = c;
                c->events = events;
                result = park(s, PARKED);
                d->waiter = NULL;
        }
        if (result < 0)
                return result;
        result = (int)(d->seen & events);
        d->seen &= ~events;
        return result;
}

void coroutine_forget(int descriptor)
{
        assert(running && descriptor >= 0);
        /* close(2) makes the kernel forget too. Beyond the count, nobody can have waited for it. */
        if ((size_t)descriptor < running->descriptor_count)
                running->descriptors[descriptor] = (struct descriptor){0};
}

void coroutine_interrupt(struct coroutine *c)
{
        if (c->state == PARKED)
                wake(running, c, -EINTR);
}

void scheduler_cancel(struct scheduler *s)
{
        s->cancelled = true;
        for (struct block *block = s->blocks; block; block = block->next)
                for (size_t i = 0; i < BLOCK_SIZE; i++)
                        if (block->coroutines[i].state == PARKED)
                                wake(s, &block->coroutines[i], -ECANCELED);
}

/* Notes what the kernel reports, and wakes those who wait for it. */
static int descriptors_poll(struct scheduler *s, int timeout_ms)
{
        struct epoll_event events[EVENTS_MAX];
        int n = gathering_epoll_wait(&s->gathering, s->reported, s->epoll_fd, events, EVENTS_MAX, timeout_ms);

        if (n < 0 && errno != EINTR)
                return -errno;
        s->reported = n > 0 ? (unsigned)n : 0;
        for (int i = 0; i < n; i++) {
                struct descriptor *d = &s->descriptors[events[i].data.fd];
                d->seen |= events[i].events;
                if (d->waiter && d->waiter->state == PARKED && (d->seen & d->waiter->events))
                        wake(s, d->waiter, 0);
        }
        return 0;
}

int scheduler_run(struct scheduler *s)
{
        int error = 0;

        assert(!running);
        running = s;
        while (s->alive > 0 && !error) {
                for (int i = 0; s->queue && i < RESUMED_MAX; i++) {
                        struct coroutine *c = s->queue;
                        s->queue = c->next;
                        if (!s->queue)
                                s->queue_end = &s->queue;
                        resume(s, c);
                }
                int timeout_ms = timers_run(s);
                if (s->alive > 0)
                        error = descriptors_poll(s, s->queue ? 0 : timeout_ms);
        }
        running = NULL;
        return error;
}

int scheduler_create(struct scheduler **created, size_t descriptors, const struct gathering *gathering)
{
        struct scheduler *s = calloc(1, sizeof *s);

        if (!s)
                return -ENOMEM;
        s->queue_end = &s->queue;
        s->private = !CONTEXT_IS_ON_STACK;
        if (WITH_ASAN || WITH_TSAN || RUNNING_ON_VALGRIND)
                s->private = true; /* these track what is on which stack, and copying would deceive them */
        s->descriptor_count = descriptors;
        s->gathering = *gathering;
        s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        int error = s->epoll_fd < 0 ? -errno : stack_init(&s->shared);
        s->timers = malloc(TIMERS_FIRST * sizeof(struct coroutine *));
        s->timer_room = TIMERS_FIRST;
        /* Fresh pages are zero and cost nothing until a descriptor that high is waited for. */
        s->descriptors = mmap(NULL, descriptors * sizeof *s->descriptors, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (!error && (!s->timers || s->descriptors == MAP_FAILED))
                error = -ENOMEM;
        if (error)
                scheduler_free(s);
        else
                *created = s;
        return error;
}

void scheduler_free(struct scheduler *s)
{
        if (!s)
                return;
        assert(s != running);
        for (struct block *block = s->blocks, *next; block; block = next) {
                next = block->next;
                for (size_t i = 0; i < BLOCK_SIZE; i++) {
                        free(block->coroutines[i].kept);
                        stack_fini(&block->coroutines[i].own);
#if WITH_TSAN
                        if (block->coroutines[i].fiber)
                                __tsan_destroy_fiber(block->coroutines[i].fiber);
#endif
                }
                free(block);
        }
        if (s->descriptors && s->descriptors != MAP_FAILED)
                (void)munmap(s->descriptors, s->descriptor_count * sizeof *s->descriptors);
        stack_fini(&s->shared);
        free(s->timers);
        if (s->epoll_fd >= 0)
                (void)close(s->epoll_fd);
        free(s);
}
