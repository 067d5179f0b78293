/* SPDX-License-Identifier: MIT */
/* uring: an event loop per worker on io_uring(7).
 *
 * The idea. An event loop on epoll asks which sockets are ready, then makes two system calls for each. Here
 * the loop posts what it wants done and collects what was done: one io_uring_enter(2) hands over all sends of
 * a turn and brings back all receives of the next. A receive is posted once and stays (multishot, Linux 6.0):
 * whenever data arrives, the kernel takes a buffer from a ring that the worker keeps filled, puts the data
 * into it and posts a completion. The buffer is sent as it is, and goes back to the ring when its send has
 * completed. So a request takes one completion, one submission, no copy and, under load, a fraction of a
 * system call.
 *
 * SINGLE_ISSUER and DEFER_TASKRUN (6.1) make the kernel do a ring's work only while its own worker waits in
 * enter, without interrupts to another CPU and without locks. Buffers are few: of 128 with 16 KiB each, the
 * part that messages of 1 KiB touch stays in the second-level cache, and a message of 16 KiB comes and goes
 * in one piece. With 256 of 2 KiB, small messages cost 4% less and large ones nearly twice as much. A connection
 * that fills such a buffer receives into one of a few large ones from its next receive on, and its message comes
 * and goes in one piece too: 64 KiB at 0.97 of epoll's throughput, where it was 0.69.
 *
 * Order. What has come in a turn is sent at its end, for each connection as one message. One send per connection is
 * in flight; what arrives meanwhile waits in a list of buffers.
 *
 * A send that succeeds says nothing (CQE_SKIP_SUCCESS). With MSG_DONTWAIT and MSG_WAITALL it is over before enter
 * goes on to the next request, wholly, or else with a completion that tells how much was sent. So once all
 * completions of an enter have been looked at, the sends that it took and of which none has told are done. A
 * lone request takes one enter for that, and not two.
 *
 * A client that does not read. If the socket does not take all of a send, the rest, and what waits behind it, is copied aside, the buffers go back, the receive is cancelled, and
 * the copy is sent as room appears; when all of it is sent, the receive is posted again. So such a client
 * holds memory of its own and never a buffer of the ring. The bound is what three receives may bring before each has
 * to be posted again (Linux 6.17); an older kernel cannot limit that, so it is asked for one buffer at a
 * time, which costs 3% (1,000 connections) to 8% (10 connections) more CPU.
 *
 * No buffer. A receive that finds the ring empty ends with ENOBUFS. Its connection joins a queue, and its
 * receive is posted again when buffers have come back: one for each buffer, first come, first served.
 *
 * Whose completion? Each request carries its descriptor and a generation that rises when the descriptor is
 * closed, so a late completion about an old connection is not taken for one about its successor. A connection
 * is closed when nothing of it is in flight any more; close(2) with a receive pending would send no FIN,
 * since the request holds the file.
 *
 * Measured in docs/performance.md: one listener for all, receives for one buffer, closing by a system call,
 * waiting for more than one completion. Each costs more, or gains nothing.
 *
 * Rejected. Bundles and incrementally used buffers (6.10, 6.12): several bugs in their first versions, and
 * nothing to gain for messages that fit one buffer. Zero-copy send: on loopback it copies anyway. SQPOLL: a
 * thread that spins, on CPUs that the clients of a test need. A send linked to its receive: the length is not
 * known in advance.
 *
 * The file is long, and reads better whole: buffers, sends, what is copied aside and closing decide for each
 * other what may happen next. */
#include "models/model.h"
#include "models/server.h"
#include "models/system_calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum metric {
        FELL_BEHIND, /* clients, as often as they did not take at once what was sent to them */
        NO_BUFFER,   /* receives that found none */
        OVERFLOW,    /* turns in which completions did not fit the queue, and waited in the kernel */
};

#ifdef HAVE_LIBURING
#include "models/crew.h"
#include "models/idle.h"
#include "models/uring_features.h"
#include "models/uring_rings.h"
#include "models/uring_seam.h"

#include "base/clock.h"

#include <assert.h>
#include <fcntl.h>
#include <liburing.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
        POSTS_MAX = 8,   /* the most requests that handling one completion can post */
        ACCEPTS_MAX = 4, /* connections that are accepted when a listener is found readable */
        /* Not a multiple of a page, so that equal parts of buffers share no cache set. */
        SMALL_SIZE = 16 * 1024 + 64,
        SMALL_COUNT = RINGS_BUFFERS_MAX, /* a power of two, as the kernel demands */
        SMALL_MAX = 1024,
        LARGE_SIZE = 64 * 1024,
        LARGE_COUNT = 8,
        SMALL_LIMIT = 32 *
                      1024, /* bytes that a receive into small buffers brings before it is posted again, */
        LARGE_LIMIT = 64 * 1024, /* and one into large ones */
        GATHER_MAX = 64,         /* completions that --gather waits for */
        END_TRIES = 100,         /* to hand over the last requests */
        VECTORS_MAX = 32,        /* buffers in one send */
        NONE = UINT16_MAX,       /* no buffer */
};

/* What a client that does not read has not been sent. Nothing is added to it while it is being sent: a second
 * one collects what arrives until the receive is cancelled. */
