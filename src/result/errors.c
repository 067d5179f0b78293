/* SPDX-License-Identifier: MIT */
#include "result/errors.h"

#include <assert.h>
#include <string.h>

const char *phase_name(enum phase phase)
{
        static const char *const names[PHASE_COUNT] = {[PHASE_CONNECT] = "connect",
                                                       [PHASE_SEND] = "send",
                                                       [PHASE_RECEIVE] = "receive",
                                                       [PHASE_CLOSE] = "close"};

        return names[phase];
}

const char *mismatch_name(enum mismatch mismatch)
{
        static const char *const names[MISMATCH_COUNT] = {
                [MISMATCH_LOST] = "lost",       [MISMATCH_REPEATED] = "repeated",
                [MISMATCH_SWAPPED] = "swapped", [MISMATCH_SURPLUS] = "surplus",
                [MISMATCH_FOREIGN] = "foreign", [MISMATCH_CORRUPT] = "corrupt"};

        return names[mismatch];
}

const char *cause_name(int cause)
{
        const char *name = cause == CAUSE_CLOSED ? "closed" : strerrorname_np(cause);

        return name ? name : "unknown";
}

void errors_count(struct errors *e, enum phase phase, int cause)
{
        assert(phase < PHASE_COUNT);
        e->count[phase][cause > 0 && cause < CAUSE_MAX ? cause : CAUSE_CLOSED]++;
}

void errors_merge(struct errors *into, const struct errors *from)
{
        for (int phase = 0; phase < PHASE_COUNT; phase++)
                for (int cause = 0; cause < CAUSE_MAX; cause++)
                        into->count[phase][cause] += from->count[phase][cause];
        for (int i = 0; i < MISMATCH_COUNT; i++)
                into->mismatch[i] += from->mismatch[i];
        into->timeout += from->timeout;
}

void errors_subtract(struct errors *from, const struct errors *part)
{
        for (int phase = 0; phase < PHASE_COUNT; phase++)
                for (int cause = 0; cause < CAUSE_MAX; cause++)
                        from->count[phase][cause] -= part->count[phase][cause];
        for (int i = 0; i < MISMATCH_COUNT; i++)
                from->mismatch[i] -= part->mismatch[i];
        from->timeout -= part->timeout;
}

uint64_t errors_mismatches(const struct errors *e)
{
        uint64_t total = 0;

        for (int i = 0; i < MISMATCH_COUNT; i++)
                total += e->mismatch[i];
        return total;
}

uint64_t errors_total(const struct errors *e)
{
        uint64_t total = e->timeout + errors_mismatches(e);

        for (int phase = 0; phase < PHASE_COUNT; phase++)
                for (int cause = 0; cause < CAUSE_MAX; cause++)
                        total += e->count[phase][cause];
        return total;
}
