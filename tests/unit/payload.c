/* SPDX-License-Identifier: MIT */
/* The bytes of a request say where they come from, so a wrong reply can be named. All offsets are fixed, and
 * so is the seed: what is tested here does not depend on chance. */
#include "load/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
        SEED = 7,
        WINDOWS = 32768,
        CONNECTIONS = 10000,
        CLEAR = 16 /* bytes: enough to name a fault */
};

static const size_t sizes[] = {1, 7, 8, 100, 1024, 16384, 1 << 20};
enum { SIZES = sizeof sizes / sizeof *sizes };

static const struct request {
        uint32_t connection;
        uint64_t sequence;
} requests[] = {{0, 1}, {0, 2}, {1, 1}, {77, 12345}, {9999, 1}, {9999, UINT64_C(1) << 40}};
enum { REQUESTS = sizeof requests / sizeof *requests };

static struct payload *make(size_t size)
{
        struct payload *p = payload_create(size, SEED);

        assert_non_null(p);
        return p;
}

/* Diagnoses a copy of exactly that size, so that the address sanitizer sees if more is read. */
static enum mismatch diagnose(const struct payload *p, struct request q, size_t offset, const uint8_t *bytes,
                              size_t count)
{
        uint8_t *copy = malloc(count);

        assert_non_null(copy);
        memcpy(copy, bytes, count);
        enum mismatch found = payload_diagnose(p, q.connection, q.sequence, offset, copy, count);
        free(copy);
        return found;
}

/* The diagnosis of the first segment that differs, when a reply arrives in segments of `segment` bytes. */
static enum mismatch arrive(const struct payload *p, size_t size, struct request q, const uint8_t *stream,
                            size_t count, size_t segment)
{
        const uint8_t *window = payload_window(p, q.connection, q.sequence);

        for (size_t offset = 0; offset < count; offset += segment) {
                size_t n = count - offset < segment ? count - offset : segment;
                if (offset + n > size || memcmp(window + offset, stream + offset, n) != 0)
                        return diagnose(p, q, offset, stream + offset, n);
        }
        fail_msg("the reply is right");
        return MISMATCH_COUNT;
}

static const uint8_t *region_of(const struct payload *p)
{
        const uint8_t *first = payload_window(p, 0, 0);

        for (uint32_t i = 0; i < WINDOWS; i++) {
                const uint8_t *window = payload_window(p, i, 0);
                first = window < first ? window : first;
        }
        return first;
}

static int words_compare(const void *a, const void *b)
{
        return memcmp(a, b, 8);
}

static void any_eight_aligned_bytes_stand_once_in_the_region(void **state)
{
        (void)state;
        for (size_t i = 0; i < SIZES; i++) {
                struct payload *p = make(sizes[i]);
                size_t count = WINDOWS - 1 + sizes[i] / 8;
                uint8_t *words = malloc(count * 8);
                assert_non_null(words);
                memcpy(words, region_of(p), count * 8);
                qsort(words, count, 8, words_compare);
                for (size_t k = 1; k < count; k++)
                        assert_true(memcmp(words + k * 8 - 8, words + k * 8, 8) < 0);
                free(words);
                payload_destroy(p);
        }
}

static int pointers_compare(const void *a, const void *b)
{
        const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;

        return (x > y) - (x < y);
}

static void ten_thousand_connections_have_different_windows_at_the_same_sequence(void **state)
{
        static const uint64_t sequences[] = {0, 1, 2, 999, UINT64_C(1) << 33};
        static const uint8_t *windows[CONNECTIONS];

        (void)state;
        for (size_t i = 0; i < SIZES; i++) {
                struct payload *p = make(sizes[i]);
                for (size_t s = 0; s < sizeof sequences / sizeof *sequences; s++) {
                        for (uint32_t c = 0; c < CONNECTIONS; c++)
                                windows[c] = payload_window(p, c, sequences[s]);
                        qsort(windows, CONNECTIONS, sizeof *windows, pointers_compare);
                        for (size_t c = 1; c < CONNECTIONS; c++)
                                assert_ptr_not_equal(windows[c - 1], windows[c]);
                }
                payload_destroy(p);
        }
}