struct pending {
        uint32_t size, capacity, sent;
        uint8_t bytes[];
};

/* One that is being sent holds what two receives may bring, one that collects what one may. */
enum { STALLED_BYTES = 2 * sizeof(struct pending) + 3 * LARGE_LIMIT };

/* A first-in, first-out queue of connections, by descriptor. A connection is in one of each kind at most. */
struct queue {
        enum { WAITING, SENDING, QUEUE_KINDS } kind; /* starved and held; unsent and quiet */
        int first, last;
};

struct connection {
        struct pending *sending, *collecting;     /* owned; NULL unless the client is behind */
        uint32_t asked;                           /* bytes of the send in flight */
        uint32_t generation;                      /* how often this descriptor was closed, modulo 2^24 */
        int next[QUEUE_KINDS];                    /* in a queue of each kind; -1: the last */
        uint16_t first, last;                     /* buffers that were received and not sent yet; NONE */
        bool receive_posted : 1, send_posted : 1; /* requests in flight */
        bool quiet : 1;                           /* the send says nothing if it succeeds */
        bool limited : 1;                         /* the receive, to so many bytes */
        bool ended : 1, failed : 1;   /* the client has closed its side; nothing more can be done */
        bool large : 1, in_large : 1; /* it fills small buffers; its receive is into large ones */
        bool queued[QUEUE_KINDS];     /* in one */
        uint8_t seen;                 /* when something last moved (models/idle.h); 0: not open, or held */
};

/* A message of several buffers, until the kernel has taken note of it in the next enter. */
struct message {
        struct msghdr header;
        struct iovec vectors[VECTORS_MAX];
};

/* Buffers of one size. */
struct buffers {
        struct io_uring_buf_ring *ring; /* [count] */
        uint8_t *bytes;                 /* [count][size] */
        unsigned size, count;
        unsigned free;        /* in the ring, or to be published there before the next enter */
        unsigned returned;    /* of these, not published yet */
        struct queue starved; /* connections that found none */
};

enum { SMALL, LARGE, GROUPS };

/* What is posted for a listener. */
enum posted {
        NOTHING,
        ACCEPTING, /* a multishot accept, which knows nothing of places: only while there are plenty */
        POLLING,   /* a poll; then as many are accepted as there are places */
};

struct worker {
        struct server *server;
        struct counters *counters;
        struct connection *connections; /* [descriptors_max], by descriptor; this worker's alone */
        struct io_uring ring;
        struct buffers groups[GROUPS];
        struct message *messages; /* [message_count] */
        enum posted *posted;      /* [listener_count] */
        struct {
                uint32_t size;
                uint16_t next;
        } notes[SMALL_MAX + LARGE_COUNT]; /* about each buffer that waits to be sent; small ones come first */
        unsigned index;
        unsigned message_count; /* half as many as buffers, since each has two at least */
        unsigned messages_used; /* since the last enter */
        struct queue held;      /* connections that were accepted when connections_max were open */
        struct queue unsent;    /* connections with something to send at the end of this turn */
        struct queue quiet;     /* connections whose send goes with the next enter, or went with the last */
        bool hurries;           /* something waits for such a send */
        unsigned served;        /* receives since the last enter */
        struct gathering gathering;
        int stop_fd;
        int descriptors_used; /* no connection has had this descriptor or a higher one */
        size_t open;
        struct idle idle;
        uint64_t paused_until;   /* ns; nothing is accepted; 0: accepting */
        unsigned accepts_failed; /* in a row */
        bool accepts_are_wrong;  /* something is to be posted, or cancelled, by accepts_arrange */
        bool ready;              /* the ring is set up */
        bool limits_receives;    /* the kernel has not refused to */
        bool draining;           /* a stop event was seen */
        bool left;               /* and the listeners have been left */
};

/* A send of buffers: all of it is sent before the kernel goes on to the next request, or what is not comes back as a failure. */
enum { AT_ONCE = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL };

enum operation { ACCEPT, RECEIVE, SEND, STOP, CLOSE, CANCEL };

static uint64_t label(enum operation operation, uint32_t number, uint32_t generation)
{
        return (uint64_t)operation << 56 | (uint64_t)(generation & 0xffffff) << 32 | number;
}

static uint64_t connection_label(const struct worker *w, enum operation operation, int fd)
{
        return label(operation, (uint32_t)fd, w->connections[fd].generation);
}

/* Never NULL: nothing is handled that could post more than there is room for. */
static struct io_uring_sqe *request(struct worker *w)
{
        struct io_uring_sqe *sqe = io_uring_get_sqe(&w->ring);

        assert(sqe);
        return sqe;
}

static void queue_push(struct worker *w, struct queue *q, int fd)
{
        struct connection *c = &w->connections[fd];

        c->next[q->kind] = -1;
        c->queued[q->kind] = true;
        if (q->first < 0)
                q->first = fd;
        else
                w->connections[q->last].next[q->kind] = fd;
        q->last = fd;
}

static int queue_pop(struct worker *w, struct queue *q)
{
        int fd = q->first;

        q->first = w->connections[fd].next[q->kind];
        w->connections[fd].queued[q->kind] = false;
        return fd;
}

