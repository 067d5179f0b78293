/* SPDX-License-Identifier: MIT */
/* Word number i of the region is (i + 1) times an odd constant, modulo 2^64, least significant byte first. An
 * odd number has an inverse modulo 2^64, so eight bytes yield their i; and eight bytes that nobody sent
 * yield, except in one case in 2^49, an i far outside the region. The diagnosis needs no more: it finds where
 * in the region the wrong bytes come from, and compares that with where they should come from.
 *
 * A region of 256 KiB and one request stays in the second-level cache beside all else that the run needs. It
 * has 32,768 windows: any 10,000 connections have different ones at any time. */
#include "load/payload.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FACTOR UINT64_C(0x9e3779b97f4a7c15)
enum {
        WINDOWS = 32768,      /* a power of two; a window begins at one of the first so many words */
        WORDS_APART = 11027,  /* between the windows of neighbouring connections; odd: so all are different */
        NEIGHBOURS_MAX = 64,  /* so many earlier and later requests are searched for wrong bytes */
        COPIES_BYTES = 65536, /* of a request that is the same each time, as far as the depth needs them */
};

struct payload {
        uint8_t *request; /* owned, [copies * size], one behind the other; NULL: windows into the words */
        uint32_t copies;
        const uint8_t *reply; /* [reply_size]; NULL: the request, or any bytes */
        size_t reply_size;
        enum reply kind;
        /* Owned, [reply_size + 1], REPLY_UNTIL: the length of the longest proper prefix of the first n bytes
         * that they also end with (Knuth, Morris, Pratt, 1977). */
        uint32_t *borders;
        size_t size, word_count;
        uint64_t inverse; /* of FACTOR */
        uint32_t step; /* words between successive windows of a connection: more than a request if possible */
        uint32_t first; /* from the seed */
        uint64_t words[];
};

static uint64_t inverse_of(uint64_t odd)
{
        uint64_t x = odd; /* right in the lowest 3 bits; Newton's step doubles them */

        for (int i = 0; i < 5; i++)
                x *= 2 - odd * x;
        return x;
}

struct payload *payload_create(size_t size, uint64_t seed)
{
        size_t word_count = WINDOWS + size / sizeof(uint64_t) + 2;
        struct payload *p = malloc(sizeof *p + word_count * sizeof(uint64_t));

        if (!p)
                return NULL;
        size_t step = size / sizeof(uint64_t) + 2;
        *p = (struct payload){.size = size,
                              .copies = 1,
                              .word_count = word_count,
                              .inverse = inverse_of(FACTOR),
                              .step = (uint32_t)(step < WINDOWS / 4 ? step | 1 : WINDOWS / 4 + 1),
                              .first = (uint32_t)(seed * FACTOR >> 49)};
        for (size_t i = 0; i < word_count; i++)
                p->words[i] = htole64((i + 1) * FACTOR);
        return p;
}

/* A stream ends with the first `matched` bytes of the terminator. With how many it ends after `byte`. */
static uint32_t match_extend(const struct payload *p, uint32_t matched, uint8_t byte)
{
        while (matched > 0 && (matched == p->reply_size || p->reply[matched] != byte))
                matched = p->borders[matched];
        return matched + (p->reply[matched] == byte);
}

/* A pipeline of small requests is one piece of memory then, and not one for each of them. */
static int request_copy(struct payload *p, const struct plan *plan)
{
        uint32_t fit = COPIES_BYTES / plan->request_bytes;

        p->copies = plan->depth < fit ? plan->depth : fit;
        if (p->copies == 0)
                p->copies = 1; /* a large request */
        p->request = malloc((size_t)p->copies * plan->request_bytes);
        if (!p->request)
                return -ENOMEM;
        for (uint32_t i = 0; i < p->copies; i++)
                memcpy(p->request + (size_t)i * plan->request_bytes, plan->request, plan->request_bytes);
        return 0;
}

struct payload *payload_create_for(const struct plan *plan)
{
        struct payload *p = payload_create(plan->request ? 0 : plan->request_bytes, plan->seed);

        if (!p)
                return NULL;
        p->size = plan->request_bytes;
        p->reply = plan->reply_text;
        p->reply_size = plan->reply == REPLY_ECHO ? p->size : plan->reply_bytes;
        p->kind = plan->reply;
        if (plan->reply == REPLY_UNTIL)
                p->borders = calloc(p->reply_size + 1, sizeof *p->borders);
        if ((plan->request && request_copy(p, plan) != 0) || (plan->reply == REPLY_UNTIL && !p->borders)) {
                payload_destroy(p);
                return NULL;
        }
        if (plan->reply != REPLY_UNTIL)
                return p;
        for (uint32_t n = 1; n < p->reply_size; n++)
                p->borders[n + 1] = match_extend(p, p->borders[n], p->reply[n]);
        return p;
}

void payload_destroy(struct payload *p)
{
        if (!p)
                return;
        free(p->borders);
        free(p->request);
        free(p);
}

/* In words. */
static size_t window_start(const struct payload *p, uint32_t connection, uint64_t sequence)
{
        return (p->first + (uint64_t)connection * WORDS_APART + sequence * p->step) % WINDOWS;
}

const uint8_t *payload_window(const struct payload *p, uint32_t connection, uint64_t sequence)
{
        if (p->request)
                return p->request;
        return (const uint8_t *)&p->words[window_start(p, connection, sequence)];
}

uint32_t payload_contiguous(const struct payload *p, uint32_t max)
{
        return max < p->copies ? max : p->copies;
}

const uint8_t *payload_reply(const struct payload *p, uint32_t connection, uint64_t sequence)
{
        return p->reply ? p->reply : payload_window(p, connection, sequence);
}