static void a_window_is_aligned_and_always_the_same(void **state)
{
        (void)state;
        for (size_t i = 0; i < SIZES; i++) {
                struct payload *p = make(sizes[i]), *again = make(sizes[i]);
                for (size_t k = 0; k < REQUESTS; k++) {
                        const uint8_t *w = payload_window(p, requests[k].connection, requests[k].sequence);
                        assert_int_equal((uintptr_t)w % 8, 0);
                        assert_memory_equal(
                                w, payload_window(again, requests[k].connection, requests[k].sequence),
                                sizes[i]);
                }
                payload_destroy(p);
                payload_destroy(again);
        }
}

static void consecutive_requests_share_no_byte_up_to_64_kib(void **state)
{
        static const size_t lengths[] = {1, 7, 8, 100, 1024, 16384, 65544, 1 << 19, 1 << 20};

        (void)state;
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                struct payload *p = make(lengths[i]);
                size_t apart = lengths[i] < 65536 ? lengths[i] : 65536;
                for (uint64_t sequence = 0; sequence < 1000; sequence++) {
                        const uint8_t *a = payload_window(p, 3, sequence),
                                      *b = payload_window(p, 3, sequence + 1);
                        assert_true((size_t)(a < b ? b - a : a - b) >= apart);
                }
                payload_destroy(p);
        }
}

static void a_connection_uses_every_window_before_it_repeats_one(void **state)
{
        (void)state;
        for (size_t i = 0; i < SIZES; i++) {
                struct payload *p = make(sizes[i]);
                const uint8_t *region = region_of(p);
                bool used[WINDOWS] = {false};
                for (uint64_t sequence = 1; sequence <= WINDOWS; sequence++) {
                        size_t at = (size_t)(payload_window(p, 3, sequence) - region) / 8;
                        assert_true(at < WINDOWS && !used[at]);
                        used[at] = true;
                }
                payload_destroy(p);
        }
}

static void another_seed_sends_other_bytes(void **state)
{
        struct payload *a = payload_create(1024, 1), *b = payload_create(1024, 2);

        (void)state;
        assert_memory_not_equal(payload_window(a, 0, 1), payload_window(b, 0, 1), 1024);
        payload_destroy(a);
        payload_destroy(b);
}

/* Plants a fault at `offset` of the reply to `q`; `stream` has room for twice the size. Returns how many bytes
 * arrive. */
typedef size_t plant_function(const struct payload *, size_t size, struct request q, size_t offset,
                              size_t amount, uint8_t *stream);

static size_t corrupt_plant(const struct payload *p, size_t size, struct request q, size_t offset,
                            size_t amount, uint8_t *stream)
{
        memcpy(stream, payload_window(p, q.connection, q.sequence), size);
        for (size_t i = 0; i < amount; i++)
                stream[offset + i] ^= 0x20;
        return size;
}

static size_t lost_plant(const struct payload *p, size_t size, struct request q, size_t offset, size_t amount,
                         uint8_t *stream)
{
        const uint8_t *window = payload_window(p, q.connection, q.sequence);

        memcpy(stream, window, offset);
        memcpy(stream + offset, window + offset + amount, size - offset - amount);
        return size - amount;
}

static size_t repeated_plant(const struct payload *p, size_t size, struct request q, size_t offset,
                             size_t amount, uint8_t *stream)
{
        const uint8_t *window = payload_window(p, q.connection, q.sequence);

        memcpy(stream, window, offset + amount);
        memcpy(stream + offset + amount, window + offset, size - offset - amount);
        return size;
}

static size_t swapped_plant(const struct payload *p, size_t size, struct request q, size_t offset,
                            size_t amount, uint8_t *stream)
{
        memcpy(stream, payload_window(p, q.connection, q.sequence), size);
        memcpy(stream + offset, payload_window(p, q.connection, q.sequence + amount) + offset, size - offset);
        return size;
}