static struct buffers *buffer_group(struct worker *w, unsigned id)
{
        return &w->groups[id >= SMALL_MAX];
}

static uint8_t *buffer_bytes(struct worker *w, unsigned id)
{
        struct buffers *b = buffer_group(w, id);

        return b->bytes + (size_t)(id % SMALL_MAX) * b->size;
}

static void buffer_give(struct worker *w, unsigned id)
{
        struct buffers *b = buffer_group(w, id);

        io_uring_buf_ring_add(b->ring, buffer_bytes(w, id), b->size, (unsigned short)(id % SMALL_MAX),
                              io_uring_buf_ring_mask(b->count), (int)b->returned++);
        b->free++;
}

/* True if all that may wait in the queues finds a place. */
static bool places_abound(const struct worker *w)
{
        const struct server *s = w->server;
        size_t open = atomic_load_explicit(&s->open, memory_order_relaxed);

        return s->connections_max >= open + s->backlog * s->listener_count;
}

/* Posts what is missing at each of the worker's listeners, or, in a pause, cancels what is posted: at most two requests
 * for each. */
static void accepts_arrange(struct worker *w)
{
        bool abound = places_abound(w);

        for (size_t i = 0; i < w->server->listener_count; i++) {
                const struct listener *l = &w->server->listeners[i];
                if (!listener_serves(l, w->index))
                        continue;
                if (w->posted[i] != NOTHING && (w->paused_until || (w->posted[i] == ACCEPTING && !abound))) {
                        struct io_uring_sqe *sqe = request(w);
                        io_uring_prep_cancel64(sqe, label(ACCEPT, (uint32_t)i, 0), 0);
                        sqe->user_data = label(CANCEL, 0, 0);
                        seam_request(sqe, SEAM_CANCEL);
                } else if (w->posted[i] == NOTHING && !w->paused_until) {
                        struct io_uring_sqe *sqe = request(w);
                        if (abound)
                                io_uring_prep_multishot_accept(sqe, l->fd, NULL, NULL,
                                                               seam_hits("accept") ? -1 : SOCK_CLOEXEC);
                        else
                                io_uring_prep_poll_add(sqe, l->fd, POLLIN);
                        sqe->user_data = label(ACCEPT, (uint32_t)i, 0);
                        seam_request(sqe, abound ? SEAM_ACCEPT : SEAM_POLL);
                        w->posted[i] = abound ? ACCEPTING : POLLING;
                }
        }
        w->accepts_are_wrong = false;
}

static void accepts_pause(struct worker *w)
{
        w->paused_until = server_pause_end();
        w->accepts_are_wrong = true;
}

static void accepts_resume(struct worker *w)
{
        w->paused_until = 0;
        w->accepts_are_wrong = true;
}

