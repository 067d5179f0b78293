/* SPDX-License-Identifier: MIT */
/* The io_uring engine: a ring per load thread (io_uring(7), Linux 6.1).
 *
 * A request costs one submission and one completion. It is sent straight from the payload region, which
 * nobody ever writes to, so it does not matter when the kernel reads it, and a send that succeeds posts no
 * completion. Replies come by a multishot receive into a ring of buffers that are given back as soon as their
 * bytes are checked, so the ring is never empty for longer than a turn. The clock is read for each
 * completion.
 *
 * A posted receive holds its socket open, so it is cancelled before a connection is closed; on a connection
 * for one request only, the receive ends by itself.
 *
 * Rejected: waiting for several completions at a time. At saturation it saved 2% of the CPU (1,000 connections,
 * where a system call costs 0.2 us), but how many replies a completion brings depends on the pipeline and the
 * size, and where the server's own delay is what takes the time, the wait is added to it: at depth 64 on one
 * connection it cost 99% of the throughput. */
#include "load/engine.h"
#include "load/worker.h"

#include "load/socket.h"

#include "base/clock.h"
#include "base/limits.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_LIBURING
#include <liburing.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
        SQ_ENTRIES = 4096,
        CQ_ENTRIES = 16384,
        BUFFER_GROUP = 0,
        GATHERS = 256,
        GATHER_MAX = 128,   /* requests in one message */
        RING_BYTES = 8192,  /* of the ring of buffers: 512 entries of 16 bytes, on pages */
        INLINE_MAX = 16384, /* bytes of a request that a socket with nothing unsent takes at once */
        TURN_MAX = 1024,    /* completions handled before the worker looks at its clock */
        TRIES = 10,         /* to make a ring */
};
#define TRIES_PAUSE_NS (5 * NS_PER_MS)

#ifdef TEST_SEAM
/* For a test: the latencies of replies by a clock read for each completion, and by one read for a batch. */
struct clocks {
        struct histogram *own, *batch;
        uint64_t batch_time;
};

static void clocks_batch(struct clocks *k)
{
        k->batch_time = clock_now();
}

static void clocks_compare(struct clocks *k, const struct connection *c, uint64_t now)
{
        if (!k->own)
                *k = (struct clocks){histogram_create(), histogram_create(), k->batch_time};
        if (c->state != CONNECTION_BUSY || !k->own || !k->batch)
                return;
        histogram_record(k->own, now - c->since);
        histogram_record(k->batch, k->batch_time > c->since ? k->batch_time - c->since : 0);
}

static void clocks_print(struct clocks *k)
{
        if (getenv("BENCH_CLOCKS") && k->own && k->batch)
                fprintf(stderr,
                        "own clock p50 %" PRIu64 " p99 %" PRIu64 ", clock of the batch p50 %" PRIu64
                        " p99 %" PRIu64 " ns\n",
                        histogram_percentile(k->own, 0.5), histogram_percentile(k->own, 0.99),
                        histogram_percentile(k->batch, 0.5), histogram_percentile(k->batch, 0.99));
        histogram_destroy(k->own);
        histogram_destroy(k->batch);
}
#else
struct clocks {
        char none;
};
#define clocks_batch(k) ((void)(k))
#define clocks_compare(k, c, now) ((void)(k))
#define clocks_print(k) ((void)(k))
#endif

/* A message of several requests. */
struct gather {
        struct msghdr message;
        struct iovec vectors[GATHER_MAX];
};

struct engine_state {
        struct worker *worker;
        const struct plan *plan;
        struct recorder *recorder;      /* the worker's, as are the connections */
        struct connection *connections; /* completions name them by their place */
        struct gather *gathers;         /* owned, [GATHERS]; NULL for depth 1 */
        unsigned gathers_used;          /* since the last enter */
        struct io_uring ring;
        struct io_uring_buf_ring *buffer_ring;
        uint8_t *buffers; /* [buffer_count][buffer_size] */
        unsigned buffer_count, buffer_size;
        unsigned buffers_returned; /* and not published yet */
        struct clocks clocks;
        bool one_request;    /* per connection */
        uint32_t turn;       /* how often what was posted has been submitted */
        struct msghdr timed; /* how timed connections receive: with room for control data */
};