static size_t earlier_plant(const struct payload *p, size_t size, struct request q, size_t offset,
                            size_t amount, uint8_t *stream)
{
        if (amount > q.sequence)
                amount = 1;
        memcpy(stream, payload_window(p, q.connection, q.sequence), size);
        memcpy(stream + offset, payload_window(p, q.connection, q.sequence - amount) + offset, size - offset);
        return size;
}

static size_t surplus_plant(const struct payload *p, size_t size, struct request q, size_t offset,
                            size_t amount, uint8_t *stream)
{
        (void)offset;
        memcpy(stream, payload_window(p, q.connection, q.sequence), size);
        memset(stream + size, 'x', amount < size ? amount : size);
        return size + (amount < size ? amount : size);
}

static const struct fault {
        const char *name;
        plant_function *plant;
        enum mismatch expected;
        size_t amounts[4]; /* ended by 0 */
        bool takes;        /* `amount` bytes of the window are used up at the offset */
        size_t size_max;   /* windows of larger requests overlap with their neighbours */
} faults[] = {
        {"corrupt", corrupt_plant, MISMATCH_CORRUPT, {1, 3, 8}, true, SIZE_MAX},
        {"lost", lost_plant, MISMATCH_LOST, {1, 5, 8}, true, SIZE_MAX},
        {"repeated", repeated_plant, MISMATCH_REPEATED, {1, 5, 8}, true, SIZE_MAX},
        {"swapped", swapped_plant, MISMATCH_SWAPPED, {1, 2, 64}, false, 16384},
        {"earlier", earlier_plant, MISMATCH_REPEATED, {1, 2, 64}, false, 16384},
        {"surplus", surplus_plant, MISMATCH_SURPLUS, {1, 7, 4096}, false, SIZE_MAX},
};

static void fault_check(const struct fault *f, size_t size, uint8_t *stream)
{
        struct payload *p = make(size);
        const size_t offsets[] = {0, 1, 3, 8, 13, size / 2, size - 25, size - 24, size - CLEAR};

        for (size_t k = 0; k < REQUESTS; k++)
                for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
                        for (const size_t *amount = f->amounts; *amount; amount++) {
                                size_t offset = offsets[i], used = f->takes ? *amount : 0;
                                if (offset > size || offset + used + CLEAR > size)
                                        continue;
                                size_t count = f->plant(p, size, requests[k], offset, *amount, stream);
                                enum mismatch found = arrive(p, size, requests[k], stream, count, count);
                                if (found != f->expected)
                                        fail_msg("%s: %zu at %zu of %zu, request %zu: named %s", f->name,
                                                 *amount, offset, size, k, mismatch_name(found));
                        }
        payload_destroy(p);
}

static void each_kind_of_wrong_byte_is_named(void **state)
{
        uint8_t *stream = malloc(2 * sizes[SIZES - 1]);

        (void)state;
        assert_non_null(stream);
        for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
                for (size_t i = 0; i < SIZES; i++)
                        if (sizes[i] >= CLEAR && sizes[i] <= faults[f].size_max)
                                fault_check(&faults[f], sizes[i], stream);
        free(stream);
}

static void faults_are_named_however_the_reply_is_cut(void **state)
{
        static const size_t segments[] = {64, 100, 1000, 1024};
        uint8_t stream[2 * 1024];
        struct payload *p = make(1024);

        (void)state;
        for (size_t f = 0; f < sizeof faults / sizeof *faults; f++)
                for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
                        size_t count = faults[f].plant(p, 1024, requests[3], 320, 1, stream);
                        assert_int_equal(arrive(p, 1024, requests[3], stream, count, segments[i]),
                                         faults[f].expected);
                }
        payload_destroy(p);
}

/* With several requests in flight the next reply follows at once, and helps to tell what is wrong: so the last
 * byte can be lost like any other. */