static void receive_post(struct worker *w, int fd)
{
        struct connection *c = &w->connections[fd];
        struct io_uring_sqe *sqe = request(w);

        c->limited = w->limits_receives && !seam_hits("one-shot");
        if (c->limited) {
                io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
                sqe_limit_receive(sqe, c->large ? LARGE_LIMIT : SMALL_LIMIT);
                if (seam_hits("limit"))
                        sqe->off = 1; /* refused, as an older kernel refuses the limit */
        } else {
                io_uring_prep_recv(sqe, fd, NULL, w->groups[c->large].size, 0);
        }
        sqe->flags |= IOSQE_BUFFER_SELECT;
        c->in_large = c->large;
        sqe->buf_group = seam_hits("no-buffer") ? GROUPS : c->large;
        sqe->user_data = connection_label(w, RECEIVE, fd);
        seam_request(sqe, SEAM_RECEIVE);
        c->receive_posted = true;
        c->seen = w->idle.now;
        if (seam_hits("open")) { /* what a ring must not do */
                io_uring_prep_openat(sqe, AT_FDCWD, "opened-by-ring", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
                sqe->user_data = label(CANCEL, 0, 0);
        }
}

static void receive_cancel(struct worker *w, int fd)
{
        struct io_uring_sqe *sqe = request(w);

        io_uring_prep_cancel64(sqe, connection_label(w, RECEIVE, fd), 0);
        sqe->user_data = label(CANCEL, 0, 0);
        seam_request(sqe, SEAM_CANCEL);
}

/* Tries to send the buffers that wait, as one message, without waiting for room. Returns whether some are left. */
static bool buffers_send(struct worker *w, int fd)
{
        struct connection *c = &w->connections[fd];
        struct io_uring_sqe *sqe = request(w);
        uint16_t left = NONE;

        if (c->first == c->last) {
                c->asked = w->notes[c->first].size;
                io_uring_prep_send(sqe, fd, buffer_bytes(w, c->first), c->asked, AT_ONCE);
        } else {
                struct message *m = &w->messages[w->messages_used++];
                size_t count = 0;
                c->asked = 0;
                for (left = c->first; left != NONE && count < VECTORS_MAX; left = w->notes[left].next) {
                        m->vectors[count++] = (struct iovec){buffer_bytes(w, left), w->notes[left].size};
                        c->asked += w->notes[left].size;
                }
                m->header = (struct msghdr){.msg_iov = m->vectors, .msg_iovlen = count};
                io_uring_prep_sendmsg(sqe, fd, &m->header, AT_ONCE);
        }
        if (seam_hits("short-send") && sqe->opcode == IORING_OP_SEND) {
                sqe->len = 1;
        } else if (!seam_is("send")) {
                sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
                c->quiet = true;
                queue_push(w, &w->quiet, fd);
        }
        sqe->user_data = connection_label(w, SEND, fd);
        seam_request(sqe, SEAM_SEND);
        c->send_posted = true;
        return left != NONE;
}

/* Sends what was copied aside, whenever there is room. */
static void pending_send(struct worker *w, int fd)
{
        struct connection *c = &w->connections[fd];
        struct io_uring_sqe *sqe = request(w);

        c->asked = c->sending->size - c->sending->sent;
        c->quiet = false;
        io_uring_prep_send(sqe, fd, c->sending->bytes + c->sending->sent, c->asked,
                           MSG_NOSIGNAL | MSG_WAITALL);
        sqe->user_data = connection_label(w, SEND, fd);
        seam_request(sqe, SEAM_SEND);
        c->send_posted = true;
}

static int pending_append(struct pending **p, const uint8_t *bytes, size_t size)
{
        uint32_t used = *p ? (*p)->size : 0, needed = used + (uint32_t)size;

        if (!*p || needed > (*p)->capacity) {
                uint32_t capacity = (needed + SMALL_LIMIT - 1) / SMALL_LIMIT * SMALL_LIMIT;
                struct pending *grown = realloc(*p, sizeof **p + capacity);
                if (!grown)
                        return -ENOMEM;
                grown->capacity = capacity;
                grown->sent = 0; /* nothing is added to what is being sent */
                *p = grown;
        }
        memcpy((*p)->bytes + used, bytes, size);
        (*p)->size = needed;
        return 0;
}

static void buffers_drop(struct worker *w, struct connection *c)
{
        for (uint16_t id = c->first; id != NONE; id = w->notes[id].next)
                buffer_give(w, id);
        c->first = c->last = NONE;
}

/* The connection does not go on: it gives back the buffers that nobody sends from, since others may wait for them, and it, too,
 * may wait behind others. What is in flight is made to end. */
static void connection_give_up(struct worker *w, int fd)
{
        struct connection *c = &w->connections[fd];

        c->failed = true;
        if (!c->send_posted)
                buffers_drop(w, c);
        if (c->receive_posted || c->send_posted)
                (void)shutdown(fd, SHUT_RDWR); /* ENOTCONN: then both have ended too */
}

static void connection_fail(struct worker *w, int fd)
{
        if (!w->connections[fd].failed)
                counter_add(&w->counters->io_errors, 1);
        connection_give_up(w, fd);
}

static void idle_end(struct worker *w)
{
        for (int fd = 0; fd < w->descriptors_used; fd++)
                if (idle_is_over(&w->idle, w->connections[fd].seen) && !w->connections[fd].failed) {
                        counter_add(&w->counters->idle, 1);
                        connection_give_up(w, fd);
                }
}

static void held_admit(struct worker *, unsigned max);

/* Closes the connection if it has ended, all is sent, and nothing of it is in flight. The close goes with the
 * next enter; the next generation begins now. */
static void connection_settle(struct worker *w, int fd)
{
        struct connection *c = &w->connections[fd];

        if (c->receive_posted || c->send_posted || c->queued[WAITING] || c->queued[SENDING] ||
            !(c->ended || c->failed))
                return;
        if (!c->failed && (c->first != NONE || c->sending))
                return;
        buffers_drop(w, c);
        free(c->sending);
        free(c->collecting);
        *c = (struct connection){.generation = c->generation + 1, .first = NONE, .last = NONE};
        struct io_uring_sqe *sqe = request(w);
        io_uring_prep_close(sqe, fd);
        sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = label(CLOSE, (uint32_t)fd, 0);
        seam_request(sqe, SEAM_CLOSE);
        server_closed(w->server, w->index);
        w->open--;
        held_admit(w, 1);
        if (w->paused_until && !w->draining && w->held.first < 0)
                accepts_resume(w); /* whatever was lacking may be there again */
}

/* The client is behind: what it has not taken, from `offset` of the first buffer on, is copied aside. */
static void connection_stall(struct worker *w, int fd, size_t offset)
{
        struct connection *c = &w->connections[fd];
        int error = 0;

        for (uint16_t id = c->first; !error && id != NONE; id = w->notes[id].next, offset = 0)
                error = pending_append(&c->sending, buffer_bytes(w, id) + offset, w->notes[id].size - offset);
        buffers_drop(w, c);
        counter_add(&w->counters->own[FELL_BEHIND], 1);
        if (error) {
                connection_fail(w, fd); /* the bytes were read and cannot be kept: it alone ends */
                return;
        }
        if (c->receive_posted)
                receive_cancel(w, fd);
        pending_send(w, fd);
}

/* Gives back the buffers that were sent whole. Returns how many bytes of the next one were sent. */
static size_t buffers_sent(struct worker *w, struct connection *c, size_t count)
{
        while (c->first != NONE && count >= w->notes[c->first].size) {
                uint16_t id = c->first;
                count -= w->notes[id].size;
                c->first = w->notes[id].next;
                buffer_give(w, id);
        }
        if (c->first == NONE)
                c->last = NONE;
        return count;
}

/* All or part of the copy was sent. After all of it, the client has caught up and is read from again. */
static void pending_sent(struct worker *w, int fd, size_t count)
{
        struct connection *c = &w->connections[fd];

        c->sending->sent += (uint32_t)count;
        if (c->sending->sent == c->sending->size) {
                free(c->sending);
                c->sending = c->collecting;
                c->collecting = NULL;
        }
        if (c->sending)
                pending_send(w, fd);
        else if (!c->receive_posted && !c->queued[WAITING] && !c->ended)
                receive_post(w, fd); /* else it has not ended yet, and is posted again when it does */
}

static void send_completed(struct worker *w, int fd, int result)
{
        struct connection *c = &w->connections[fd];
        size_t count = result > 0 ? (size_t)result : 0;

        c->send_posted = c->quiet = false;
        c->seen = w->idle.now;
        counter_add(&w->counters->sent, count);
        if (c->failed || (result < 0 && result != -EAGAIN))
                connection_fail(w, fd);
        else if (c->sending)
                pending_sent(w, fd, count);
        else {
                size_t offset = buffers_sent(w, c, count);
                if (count < c->asked)
                        connection_stall(w, fd, offset);
                else if (c->first != NONE && !c->queued[SENDING])
                        queue_push(w, &w->unsent, fd);
        }
}

/* A buffer was filled: it waits for its turn to be sent, or is copied aside if the client is behind. */
static void bytes_received(struct worker *w, int fd, uint16_t id, size_t size)
{
        struct connection *c = &w->connections[fd];

        counter_add(&w->counters->received, size);
        if (c->failed || c->sending) {
                if (!c->failed && pending_append(&c->collecting, buffer_bytes(w, id), size) != 0)
                        connection_fail(w, fd);
                buffer_give(w, id);
                return;
        }
        w->notes[id].next = NONE;
        w->notes[id].size = (uint32_t)size;
        if (c->first == NONE)
                c->first = id;
        else
                w->notes[c->last].next = id;
        c->last = id;
        if (!c->send_posted && !c->queued[SENDING])
                queue_push(w, &w->unsent, fd);
}

static void receive_completed(struct worker *w, int fd, int result, uint32_t flags)
{
        struct connection *c = &w->connections[fd];
        struct buffers *b = &w->groups[c->in_large];
        uint16_t id = (uint16_t)((flags >> IORING_CQE_BUFFER_SHIFT) + (c->in_large ? SMALL_MAX : 0));

        c->receive_posted = flags & IORING_CQE_F_MORE;
        if (flags & IORING_CQE_F_BUFFER)
                b->free--;
        if (result > 0 && (c->large ? result < SMALL_SIZE / 2 : result == SMALL_SIZE))
                c->large = !c->large;
        w->served += result > 0;
        if (result > 0)
                bytes_received(w, fd, id, (size_t)result);
        else if (flags & IORING_CQE_F_BUFFER)
                buffer_give(w, id);
        if (result == 0)
                c->ended = true;
        else if (result == -ENOBUFS) {
                counter_add(&w->counters->own[NO_BUFFER], 1);
                queue_push(w, &b->starved, fd);
        } else if (result == -EINVAL && c->limited)
                w->limits_receives = false; /* before Linux 6.17: posted below, without the limit */
        else if (result < 0 && result != -ECANCELED && result != -EINTR && result != -EAGAIN)
                connection_fail(w, fd);
        if (!c->receive_posted && !c->queued[WAITING] && !c->ended && !c->failed && !c->sending)
                receive_post(w, fd); /* a multishot receive may end at any time */
}

/* As many connections that found no buffer as there are buffers now try again. Returns whether there are more of both. */
static bool starved_post(struct worker *w, struct buffers *b)
{
        unsigned room = io_uring_sq_space_left(&w->ring) / POSTS_MAX;

        for (unsigned n = b->free < room ? b->free : room; n > 0 && b->starved.first >= 0; n--) {
                int fd = queue_pop(w, &b->starved);
                const struct connection *c = &w->connections[fd];
                if (!c->failed && !c->sending)
                        receive_post(w, fd);
                connection_settle(w, fd);
        }
        io_uring_buf_ring_advance(b->ring, (int)b->returned);
        b->returned = 0;
        return b->starved.first >= 0 && b->free > 0;
}

/* Connections that were accepted beyond connections_max begin as places become free. */
static void held_admit(struct worker *w, unsigned max)
{
        for (; max > 0 && w->held.first >= 0 && server_admit(w->server); max--) {
                int fd = queue_pop(w, &w->held);
                w->open++;
                receive_post(w, fd);
        }
}

static void connection_begin(struct worker *w, int fd)
{
        w->descriptors_used = fd < w->descriptors_used ? w->descriptors_used : fd + 1;
        w->connections[fd].first = w->connections[fd].last = NONE;
}

/* Accepts connections from a listener that is readable. Returns false if something is lacking for that. */
static bool connections_accept(struct worker *w, const struct listener *l)
{
        for (int i = 0; i < ACCEPTS_MAX; i++) {
                int fd = server_accept_admitted(w->server, l, w->index);
                if (fd < 0)
                        return fd != -EBUSY;
                connection_begin(w, fd);
                w->open++;
                receive_post(w, fd);
        }
        return true;
}

/* If more came at once than there were places, connections wait, not read from, and no more are accepted. */
static void accept_completed(struct worker *w, uint32_t listener, int result, uint32_t flags)
{
        enum posted was = w->posted[listener];

        if (!(flags & IORING_CQE_F_MORE)) {
                w->posted[listener] = NOTHING;
                w->accepts_are_wrong = true;
        }
        if (result >= 0 && was == POLLING) {
                if (!w->paused_until && !connections_accept(w, &w->server->listeners[listener]))
                        accepts_pause(w);
        } else if (result >= 0) {
                w->accepts_failed = 0;
                counter_add_shared(&w->counters->accepted, 1);
                connection_begin(w, result);
                queue_push(w, &w->held, result);
                held_admit(w, 1);
                if (w->held.first >= 0 && !w->paused_until)
                        accepts_pause(w);
                else if (!places_abound(w))
                        w->accepts_are_wrong = true;
        } else if (result != -ECANCELED) {
                if (!server_accept_failed(w->server, w->index, -result) ||
                    ++w->accepts_failed % SERVER_ATTEMPTS_MAX == 0)
                        accepts_pause(w);
        }
}

/* After the first stop event, once no accept is in flight: accepts what the queues hold, which will be
 * served, and leaves the listeners. If something is lacking for that, it is tried again as connections
 * close. */
static void listeners_drain(struct worker *w)
{
        struct server *s = w->server;

        for (size_t i = 0; i < s->listener_count; i++) {
                int fd = -EAGAIN;
                if (w->posted[i] != NOTHING || w->held.first >= 0)
                        return;
                if (!listener_serves(&s->listeners[i], w->index))
                        continue;
                while (io_uring_sq_space_left(&w->ring) > w->ring.sq.ring_entries / 4) {
                        fd = server_accept_admitted(s, &s->listeners[i], w->index);
                        if (fd < 0)
                                break;
                        connection_begin(w, fd);
                        w->open++;
                        receive_post(w, fd);
                }
                if (fd != -EAGAIN)
                        return;
        }
        server_leave(s, w->index);
        w->left = true;
}

static void stop_watch(struct worker *w)
{
        struct io_uring_sqe *sqe = request(w);

        io_uring_prep_poll_multishot(sqe, w->stop_fd, POLLIN);
        sqe->user_data = label(STOP, 0, 0);
        seam_request(sqe, SEAM_STOP);
}

/* The number of bytes is the state, so a poll that has failed or ended says nothing, and is posted again. */
static void stop_completed(struct worker *w, int result, uint32_t flags)
{
        if (!w->draining && server_stop_events(w->stop_fd) > 0) {
                accepts_pause(w);
                w->draining = true;
        }
        if (result < 0)
                clock_sleep(NS_PER_MS); /* no memory for it now */
        if (!(flags & IORING_CQE_F_MORE))
                stop_watch(w);
}

/* A completion about a connection that has since been closed is of an older generation. */
static void completion_handle(struct worker *w, const struct io_uring_cqe *cqe)
{
        enum operation operation = (enum operation)(cqe->user_data >> 56);
        uint32_t number = (uint32_t)cqe->user_data;

        if (operation == RECEIVE || operation == SEND) {
                int fd = (int)number;
                if (cqe->user_data != connection_label(w, operation, fd))
                        return;
                if (operation == RECEIVE)
                        receive_completed(w, fd, seam_result("receive", cqe->res, -ECONNRESET), cqe->flags);
                else
                        send_completed(w, fd, seam_result("send", cqe->res, -ECANCELED));
                connection_settle(w, fd);
        } else if (operation == ACCEPT) {
                accept_completed(w, number, cqe->res, cqe->flags);
        } else if (operation == STOP) {
                stop_completed(w, cqe->res, cqe->flags);
        } else if (operation == CLOSE && cqe->res != -EBADF) {
                (void)close((int)number); /* a socket's is refused only before it is closed */
        } else if (operation == CANCEL && cqe->res < 0 && cqe->res != -ENOENT && cqe->res != -EALREADY) {
                clock_sleep(NS_PER_MS); /* no memory for it now; receives end by themselves, accepts do not */
                w->accepts_are_wrong = true;
        }
}

/* True if there is room for all that handling one completion can post, and for accepts_arrange(). */
static bool has_room(const struct worker *w)
{
        return io_uring_sq_space_left(&w->ring) >= POSTS_MAX + 2 * w->server->listener_count;
}

/* The last enter took all sends, and all completions have been looked at: a send of which none has told is done. */
static void sends_finish(struct worker *w)
{
        struct queue quiet = w->quiet;

        w->quiet.first = -1;
        while (quiet.first >= 0 && has_room(w)) {
                int fd = queue_pop(w, &quiet);
                struct connection *c = &w->connections[fd];
                if (c->quiet)
                        send_completed(w, fd, (int)c->asked);
                else if (c->first != NONE && !c->send_posted)
                        queue_push(w, &w->unsent, fd); /* it had failed, and has caught up */
                connection_settle(w, fd);
        }
        if (quiet.first >= 0) {
                w->quiet = quiet;
                w->hurries = true;
        }
}

/* Sends what came in this turn, for each connection as one message. */
static void sends_post(struct worker *w)
{
        while (w->unsent.first >= 0 && has_room(w)) {
                int fd = queue_pop(w, &w->unsent);
                struct connection *c = &w->connections[fd];
                if (c->first != NONE && !c->send_posted && !c->sending && !c->failed)
                        w->hurries = buffers_send(w, fd) || c->ended || w->hurries;
                connection_settle(w, fd);
        }
        bool starved = w->groups[SMALL].starved.first >= 0 || w->groups[LARGE].starved.first >= 0;
        w->hurries = w->hurries || w->unsent.first >= 0 || (starved && w->quiet.first >= 0);
}

/* Hands over what was posted, and waits for a completion, or for company, unless there is more to do now. */
static int ring_enter(struct worker *w)
{
        int wait_ms = idle_wait_ms(&w->idle, w->paused_until && !w->left ? SERVER_PAUSE_MS : -1);
        struct __kernel_timespec limit = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000LL};
        struct io_uring_cqe *cqe;

        bool hurries = w->hurries;

        w->hurries = false;
        if (seam_hits("enter"))
                return -EBUSY;
        if (hurries)
                return io_uring_submit_and_get_events(&w->ring);
        uint64_t company = gathering_next(&w->gathering, w->served);
        if (w->gathering.spin) {
                int n = io_uring_submit_and_get_events(&w->ring);
                for (uint64_t end = clock_now() + w->gathering.spin;
                     io_uring_cq_ready(&w->ring) == 0 && clock_now() < end;)
                        (void)io_uring_get_events(&w->ring);
                if (n < 0 || io_uring_cq_ready(&w->ring) > 0)
                        return n;
        }
        if (company > 0)
                return ring_gather(&w->ring, GATHER_MAX, company, wait_ms);
        return wait_ms >= 0 ? io_uring_submit_and_wait_timeout(&w->ring, &cqe, 1, &limit, NULL)
                            : io_uring_submit_and_wait(&w->ring, 1);
}