enum operation { CONNECT, SEND, RECEIVE, IGNORED };

static uint64_t label(const struct engine_state *e, enum operation operation, const struct connection *c)
{
        return (uint64_t)operation << 56 | (uint64_t)c->generation << 32 | (uint64_t)(c - e->connections);
}

/* If the queue is full, submits what is in it. */
static struct io_uring_sqe *request(struct engine_state *e)
{
        struct io_uring_sqe *sqe;

        while (!(sqe = io_uring_get_sqe(&e->ring)))
                (void)io_uring_submit(&e->ring); /* takes at least one unless the kernel is out of memory */
        return sqe;
}

static void receive_post(struct engine_state *e, struct connection *c)
{
        struct io_uring_sqe *sqe = request(e);

        if (e->one_request)
                io_uring_prep_recv(sqe, c->fd, NULL, e->buffer_size, 0);
        else if (socket_is_timed(e->recorder, c))
                io_uring_prep_recvmsg_multishot(sqe, c->fd, &e->timed, 0);
        else
                io_uring_prep_recv_multishot(sqe, c->fd, NULL, 0, 0);
        sqe->flags |= IOSQE_BUFFER_SELECT;
        sqe->buf_group = BUFFER_GROUP;
        sqe->user_data = label(e, RECEIVE, c);
        c->posted++;
}

static void uring_open(struct engine_state *e, struct connection *c)
{
        const struct address *target = plan_target(e->plan, c->index);

        connection_connecting(c, clock_now());
        int fd = socket_open(e->worker, c, 0);
        if (fd < 0) {
                worker_failed(e->worker, c, PHASE_CONNECT, -fd, clock_now());
                return;
        }
        c->fd = fd;
        struct io_uring_sqe *sqe = request(e);
        io_uring_prep_connect(sqe, fd, &target->sa.any, target->size);
        sqe->user_data = label(e, CONNECT, c);
        c->posted++;
}

/* Sends all unsent requests as one message. The kernel copies its vectors when it is submitted. */
static void gather_send(struct engine_state *e, struct connection *c)
{
        if (e->gathers_used == GATHERS) {
                (void)io_uring_submit(&e->ring); /* what it does not take stays, with its vectors: */
                if (io_uring_sq_ready(&e->ring) > 0)
                        return; /* out of memory: its time-out ends the connection */
                e->gathers_used = 0;
        }
        struct gather *g = &e->gathers[e->gathers_used++];
        g->message = (struct msghdr){.msg_iov = g->vectors};
        g->message.msg_iovlen = connection_unsent_all(c, e->recorder, g->vectors, GATHER_MAX);
        struct io_uring_sqe *sqe = request(e);
        io_uring_prep_sendmsg(sqe, c->fd, &g->message, MSG_NOSIGNAL | MSG_WAITALL);
        sqe->user_data = label(e, SEND, c);
        c->sending = true;
        c->posted++;
}

/* The rest of a request, or a large one. Until its completion nothing else is sent, or parts of two requests
 * could change places: a reply may come before its request has been sent whole. */
static void send_watched(struct engine_state *e, struct connection *c)
{
        const uint8_t *bytes;
        size_t size = connection_unsent(c, e->recorder, &bytes);
        struct io_uring_sqe *sqe = request(e);

        io_uring_prep_send(sqe, c->fd, bytes, size, MSG_NOSIGNAL | MSG_WAITALL);
        sqe->user_data = label(e, SEND, c);
        c->sending = true;
        c->posted++;
}

/* A small request is sent when it is submitted, or not at all (MSG_DONTWAIT): a completion comes only if the
 * socket did not take all of it. */