static void with_the_next_reply_behind_it_every_byte_of_a_reply_can_be_lost_or_corrupt(void **state)
{
        static const size_t lengths[] = {10, 30, 100, 1024};

        (void)state;
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                size_t size = lengths[i];
                struct payload *p = make(size);
                for (size_t k = 0; k < REQUESTS; k++)
                        for (size_t offset = 0; offset < size; offset++) {
                                struct request q = requests[k];
                                uint8_t stream[2 * 1024];
                                size_t n = lost_plant(p, size, q, offset, 1, stream);
                                memcpy(stream + n, payload_window(p, q.connection, q.sequence + 1), size);
                                assert_int_equal(diagnose(p, q, 0, stream, n + size), MISMATCH_LOST);
                                n = corrupt_plant(p, size, q, offset, 1, stream);
                                memcpy(stream + n, payload_window(p, q.connection, q.sequence + 1), size);
                                assert_int_equal(diagnose(p, q, 0, stream, n + size), MISMATCH_CORRUPT);
                        }
                payload_destroy(p);
        }
}

static void a_byte_that_was_changed_is_corrupt_up_to_the_end_of_the_reply(void **state)
{
        const struct request q = requests[3];
        struct payload *p = make(100);
        uint8_t stream[100];

        (void)state;
        for (size_t offset = 0; offset < sizeof stream; offset++) {
                (void)corrupt_plant(p, sizeof stream, q, offset, 1, stream);
                assert_int_equal(diagnose(p, q, 0, stream, sizeof stream), MISMATCH_CORRUPT);
        }
        payload_destroy(p);
}

/* The share of pairs of connections whose swapped replies are called foreign. Windows overlap, so a few lie
 * in the receiver's own window and look like bytes that were lost or came twice; the larger the windows, the
 * more. */
static double foreign_share(size_t size)
{
        struct payload *p = make(size);
        unsigned foreign = 0, all = 0;

        for (uint32_t a = 0; a < CONNECTIONS; a += 97)
                for (uint32_t b = 1; b < CONNECTIONS; b += 89) {
                        if (a == b)
                                continue;
                        const uint8_t *bytes = payload_window(p, b, 5 + b % 3);
                        enum mismatch found = payload_diagnose(p, a, 5, 0, bytes, size);
                        assert_int_not_equal(found, MISMATCH_CORRUPT);
                        assert_int_not_equal(found, MISMATCH_SURPLUS);
                        foreign += found == MISMATCH_FOREIGN;
                        all++;
                }
        payload_destroy(p);
        return (double)foreign / all;
}

static void the_bytes_of_another_connection_are_foreign(void **state)
{
        static const struct {
                size_t size;
                double share;
        } cases[] = {{8, 0.98}, {100, 0.98}, {1024, 0.97}, {16384, 0.8}};

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                double share = foreign_share(cases[i].size);
                if (share < cases[i].share)
                        fail_msg("of %zu bytes, %.1f%% are called foreign", cases[i].size, share * 100);
        }
}

static void bytes_of_a_stranger_are_corrupt(void **state)
{
        (void)state;
        for (size_t i = 2; i < SIZES; i++) {
                struct payload *p = make(sizes[i]);
                uint8_t *bytes = malloc(sizes[i]);
                assert_non_null(bytes);
                memset(bytes, 'H', sizes[i]);
                assert_int_equal(payload_diagnose(p, 4, 9, 0, bytes, sizes[i]), MISMATCH_CORRUPT);
                free(bytes);
                payload_destroy(p);
        }
}