/* Hands over what was posted, and handles what was done, as far as there is room for what that may post. */
static void turn_take(struct worker *w)
{
        struct io_uring_cqe *cqe;
        unsigned handled = 0;
        bool all = false;

        if (w->accepts_are_wrong && io_uring_sq_space_left(&w->ring) >= 2 * w->server->listener_count)
                accepts_arrange(w);
        for (int i = 0; i < GROUPS; i++)
                w->hurries = starved_post(w, &w->groups[i]) || w->hurries;
        int n = ring_enter(w);
        bool taken = io_uring_sq_ready(&w->ring) == 0;
        w->served = 0;
        if (taken)
                w->messages_used = 0;
        if (io_uring_cq_has_overflow(&w->ring))
                counter_add(&w->counters->own[OVERFLOW], 1);
        for (; has_room(w); handled++) {
                all = io_uring_peek_cqe(&w->ring, &cqe) != 0;
                if (all)
                        break;
                struct io_uring_cqe copy = *cqe;
                io_uring_cqe_seen(&w->ring, cqe);
                completion_handle(w, &copy);
        }
        if (taken && all)
                sends_finish(w);
        else
                w->hurries = true; /* what waits for these sends still does */
        sends_post(w);
        if (n < 0 && n != -ETIME && n != -EINTR && handled == 0)
                clock_sleep(NS_PER_MS); /* EBUSY, EAGAIN: no memory for requests now; they stay posted */
        if (idle_is_due(&w->idle))
                idle_end(w);
        if (!w->paused_until || w->left)
                return;
        held_admit(w, io_uring_sq_space_left(&w->ring) / (2 * POSTS_MAX));
        if (w->draining)
                listeners_drain(w);
        else if (w->held.first < 0 && clock_now() >= w->paused_until)
                accepts_resume(w);
}