static void uring_send(struct engine_state *e, struct connection *c)
{
        const uint8_t *bytes;
        size_t size = connection_unsent(c, e->recorder, &bytes);

        c->turn = e->turn;
        if (size == 0 || c->sending)
                return;
        if (e->gathers) {
                gather_send(e, c);
                return;
        }
        if (size > INLINE_MAX || c->sent > 0) {
                send_watched(e, c);
                return;
        }
        struct io_uring_sqe *sqe = request(e);
        io_uring_prep_send(sqe, c->fd, bytes, size, MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = label(e, SEND, c);
        connection_sent(c, e->recorder, size);
}

static void send_completed(struct engine_state *e, struct connection *c, int result)
{
        bool watched = c->sending;

        c->sending = false;
        if (watched)
                c->posted--;
        if (!watched && (result >= 0 || result == -EAGAIN)) {
                e->recorder->lazy = false; /* such completions are to be waited for */
                connection_sent_part(c, e->recorder, result > 0 ? (size_t)result : 0);
                send_watched(e, c);
        } else if (result < 0) {
                worker_failed(e->worker, c, PHASE_SEND, -result, clock_now());
        } else {
                connection_sent(c, e->recorder, (size_t)result);
                uring_send(e, c);
        }
}

/* Cancels what is in flight, by descriptor. Its completions are of an earlier generation, and are ignored. */
static void uring_close(struct engine_state *e, struct connection *c)
{
        struct io_uring_sqe *sqe;

        if (c->fd < 0)
                return;
        if (c->posted > 0) { /* not so of a connection whose only receive has ended */
                sqe = request(e);
                io_uring_prep_cancel_fd(sqe, c->fd, IORING_ASYNC_CANCEL_ALL);
                sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
                sqe->user_data = label(e, IGNORED, c);
        }
        sqe = request(e);
        io_uring_prep_close(sqe, c->fd);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = label(e, IGNORED, c);
        c->fd = -1;
        c->posted = 0;
        c->generation++;
}

static void connect_completed(struct engine_state *e, struct connection *c, int result)
{
        uint64_t now = clock_now();

        c->posted--;
        if (result == -EAGAIN) {
                uring_close(e, c);
                connection_postponed(c, now);
        } else if (result < 0 || socket_is_own_peer(e->plan, c))
                worker_failed(e->worker, c, PHASE_CONNECT, result < 0 ? -result : ECONNREFUSED, now);
        else {
                worker_opened(e->worker, c, now);
                if (c->fd >= 0)
                        receive_post(e, c);
        }
}

/* A header and the kernel's receive time precede what a timed connection receives. Moves *bytes past both, sets
 * *came, and returns how many bytes follow. */
static int timed_take(struct engine_state *e, int size, uint8_t **bytes, uint64_t *came, uint64_t now)
{
        struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(*bytes, size, &e->timed);

        if (!out)
                return 0;
        *came = socket_came(e->recorder, io_uring_recvmsg_cmsg_firsthdr(out, &e->timed), now);
        *bytes = io_uring_recvmsg_payload(out, &e->timed);
        return (int)io_uring_recvmsg_payload_length(out, size, &e->timed);
}

static void receive_completed(struct engine_state *e, struct connection *c, const struct io_uring_cqe *cqe,
                              uint8_t *bytes)
{
        uint16_t generation = c->generation;
        uint64_t now = clock_now(), came = now;
        int result = cqe->res;

        if (!(cqe->flags & IORING_CQE_F_MORE))
                c->posted--;
        if (result > 0 && !e->one_request && socket_is_timed(e->recorder, c))
                result = timed_take(e, result, &bytes, &came, now);
        if (result > 0) {
                clocks_compare(&e->clocks, c, now);
                worker_received(e->worker, c, bytes, (size_t)result, came, now);
        } else if (result == 0) {
                bool submitted = c->turn != e->turn;
                worker_closed(e->worker, c, submitted && socket_was_received(e->plan, c), now);
        } else if (result == -ENOBUFS)
                e->recorder->lazy = false; /* more replies at a time than there are buffers */
        else if (result != -EINTR && result != -EAGAIN)
                worker_failed(e->worker, c, PHASE_RECEIVE, -result, now);
        if (!(cqe->flags & IORING_CQE_F_MORE) && c->generation == generation && c->fd >= 0)
                receive_post(e, c); /* it may end at any time; buffers are back before the next enter */
}

static void completion_handle(struct engine_state *e, const struct io_uring_cqe *cqe)
{
        struct connection *c = &e->connections[(uint32_t)cqe->user_data];
        enum operation operation = (enum operation)(cqe->user_data >> 56);
        bool buffer = cqe->flags & IORING_CQE_F_BUFFER;
        unsigned id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        uint8_t *bytes = e->buffers + (size_t)id * e->buffer_size;

        if (operation != IGNORED && cqe->user_data == label(e, operation, c)) {
                if (operation == CONNECT)
                        connect_completed(e, c, cqe->res);
                else if (operation == RECEIVE)
                        receive_completed(e, c, cqe, bytes);
                else
                        send_completed(e, c, cqe->res);
        }
        if (buffer)
                io_uring_buf_ring_add(e->buffer_ring, bytes, e->buffer_size, (unsigned short)id,
                                      io_uring_buf_ring_mask(e->buffer_count), (int)e->buffers_returned++);
}

static void uring_wait(struct engine_state *e, uint64_t timeout, bool all)
{
        struct __kernel_timespec t = {.tv_sec = (int64_t)(timeout / NS_PER_S),
                                      .tv_nsec = (int64_t)(timeout % NS_PER_S)};
        struct io_uring_cqe *cqe;

        io_uring_buf_ring_advance(e->buffer_ring, (int)e->buffers_returned);
        e->buffers_returned = 0;
        /* ETIME, EINTR, EBUSY and EAGAIN: what has come is handled below, what is posted stays posted. */
        (void)io_uring_submit_and_wait_timeout(&e->ring, &cqe, all ? CQ_ENTRIES : 1, &t, NULL);
        if (io_uring_sq_ready(&e->ring) == 0)
                e->gathers_used = 0;
        e->turn++;
        clocks_batch(&e->clocks);
        for (unsigned i = 0; i < TURN_MAX && io_uring_peek_cqe(&e->ring, &cqe) == 0; i++) {
                struct io_uring_cqe copy = *cqe;
                io_uring_cqe_seen(&e->ring, cqe);
                completion_handle(e, &copy);
        }
}

static int ring_init(struct io_uring *ring)
{
        struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                                  IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
                                         .cq_entries = CQ_ENTRIES};

        return io_uring_queue_init_params(SQ_ENTRIES, ring, &params);
}