/* Fewer than eight bytes do not tell where they come from; they are compared with what is nearby. */
static void a_short_reply_is_named_as_well_as_it_can_be(void **state)
{
        static const size_t small[] = {1, 7};

        (void)state;
        for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
                size_t size = small[i];
                struct payload *p = make(size);
                unsigned corrupt = 0;
                assert_int_equal(payload_diagnose(p, 4, 9, 0, payload_window(p, 4, 8), size),
                                 MISMATCH_REPEATED);
                assert_int_equal(payload_diagnose(p, 4, 9, 0, payload_window(p, 4, 10), size),
                                 MISMATCH_SWAPPED);
                for (unsigned flip = 1; flip < 256; flip++) {
                        uint8_t bytes[8];
                        memcpy(bytes, payload_window(p, 4, 9), size);
                        bytes[0] ^= (uint8_t)flip;
                        corrupt += payload_diagnose(p, 4, 9, 0, bytes, size) == MISMATCH_CORRUPT;
                }
                assert_true(corrupt >= 250);
                payload_destroy(p);
        }
}

/* What came at `offset` of a reply: `count` bytes of a stream, from `from` on. The stream has the right reply
 * at 0, the next ones behind it, the one before it at -size. All but the first `right` bytes are garbage. */
static const struct {
        const char *name;
        size_t size, offset;
        int from;
        size_t count, right;
        enum mismatch expected;
} pieces[] = {
        {"the last byte lost, no more than one came", 4, 3, 4, 1, 1, MISMATCH_CORRUPT},
        {"the last byte lost, two came", 4, 3, 4, 2, 2, MISMATCH_LOST},
        {"the last byte but one lost, the last came", 4, 2, 3, 1, 1, MISMATCH_LOST},
        {"a byte lost, the next reply came too", 4, 2, 3, 3, 3, MISMATCH_LOST},
        {"a byte came twice", 4, 1, 0, 3, 3, MISMATCH_REPEATED},
        {"a later byte came twice", 4, 2, 1, 2, 2, MISMATCH_REPEATED},
        {"the reply before", 4, 0, -4, 4, 4, MISMATCH_REPEATED},
        {"the reply before, and this one", 4, 0, -4, 8, 8, MISMATCH_REPEATED},
        {"the end of the reply before", 4, 2, -2, 2, 2, MISMATCH_REPEATED},
        {"the end of the reply before, and this one", 4, 2, -2, 6, 6, MISMATCH_REPEATED},
        {"the next reply", 4, 0, 4, 4, 4, MISMATCH_SWAPPED},
        {"the next reply, and the one behind it", 4, 0, 4, 8, 8, MISMATCH_SWAPPED},
        {"a byte lost, seven came", 7, 0, 1, 7, 7, MISMATCH_LOST},
        {"a byte lost, the eighth behind it wrong", 7, 0, 1, 8, 7, MISMATCH_CORRUPT},
        {"a byte lost, the ninth behind it wrong", 7, 0, 1, 9, 8, MISMATCH_LOST},
};

static void a_few_bytes_are_named_by_what_follows_them(void **state)
{
        const struct request q = {4, 10};

        (void)state;
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
                size_t size = pieces[i].size, offset = pieces[i].offset;
                uint8_t stream[4 * 7], came[7 + 9];
                struct payload *p = make(size);
                for (uint64_t k = 0; k < 4; k++)
                        memcpy(stream + k * size, payload_window(p, q.connection, q.sequence - 1 + k), size);
                memcpy(came, stream + size, offset);
                memcpy(came + offset, stream + (int)size + pieces[i].from, pieces[i].count);
                for (size_t k = pieces[i].right; k < pieces[i].count; k++)
                        came[offset + k] ^= 0x55;
                /* Once in a segment of its own, once behind the right bytes. */
                enum mismatch own = diagnose(p, q, offset, came + offset, pieces[i].count);
                enum mismatch behind = diagnose(p, q, 0, came, offset + pieces[i].count);
                if (own != pieces[i].expected || behind != pieces[i].expected)
                        fail_msg("%s: named %s and %s", pieces[i].name, mismatch_name(own),
                                 mismatch_name(behind));
                payload_destroy(p);
        }
}

static void the_byte_before_a_window_is_not_its_own(void **state)
{
        struct payload *p = make(4);
        const struct request q = {4, 9};

        (void)state;
        assert_true(payload_window(p, q.connection, q.sequence) > region_of(p));
        assert_int_equal(diagnose(p, q, 0, payload_window(p, q.connection, q.sequence) - 1, 3),
                         MISMATCH_CORRUPT);
        payload_destroy(p);
}