static bool worker_has_finished(const struct worker *w)
{
        return w->draining && ((w->left && w->open == 0) || server_stop_events(w->stop_fd) > 1);
}

/* Hands over the last closes, and cancels what is still posted: otherwise sockets, listening ones too, would
 * stay open until the kernel has taken the ring apart, some time after the process has ended. */
static void requests_end(struct worker *w)
{
        struct io_uring_sync_cancel_reg all = {.flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL,
                                               .timeout = {.tv_sec = 1}};

        for (int try = 0; io_uring_sq_ready(&w->ring) > 0 && try < END_TRIES; try++)
                if (io_uring_submit(&w->ring) < 0)
                        clock_sleep(
                                NS_PER_MS); /* other workers may go on for a while, and its clients wait */
        /* What fails below is left to the end of the ring. */
        (void)io_uring_register_sync_cancel(&w->ring, &all); /* ENOENT: nothing was posted */
        (void)io_uring_get_events(&w->ring);
}

static int worker_run(void *arg)
{
        struct worker *w = arg;

        int error = io_uring_enable_rings(&w->ring); /* from now on the ring is this thread's */
        if (error)
                return error;
        (void)io_uring_register_ring_fd(&w->ring); /* saves a look-up per enter; works without */
        stop_watch(w);
        w->accepts_are_wrong = true;
        while (!worker_has_finished(w))
                turn_take(w);
        requests_end(w);
        return 0;
}