static void state_free(struct engine_state *e)
{
        free(e->gathers);
        free(e->buffers);
        free(e->buffer_ring);
        free(e);
}

static void uring_destroy(struct engine_state *e)
{
        clocks_print(&e->clocks);
        (void)io_uring_submit(&e->ring); /* the last closes; exiting would do them too */
        io_uring_queue_exit(&e->ring);
        state_free(e);
}

/* Many small buffers for small replies, since each takes one; for what fills several, few that hold much: a
 * receive and a completion each cost far more than the copying. Measured, CPU per request beside that of the
 * epoll engine, with 512 of 2 KiB and with 64 of 64 KiB: 1.36 and 0.96 (64 KiB, 100 connections), 1.95 and 0.96
 * (1 MiB, 10 connections), 1.67 and 0.95 (depth 64 of 512 bytes, 4 connections), 0.94 and 0.96 (4 KiB, 100
 * connections). */
static void buffers_choose(struct engine_state *e)
{
        const struct plan *p = e->plan;
        bool small = (uint64_t)p->depth * (p->reply == REPLY_ECHO ? p->request_bytes : p->reply_bytes) <=
                     2048;

        e->buffer_count = small && p->reply != REPLY_UNTIL ? 512 : 64;
        e->buffer_size = small && p->reply != REPLY_UNTIL ? 2048 : 65536;
}