size_t payload_until(const struct payload *p, const uint8_t *bytes, size_t count, uint32_t *matched,
                     bool *complete)
{
        for (size_t i = 0; i < count; i++) {
                *matched = match_extend(p, *matched, bytes[i]);
                if (*matched == p->reply_size) {
                        *matched = 0;
                        *complete = true;
                        return i + 1;
                }
        }
        return count;
}

/* All requests are alike, and so are all replies: wrong bytes do not show where they come from. */
static enum mismatch fixed_diagnose(const struct payload *p, size_t offset, const uint8_t *bytes,
                                    size_t count)
{
        const uint8_t *right = p->kind == REPLY_ECHO ? p->request : p->reply;
        size_t rest = p->reply_size - offset;

        return count > rest && (!right || memcmp(right + offset, bytes, rest) == 0) ? MISMATCH_SURPLUS
                                                                                    : MISMATCH_CORRUPT;
}

/* Looks among the first bytes for eight that are a word of the region: they are at bytes[*at], and are those
 * at *position of the region. */
static bool region_locate(const struct payload *p, const uint8_t *bytes, size_t count, size_t *at,
                          int64_t *position)
{
        for (size_t i = 0; i < 16 && i + 8 <= count; i++) {
                uint64_t word;
                memcpy(&word, bytes + i, sizeof word);
                uint64_t number = le64toh(word) * p->inverse - 1;
                if (number < p->word_count) {
                        *position = (int64_t)(number * 8);
                        *at = i;
                        return true;
                }
        }
        return false;
}

/* True if `bytes` continue the expected stream from byte `at` of this reply, across later replies. */
static bool stream_equals(const struct payload *p, uint32_t connection, uint64_t sequence, size_t at,
                          const uint8_t *bytes, size_t count)
{
        for (size_t i = 0; i < count; i++, at++) {
                if (at == p->size)
                        at = 0, sequence++;
                if (payload_window(p, connection, sequence)[at] != bytes[i])
                        return false;
        }
        return true;
}

/* For too few bytes to hold a whole word: they may be those of the connection's request before or after this
 * one, or the right ones a place too early or too late. */
static enum mismatch few_bytes_diagnose(const struct payload *p, uint32_t connection, uint64_t sequence,
                                        size_t offset, const uint8_t *bytes, size_t count)
{
        size_t rest = p->size - offset;
        size_t own = count < rest ? count : rest; /* the others are the next reply's */

        if (sequence > 0 && memcmp(payload_window(p, connection, sequence - 1) + offset, bytes, own) == 0)
                return MISMATCH_REPEATED;
        if (memcmp(payload_window(p, connection, sequence + 1) + offset, bytes, own) == 0)
                return MISMATCH_SWAPPED;
        if ((count > 1 || rest > 1) && stream_equals(p, connection, sequence, offset + 1, bytes, count))
                return MISMATCH_LOST;
        if (offset > 0 && stream_equals(p, connection, sequence, offset - 1, bytes, count))
                return MISMATCH_REPEATED;
        return MISMATCH_CORRUPT;
}

/* The offset of `position` from the start of a request's window. */
static int64_t within(const struct payload *p, uint32_t connection, uint64_t sequence, int64_t position)
{
        return position - (int64_t)window_start(p, connection, sequence) * 8;
}

/* The word at `position` of the region was received at `offset` from the start of the reply to that request,
 * which may be beyond its end, in a later reply. Windows overlap, so the likeliest explanation comes first:
 * the same place in an earlier or later reply, another place in this one, too much of the one before, the
 * start of the next one too early. */
static enum mismatch position_diagnose(const struct payload *p, uint32_t connection, uint64_t sequence,
                                       size_t offset, int64_t position)
{
        sequence += offset / p->size;
        int64_t size = (int64_t)p->size, due = (int64_t)(offset % p->size);
        int64_t own = within(p, connection, sequence, position);

        if (own == due)
                return MISMATCH_CORRUPT; /* what follows the wrong bytes is in its place */
        for (uint64_t distance = 1; distance <= NEIGHBOURS_MAX; distance++) {
                if (within(p, connection, sequence + distance, position) == due)
                        return MISMATCH_SWAPPED;
                if (distance <= sequence && within(p, connection, sequence - distance, position) == due)
                        return MISMATCH_REPEATED;
        }
        if (own >= 0 && own < size)
                return own > due ? MISMATCH_LOST : MISMATCH_REPEATED;
        int64_t before = sequence > 0 ? within(p, connection, sequence - 1, position) : -1;
        if (before >= 0 && before < size)
                return MISMATCH_REPEATED;
        int64_t after = within(p, connection, sequence + 1, position);
        return after >= 0 && after < size ? MISMATCH_LOST : MISMATCH_FOREIGN;
}

enum mismatch payload_diagnose(const struct payload *p, uint32_t connection, uint64_t sequence, size_t offset,
                               const uint8_t *bytes, size_t count)
{
        if (p->request || p->kind != REPLY_ECHO)
                return fixed_diagnose(p, offset, bytes, count);
        const uint8_t *window = payload_window(p, connection, sequence) + offset;
        size_t equal = 0, at;
        int64_t position;

        while (equal < count && offset + equal < p->size && bytes[equal] == window[equal])
                equal++;
        if (equal == count || offset + equal >= p->size)
                return MISMATCH_SURPLUS;         /* everything up to the reply's end is right */
        size_t from = equal < 7 ? 0 : equal - 7; /* the word with the first wrong byte may begin before it */
        if (region_locate(p, bytes + from, count - from, &at, &position))
                return position_diagnose(p, connection, sequence, offset + from + at, position);
        bytes += equal, count -= equal, offset += equal;
        return few_bytes_diagnose(p, connection, sequence, offset, bytes, count < 8 ? count : 8);
}