/* Eight bytes that came at `offset` of the reply to a request. They stand in the region `at` bytes behind the
 * start of the window of another request, which is `later` requests later. */
static const struct {
        uint64_t sequence;
        size_t offset;
        int later, at;
        enum mismatch expected;
} places[] = {
        {1000, 0, 0, 8, MISMATCH_LOST},       {1000, 0, 0, 96, MISMATCH_LOST},
        {1000, 8, 0, 0, MISMATCH_REPEATED},   {1000, 0, 0, 104, MISMATCH_FOREIGN},
        {1000, 0, 0, -8, MISMATCH_FOREIGN},   {1000, 8, -1, 0, MISMATCH_REPEATED},
        {1000, 0, -1, 96, MISMATCH_REPEATED}, {1000, 0, -1, 104, MISMATCH_FOREIGN},
        {1000, 8, 1, 0, MISMATCH_LOST},       {1000, 0, 1, 96, MISMATCH_LOST},
        {1000, 0, 1, 104, MISMATCH_FOREIGN},  {1000, 0, 64, 0, MISMATCH_SWAPPED},
        {1000, 0, 65, 0, MISMATCH_FOREIGN},   {1000, 0, -64, 0, MISMATCH_REPEATED},
        {1000, 0, -65, 0, MISMATCH_FOREIGN},  {1, 8, -1, 0, MISMATCH_REPEATED},
        {0, 8, -1, 0, MISMATCH_FOREIGN}, /* no request comes before the first */
        {0, 0, -1, 0, MISMATCH_FOREIGN},
};

static void eight_bytes_are_named_by_the_place_that_they_come_from(void **state)
{
        struct payload *p = make(104);
        const uint8_t *region = region_of(p);

        (void)state;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
                struct request q = {0, places[i].sequence};
                size_t start;
                do /* away from the ends of the region, where windows wrap around */
                        start = (size_t)(payload_window(p, ++q.connection, q.sequence) - region) / 8;
                while (start < WINDOWS / 4 || start > WINDOWS * 3 / 4);
                const uint8_t *window = payload_window(p, q.connection,
                                                       q.sequence + (uint64_t)(int64_t)places[i].later);
                enum mismatch found = diagnose(p, q, places[i].offset, window + places[i].at, 8);
                if (found != places[i].expected)
                        fail_msg("place %zu: named %s", i, mismatch_name(found));
        }
        payload_destroy(p);
}

static void the_first_words_of_the_region_are_known_too(void **state)
{
        struct payload *p = make(104);
        struct request q = {0, 1};

        (void)state;
        while (payload_window(p, q.connection, q.sequence) != region_of(p))
                q.connection++;
        assert_int_equal(diagnose(p, q, 8, region_of(p), 8), MISMATCH_REPEATED);
        payload_destroy(p);
}

static void before_the_first_request_there_is_none_whose_bytes_could_come_again(void **state)
{
        struct payload *p = make(4);

        (void)state;
        assert_int_equal(diagnose(p, (struct request){4, 1}, 0, payload_window(p, 4, 0), 4),
                         MISMATCH_REPEATED);
        assert_int_equal(diagnose(p, (struct request){4, 0}, 0, payload_window(p, 4, UINT64_MAX), 4),
                         MISMATCH_CORRUPT);
        payload_destroy(p);
}

#define BYTES(text) (const uint8_t *)(text)

