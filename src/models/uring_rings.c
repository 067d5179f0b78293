/* SPDX-License-Identifier: MIT */
#include <errno.h>

#ifdef HAVE_LIBURING
#include "models/uring_rings.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
        SQ_ENTRIES =
                2048, /* requests posted between two enters. Where a ring of that size, 384 KiB, is more */
        SQ_ENTRIES_MIN = 64, /* than RLIMIT_MEMLOCK allows, fewer, but no fewer than these */
        CQ_PER_SQ = 8,       /* completions that fit for each; more wait in the kernel until the next enter */
};

static int ring_make(struct io_uring *ring, unsigned entries)
{
        struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                                  IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                                                  IORING_SETUP_R_DISABLED,
                                         .cq_entries = CQ_PER_SQ * entries};

        return io_uring_queue_init_params(entries, ring, &params);
}

int ring_add_buffers(struct io_uring *ring, struct io_uring_buf_ring *buffers, unsigned count, unsigned group)
{
        struct io_uring_buf_reg registration = {
                .ring_addr = (uintptr_t)buffers, .ring_entries = count, .bgid = (uint16_t)group};

        return io_uring_register_buf_ring(ring, &registration, 0);
}

/* The kernel takes a ring apart some 30 ms after it was closed, and only then is its memory nobody's. */
enum { TRIES = 20 };
#define TRIES_PAUSE_NS (5 * NS_PER_MS)
static bool rings_were_closed;

/* What was found: of so many rings each can have so many entries. */
static unsigned ring_count, sq_entries;

/* Tries whether so many rings can be made, and all at once, since their memory is charged to the user. */
static int rings_try(unsigned count, unsigned entries)
{
        struct io_uring *rings = calloc(count, sizeof *rings);
        size_t size = RINGS_BUFFERS_MAX * sizeof(struct io_uring_buf);
        unsigned made = 0;
        int error = rings ? 0 : -ENOMEM;

        for (; !error && made < count; made++) {
                error = ring_make(&rings[made], entries);
                if (error)
                        break;
                for (unsigned group = 0; group < RINGS_GROUPS && !error; group++) {
                        void *buffers = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                             -1, 0);
                        if (buffers == MAP_FAILED)
                                error = -ENOMEM;
                        else
                                error = ring_add_buffers(&rings[made], buffers, RINGS_BUFFERS_MAX, group);
                        if (buffers != MAP_FAILED)
                                (void)munmap(buffers, size); /* it stays with the ring until that is gone */
                }
        }
        rings_were_closed = rings_were_closed || made > 0;
        while (made > 0)
                io_uring_queue_exit(&rings[--made]);
        free(rings);
        return error;
}

/* What a ring and its buffers' ring take of locked memory, at least. */
static size_t ring_bytes(unsigned entries)
{
        return entries * (sizeof(struct io_uring_sqe) + CQ_PER_SQ * sizeof(struct io_uring_cqe)) + 4096;
}

int rings_size(unsigned count)
{
        int error = -ENOMEM;

        if (count == ring_count)
                return 0;
        size_t allowed = limits_raise_locked_memory();
        for (sq_entries = SQ_ENTRIES; sq_entries >= SQ_ENTRIES_MIN; sq_entries /= 2) {
                bool may_fit = count * ring_bytes(sq_entries) <= allowed;
                for (int try = 0; try == 0 || (may_fit && rings_were_closed && try < TRIES); try++) {
                        if (try > 0)
                                clock_sleep(TRIES_PAUSE_NS);
                        error = rings_try(count, sq_entries);
                        ring_count = error ? 0 : count;
                        if (error != -ENOMEM)
                                return error;
                }
        }
        return error;
}

bool rings_await(int try)
{
        if (ring_count == 0 || try >= TRIES)
                return false;
        clock_sleep(TRIES_PAUSE_NS);
        return true;
}

int ring_init(struct io_uring *ring)
{
        return ring_make(ring, sq_entries);
}

int ring_restrict(struct io_uring *ring)
{
        static const uint8_t requests[] = {
                IORING_OP_RECV,     IORING_OP_SEND,  IORING_OP_SENDMSG,      IORING_OP_ACCEPT,
                IORING_OP_POLL_ADD, IORING_OP_CLOSE, IORING_OP_ASYNC_CANCEL,
#ifdef TEST_SEAM
                IORING_OP_NOP, /* with a result of its own */
#endif
        };
        static const uint8_t registrations[] = {IORING_REGISTER_ENABLE_RINGS, IORING_REGISTER_RING_FDS,
                                                IORING_UNREGISTER_RING_FDS, IORING_REGISTER_SYNC_CANCEL};
        struct io_uring_restriction all[sizeof requests + sizeof registrations + 1];
        unsigned count = 0;

        memset(all, 0, sizeof all);
        for (size_t i = 0; i < sizeof requests; i++)
                all[count++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_OP,
                                                             .sqe_op = requests[i]};
        for (size_t i = 0; i < sizeof registrations; i++)
                all[count++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_REGISTER_OP,
                                                             .register_op = registrations[i]};
        all[count++] = (struct io_uring_restriction){.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
                                                     .sqe_flags = IOSQE_BUFFER_SELECT |
                                                                  IOSQE_CQE_SKIP_SUCCESS};
        return io_uring_register_restrictions(ring, all, count);
}

/* Why a ring could not be set up, in words. */
static const char *refusal(int error)
{
        FILE *file = fopen("/proc/sys/kernel/io_uring_disabled", "re");
        int disabled = 0;

        if (file) {
                if (fscanf(file, "%d", &disabled) != 1)
                        disabled = 0;
                (void)fclose(file); /* opened for reading */
        }
        if (error == -EPERM && disabled)
                return "sysctl kernel.io_uring_disabled forbids it";
        if (error == -EPERM)
                return "a seccomp filter forbids io_uring_setup, as those of containers do";
        if (error == -ENOSYS)
                return "this kernel has no io_uring, or a seccomp filter hides it";
        if (error == -EINVAL)
                return "it needs Linux 6.1 (IORING_SETUP_DEFER_TASKRUN)";
        return strerror(-error);
}

int rings_probe(unsigned count, struct why *why)
{
        int error = rings_size(count);

        if (error == -ENOMEM)
                return why_fail(
                        why, error,
                        "%zu bytes of locked memory allowed (hard limit), too few for %u rings of %zu KiB: "
                        "raise it with ulimit -l",
                        limits_raise_locked_memory(), count, ring_bytes(SQ_ENTRIES_MIN) / 1024);
        return error ? why_fail(why, error, "%s", refusal(error)) : 0;
}
#endif
