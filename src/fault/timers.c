/* SPDX-License-Identifier: MIT */
#include "fault/timers.h"

static void exchange(struct timers *t, size_t i, size_t j)
{
        struct timer *timer = t->heap[i];

        t->heap[i] = t->heap[j];
        t->heap[j] = timer;
        t->heap[i]->index = i;
        t->heap[j]->index = j;
}

/* Moves the one at place i up or down to where it belongs. */
static void settle(struct timers *t, size_t i)
{
        for (; i > 1 && t->heap[i]->due < t->heap[i / 2]->due; i /= 2)
                exchange(t, i, i / 2);
        for (;;) {
                size_t least = i;
                for (size_t child = 2 * i; child <= 2 * i + 1 && child <= t->count; child++)
                        if (t->heap[child]->due < t->heap[least]->due)
                                least = child;
                if (least == i)
                        return;
                exchange(t, i, least);
                i = least;
        }
}

void timers_set(struct timers *t, struct timer *timer, uint64_t due)
{
        timer->due = due;
        if (timer->index == 0) {
                timer->index = ++t->count;
                t->heap[timer->index] = timer;
        }
        settle(t, timer->index);
}

void timers_cancel(struct timers *t, struct timer *timer)
{
        size_t i = timer->index;

        if (i == 0)
                return;
        t->heap[i] = t->heap[t->count--];
        t->heap[i]->index = i;
        timer->index = 0;
        if (i <= t->count)
                settle(t, i);
}
