/* SPDX-License-Identifier: MIT */
#include "fault/reply.h"

#include "base/clock.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

#define SWAP_WAIT_NS (50 * NS_PER_MS) /* how long a reply waits for one to change places with */
#define LATE_NS (300 * NS_PER_MS)     /* what FAULT_LATE adds */

/* Pages that are never touched cost nothing. */
struct reply *reply_create(const struct fault_spec *s)
{
        struct reply *r = malloc(sizeof *r + (s->probability[FAULT_REPEAT] > 0 ? 2 : 1) * s->size);

        if (r)
                *r = (struct reply){.fault = FAULT_NONE};
        return r;
}

/* The whole reply again, or some of its bytes once more behind themselves. */
static void reply_repeat(struct reply *r, uint64_t *random)
{
        uint32_t from = 0, size = r->size;

        if (random_next(random) & 1) {
                from = (uint32_t)random_below(random, r->size);
                size = 1 + (uint32_t)random_below(random, r->size - from);
        }
        memmove(r->bytes + from + size, r->bytes + from, r->size - from);
        r->size += size;
}

void reply_spoil(struct reply *r, uint64_t *random)
{
        uint64_t at;

        switch (r->fault) {
        case FAULT_DROP:
                at = random_below(random, r->size--);
                memmove(r->bytes + at, r->bytes + at + 1, r->size - at);
                break;
        case FAULT_CORRUPT:
                at = random_below(random, r->size);
                r->bytes[at] ^= (uint8_t)(1 + random_below(random, UINT8_MAX));
                break;
        case FAULT_REPEAT:
                reply_repeat(r, random);
                break;
        case FAULT_SWAP:
                r->due += SWAP_WAIT_NS;
                break;
        case FAULT_CLOSE:
                r->size /= 2;
                break;
        case FAULT_LATE:
                r->due += LATE_NS;
                break;
        default:
                break;
        }
}

void replies_append(struct replies *q, struct reply *r)
{
        *(q->last ? &q->last->next : &q->first) = r;
        q->last = r;
        q->memory += sizeof *r + r->size;
}

void replies_insert(struct replies *q, struct reply *r)
{
        struct reply **place = &q->first;

        while (*place != q->last)
                place = &(*place)->next;
        r->next = q->last;
        *place = r;
        q->memory += sizeof *r + r->size;
}

void replies_remove_first(struct replies *q)
{
        struct reply *r = q->first;

        q->first = r->next;
        if (!q->first)
                q->last = NULL;
        q->memory -= sizeof *r + r->size;
        free(r);
}

void replies_free(struct replies *q)
{
        while (q->first)
                replies_remove_first(q);
}

struct reply *replies_held(const struct replies *q, uint64_t now)
{
        return q->last && q->last->fault == FAULT_SWAP && q->last->due > now ? q->last : NULL;
}

void reply_release(struct reply *held)
{
        held->fault = FAULT_NONE;
        held->due -= SWAP_WAIT_NS;
}