static int uring_create(struct worker *w, struct engine_state **state)
{
        struct engine_state *e = calloc(1, sizeof *e);
        int error = -ENOMEM;

        if (!e)
                return error;
        e->worker = w;
        e->plan = worker_plan(w);
        e->recorder = worker_recorder(w);
        e->connections = worker_connections(w, NULL);
        e->one_request = e->plan->requests_per_connection == 1;
        buffers_choose(e);
        e->timed.msg_controllen = SOCKET_CONTROL_SIZE;
        e->buffers = malloc((size_t)e->buffer_count * e->buffer_size);
        e->buffer_ring = aligned_alloc(4096, RING_BYTES);
        if (e->plan->depth > 1)
                e->gathers = malloc(GATHERS * sizeof *e->gathers);
        if (!e->buffers || !e->buffer_ring || (e->plan->depth > 1 && !e->gathers))
                goto free_state;
        for (int try = 0; error == -ENOMEM && try < TRIES; try++) {
                if (try > 0)
                        clock_sleep(
                                TRIES_PAUSE_NS); /* the kernel takes those of the probe apart some time after */
                error = ring_init(&e->ring);
        }
        if (error)
                goto free_state;
        (void)io_uring_register_ring_fd(&e->ring); /* saves a look-up per enter; works without */
        struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)e->buffer_ring,
                                                .ring_entries = e->buffer_count,
                                                .bgid = BUFFER_GROUP};
        memset(e->buffer_ring, 0, RING_BYTES);
        error = io_uring_register_buf_ring(&e->ring, &registration, 0);
        if (error)
                goto exit_ring;
        io_uring_buf_ring_init(e->buffer_ring);
        for (unsigned i = 0; i < e->buffer_count; i++)
                io_uring_buf_ring_add(e->buffer_ring, e->buffers + (size_t)i * e->buffer_size, e->buffer_size,
                                      (unsigned short)i, io_uring_buf_ring_mask(e->buffer_count),
                                      (int)e->buffers_returned++);
        *state = e;
        return 0;
exit_ring:
        io_uring_queue_exit(&e->ring);
free_state:
        state_free(e);
        return error;
}

/* Makes the rings of all threads at once, since some kernels charge their memory to the user, who may be allowed little. */
static int uring_probe(unsigned threads, struct why *why)
{
        enum { RING_KIB = (SQ_ENTRIES * 64 + CQ_ENTRIES * 16) / 1024 + 4 };
        struct io_uring *rings = calloc(threads, sizeof *rings);
        size_t allowed = limits_raise_locked_memory();
        int error = rings ? 0 : -ENOMEM;
        unsigned made = 0;

        while (!error && made < threads) {
                error = ring_init(&rings[made]);
                made += !error;
        }
        for (unsigned i = 0; i < made; i++)
                io_uring_queue_exit(&rings[i]);
        free(rings);
        if (error == -ENOMEM && allowed < (size_t)threads * RING_KIB * 1024)
                return why_fail(
                        why, error,
                        "%zu bytes of locked memory allowed (hard limit), %u KiB needed for %u rings: "
                        "raise it with ulimit -l",
                        allowed, threads * RING_KIB, threads);
        return error ? why_fail(why, error, "io_uring_setup: %s (Linux 6.1 is needed)", strerror(-error)) : 0;
}

const struct engine engine_uring = {
        .name = "uring",
        .probe = uring_probe,
        .create = uring_create,
        .destroy = uring_destroy,
        .open = uring_open,
        .send = uring_send,
        .close = uring_close,
        .wait = uring_wait,
};

#else /* without liburing */

static int uring_probe(unsigned threads, struct why *why)
{
        (void)threads;
        return why_fail(why, -ENOSYS, "built without liburing");
}

const struct engine engine_uring = {.name = "uring", .probe = uring_probe};

#endif