/* Protocols whose replies are all alike, and what came at `offset` of a reply. */
static const struct {
        enum reply reply;
        const char *right;
        size_t offset;
        const char *came;
        enum mismatch expected;
} fixed[] = {
        {REPLY_ECHO, "PING", 0, "PING!", MISMATCH_SURPLUS},
        {REPLY_ECHO, "PING", 0, "PANG", MISMATCH_CORRUPT},
        {REPLY_ECHO, "PING", 0, "PANG!", MISMATCH_CORRUPT},
        {REPLY_ECHO, "PING", 2, "NG!", MISMATCH_SURPLUS},
        {REPLY_ECHO, "PING", 0, "PPIN", MISMATCH_CORRUPT},
        {REPLY_ECHO, "PING", 2, "NO!", MISMATCH_CORRUPT},
        {REPLY_ECHO, "PING", 2, "O", MISMATCH_CORRUPT},
        {REPLY_EXACT, "+OK", 0, "+OK!", MISMATCH_SURPLUS},
        {REPLY_EXACT, "+OK", 0, "+NO", MISMATCH_CORRUPT},
        {REPLY_EXACT, "+OK", 1, "OK!", MISMATCH_SURPLUS},
        {REPLY_EXACT, "+OK", 1, "NO!", MISMATCH_CORRUPT},
        {REPLY_BYTES, "three", 3, "any", MISMATCH_SURPLUS},
};

static void where_all_replies_are_alike_wrong_bytes_are_surplus_or_corrupt(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
                const struct plan plan = {
                        .request = BYTES(fixed[i].reply == REPLY_ECHO ? fixed[i].right : "GET"),
                        .request_bytes = fixed[i].reply == REPLY_ECHO ? (uint32_t)strlen(fixed[i].right) : 3,
                        .reply = fixed[i].reply,
                        .reply_text = fixed[i].reply == REPLY_EXACT ? BYTES(fixed[i].right) : NULL,
                        .reply_bytes = (uint32_t)strlen(fixed[i].right)};
                struct payload *p = payload_create_for(&plan);
                assert_non_null(p);
                enum mismatch found = diagnose(p, (struct request){4, 9}, fixed[i].offset,
                                               BYTES(fixed[i].came), strlen(fixed[i].came));
                if (found != fixed[i].expected)
                        fail_msg("'%s' at %zu of '%s': named %s", fixed[i].came, fixed[i].offset,
                                 fixed[i].right, mismatch_name(found));
                payload_destroy(p);
        }
}

static void a_plan_without_a_request_has_the_windows_of_its_size(void **state)
{
        const struct plan plan = {.request_bytes = 1024, .seed = SEED};
        struct payload *p = make(1024), *planned = payload_create_for(&plan);

        (void)state;
        assert_non_null(planned);
        for (uint64_t sequence = 1; sequence <= WINDOWS; sequence++)
                assert_memory_equal(payload_window(planned, 3, sequence), payload_window(p, 3, sequence),
                                    1024);
        assert_ptr_equal(payload_reply(planned, 3, 1), payload_window(planned, 3, 1));
        payload_destroy(p);
        payload_destroy(planned);
}

/* So that a pipeline is sent as one piece of memory: as many as may be in flight, but no more than 64 KiB of them. */
static void requests_that_are_alike_lie_one_behind_the_other(void **state)
{
        static const struct {
                uint32_t size, depth, copies;
        } cases[] = {{6, 1, 1},     {6, 128, 128}, {1024, 64, 64}, {1024, 65, 64},          {40000, 64, 1},
                     {65536, 2, 1}, {65537, 2, 1}, {32768, 2, 2},  {PLAN_REQUEST_MAX, 2, 1}};
        uint8_t *request = malloc(PLAN_REQUEST_MAX);

        (void)state;
        assert_non_null(request);
        for (size_t i = 0; i < PLAN_REQUEST_MAX; i++)
                request[i] = (uint8_t)(i * 31 >> 3);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                uint32_t size = cases[i].size, copies = cases[i].copies;
                const struct plan plan = {.request = request, .request_bytes = size, .depth = cases[i].depth};
                struct payload *p = payload_create_for(&plan);
                assert_non_null(p);
                assert_int_equal(payload_contiguous(p, copies + 1), copies);
                assert_int_equal(payload_contiguous(p, copies), copies);
                assert_int_equal(payload_contiguous(p, 1), 1);
                for (uint32_t k = 0; k < copies; k++)
                        assert_memory_equal(payload_window(p, 7, 3) + (size_t)k * size, request, size);
                payload_destroy(p);
        }
        free(request);
        struct payload *p = make(64);
        assert_int_equal(payload_contiguous(p, 8), 1);
        payload_destroy(p);
}