static void *pages_map(size_t size)
{
        void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
                        0);

        return at == MAP_FAILED ? NULL : at;
}

static void pages_unmap(void *at, size_t size)
{
        if (at)
                (void)munmap(at, size);
}

static int buffers_init(struct worker *w, int group, unsigned size, unsigned count)
{
        struct buffers *b = &w->groups[group];

        *b = (struct buffers){.size = size, .count = count, .starved = {WAITING, -1, -1}};
        b->ring = pages_map(count * sizeof(struct io_uring_buf));
        b->bytes = pages_map((size_t)count * size);
        int error = b->ring && b->bytes ? ring_add_buffers(&w->ring, b->ring, count, (unsigned)group)
                                        : -ENOMEM;
        if (error)
                return error;
        io_uring_buf_ring_init(b->ring);
        for (unsigned i = 0; i < count; i++)
                buffer_give(w, i + (group == LARGE ? SMALL_MAX : 0));
        return 0;
}

/* worker_fini takes down what was made before a failure. */
static int worker_init(void *arg, struct server *s, unsigned index, int stop_fd)
{
        struct worker *w = arg;

        *w = (struct worker){.server = s,
                             .counters = &s->counters[index],
                             .index = index,
                             .limits_receives = seam_has_features(),
                             .held = {WAITING, -1, -1},
                             .unsent = {SENDING, -1, -1},
                             .quiet = {SENDING, -1, -1},
                             .gathering = s->gathering,
                             .stop_fd = stop_fd};
        idle_init(&w->idle, s->idle_timeout);
        int error = ring_init(&w->ring);
        if (error)
                return error;
        w->ready = true;
        w->connections = pages_map(s->descriptors_max * sizeof *w->connections);
        unsigned small = seam_buffers(SMALL_COUNT);
        w->message_count = (small + LARGE_COUNT) / 2;
        w->messages = pages_map(w->message_count * sizeof *w->messages);
        w->posted = calloc(s->listener_count, sizeof *w->posted);
        if (!w->connections || !w->messages || !w->posted)
                return -ENOMEM;
        error = buffers_init(w, SMALL, SMALL_SIZE, small);
        if (!error)
                error = buffers_init(w, LARGE, LARGE_SIZE, LARGE_COUNT);
        return error || !s->sandboxed ? error : ring_restrict(&w->ring);
}

static void worker_fini(void *arg)
{
        struct worker *w = arg;

        if (w->ready)
                io_uring_queue_exit(&w->ring);
        for (int fd = 0; fd < w->descriptors_used; fd++) {
                free(w->connections[fd].sending); /* of connections that were cut */
                free(w->connections[fd].collecting);
        }
        pages_unmap(w->connections, w->server->descriptors_max * sizeof *w->connections);
        for (int i = 0; i < GROUPS; i++) {
                pages_unmap(w->groups[i].ring, w->groups[i].count * sizeof(struct io_uring_buf));
                pages_unmap(w->groups[i].bytes, (size_t)w->groups[i].count * w->groups[i].size);
        }
        pages_unmap(w->messages, w->message_count * sizeof *w->messages);
        free(w->posted);
}

static int uring_serve(struct server *s, int stop_fd)
{
        static const struct worker_kind kind = {sizeof(struct worker), worker_init, worker_run, worker_fini};
        int error = rings_size(s->workers);

        if (!error)
                error = crew_run_workers(s, stop_fd, &kind);
        for (int try = 1; error == -ENOMEM && !s->begun && rings_await(try); try++)
                error = crew_run_workers(s, stop_fd, &kind);
        return error;
}

#else /* without liburing */

static int rings_probe(unsigned workers, struct why *why)
{
        (void)workers;
        return why_fail(why, -ENOSYS, "built without liburing");
}

static int uring_serve(struct server *s, int stop_fd)
{
        (void)s, (void)stop_fd;
        return -ENOSYS;
}

enum { STALLED_BYTES = 0 };

#endif

static const char *metric_name(size_t i)
{
        static const char *const names[] = {[FELL_BEHIND] = "fell_behind",
                                            [NO_BUFFER] = "no_buffer",
                                            [OVERFLOW] = "completions_overflowed"};

        return i < sizeof names / sizeof *names ? names[i] : NULL;
}

static const int system_calls[] = {SYS_io_uring_enter, SYS_io_uring_register, SYS_io_uring_setup, -1};

const struct model model_uring = {
        .name = "uring",
        .summary = "an event loop per CPU, io_uring with multishot receive and provided buffers",
        .listeners = LISTENERS_PER_WORKER,
        .gathers = true,
        .stalled_bytes = STALLED_BYTES,
        .probe = rings_probe,
        .metric_name = metric_name,
        .system_calls = system_calls,
        .serve = uring_serve,
};