static void each_end_of_a_reply_is_found_by_itself(void **state)
{
        const struct plan plan = {.request = BYTES("GET"),
                                  .request_bytes = 3,
                                  .reply = REPLY_UNTIL,
                                  .reply_text = BYTES("\r\n"),
                                  .reply_bytes = 2};
        struct payload *p = payload_create_for(&plan);
        uint32_t matched = 0;
        bool complete = false;

        (void)state;
        assert_non_null(p);
        assert_int_equal(payload_until(p, BYTES("ab\r\n\n\r\n"), 7, &matched, &complete), 4);
        assert_true(complete);
        assert_int_equal(matched, 0);
        complete = false;
        assert_int_equal(payload_until(p, BYTES("\n\r"), 2, &matched, &complete), 2);
        assert_false(complete);
        assert_int_equal(payload_until(p, BYTES("\nabc"), 4, &matched, &complete), 1);
        assert_true(complete);
        payload_destroy(p);
        payload_destroy(NULL); /* does nothing */
}

static void the_end_of_a_reply_is_named_without_reading_beyond_it(void **state)
{
        static const uint8_t zeros[8];

        (void)state;
        for (size_t i = 1; i < SIZES; i++) {
                struct payload *p = make(sizes[i]);
                for (size_t rest = 1; rest < 8 && rest <= sizes[i]; rest++) {
                        enum mismatch found = diagnose(p, (struct request){9, 2}, sizes[i] - rest, zeros,
                                                       rest);
                        assert_true(found != MISMATCH_SURPLUS && found != MISMATCH_FOREIGN);
                }
                payload_destroy(p);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_eight_aligned_bytes_stand_once_in_the_region),
                cmocka_unit_test(ten_thousand_connections_have_different_windows_at_the_same_sequence),
                cmocka_unit_test(a_window_is_aligned_and_always_the_same),
                cmocka_unit_test(consecutive_requests_share_no_byte_up_to_64_kib),
                cmocka_unit_test(a_connection_uses_every_window_before_it_repeats_one),
                cmocka_unit_test(another_seed_sends_other_bytes),
                cmocka_unit_test(each_kind_of_wrong_byte_is_named),
                cmocka_unit_test(faults_are_named_however_the_reply_is_cut),
                cmocka_unit_test(with_the_next_reply_behind_it_every_byte_of_a_reply_can_be_lost_or_corrupt),
                cmocka_unit_test(a_byte_that_was_changed_is_corrupt_up_to_the_end_of_the_reply),
                cmocka_unit_test(the_bytes_of_another_connection_are_foreign),
                cmocka_unit_test(bytes_of_a_stranger_are_corrupt),
                cmocka_unit_test(a_short_reply_is_named_as_well_as_it_can_be),
                cmocka_unit_test(a_few_bytes_are_named_by_what_follows_them),
                cmocka_unit_test(the_byte_before_a_window_is_not_its_own),
                cmocka_unit_test(eight_bytes_are_named_by_the_place_that_they_come_from),
                cmocka_unit_test(the_first_words_of_the_region_are_known_too),
                cmocka_unit_test(before_the_first_request_there_is_none_whose_bytes_could_come_again),
                cmocka_unit_test(where_all_replies_are_alike_wrong_bytes_are_surplus_or_corrupt),
                cmocka_unit_test(a_plan_without_a_request_has_the_windows_of_its_size),
                cmocka_unit_test(requests_that_are_alike_lie_one_behind_the_other),
                cmocka_unit_test(each_end_of_a_reply_is_found_by_itself),
                cmocka_unit_test(the_end_of_a_reply_is_named_without_reading_beyond_it),
        };

        return cmocka_run_group_tests_name("payload", tests, NULL, NULL);
}
