/* SPDX-License-Identifier: MIT */
/* The state machine of a connection against a plain model of it. An input chooses a plan, and then what happens: time
 * passes, it connects, requests fall due, bytes are sent and received, right or wrong ones in any pieces, the server closes
 * or resets. After each event the model says what the next step, the bytes to be sent and all counts have to be.
 *
 * The model knows requests as a list, bytes as they were sent and received, and what came of earlier connections as a
 * history; it has no partial states of its own, such as how much of a terminator has matched. */
#include "fuzz.h"

#include "load/connection.h"

#include "base/clock.h"

#include <errno.h>

enum { DEPTH_MAX = 3, REQUEST_MAX = 20, CHUNK_MAX = 48, TAIL_MAX = 8, INDEX = 1, CONNECTIONS = 4 };
#define CONNECT_TIMEOUT (50 * NS_PER_MS)
#define REQUEST_TIMEOUT (80 * NS_PER_MS)
#define RETRY (100 * NS_PER_MS)
#define WINDOW (NS_PER_S)

static const char *const endings[] = {"a", "ab", "aab", "abab", "aabaa"};
static const uint8_t fixed[REQUEST_MAX] = "abracadabra, abracad";

struct sum {
        uint64_t count, max;
};

static struct model {
        enum connection_state state;
        uint64_t since, connect_began, life, answered; /* since it was opened */
        bool greeted;
        uint64_t sequence, due, next; /* due: that have fallen due; next: the first that has not begun */
        struct {
                uint64_t sequence, arrival, begun;
        } queue[DEPTH_MAX]; /* in flight */
        size_t count, unsent;
        size_t got; /* bytes of the next reply, or of the greeting, and the last of them */
        uint8_t tail[TAIL_MAX];
        struct {
                uint64_t replies, closes, resets;
        } ends; /* of the last connections, all after as many replies */
        uint64_t begun, ended, abandoned, answers, answers_late, early, errors, mismatches, timeouts;
        uint64_t closed_by_server, wrong_at_first, attempts, opened, opened_in_window, due_in_window,
                begun_in_window;
        struct sum latency, service, lag, first_byte, connects, failures;
} m;

static struct plan plan;
static struct recorder r;
static struct connection c;
static struct times times[DEPTH_MAX];
static uint64_t now;
static const uint8_t *input, *input_end;

static unsigned next_byte(void)
{
        return input < input_end ? *input++ : 0;
}

static void record(struct sum *s, uint64_t value)
{
        s->count++;
        s->max = value > s->max ? value : s->max;
}

static uint64_t due_at(uint64_t arrival)
{
        return r.load_begin + plan_due(&plan, arrival);
}

static uint64_t request_due(size_t i)
{
        return plan.rate > 0 ? due_at(m.queue[i].arrival) : m.queue[i].begun;
}

static size_t reply_size(void)
{
        return plan.reply == REPLY_ECHO ? plan.request_bytes : plan.reply_bytes;
}

static enum step model_begin(void)
{
        bool any = false;

        while (now < r.window_end && m.greeted && m.count < plan.depth && m.answered + m.count < m.life &&
               (plan.rate == 0 || m.next < m.due)) {
                if (m.count == 0)
                        m.since = now;
                m.queue[m.count].sequence = ++m.sequence;
                m.queue[m.count].arrival = plan.rate > 0 ? plan_arrival(&plan, INDEX, m.next++, 0) : 0;
                m.queue[m.count++].begun = now;
                m.begun_in_window += plan.rate > 0 && request_due(m.count - 1) >= r.window_begin;
                m.unsent += plan.request_bytes;
                m.begun++;
                m.state = CONNECTION_BUSY;
                any = true;
        }
        return any ? STEP_SEND : STEP_WAIT;
}

static enum step model_end(enum step step)
{
        if (m.state == CONNECTION_CONNECTING) {
                m.attempts++;
                record(&m.failures, now - m.since);
        }
        m.abandoned += now < r.window_end ? m.count : 0;
        m.count = m.unsent = m.got = 0;
        m.state = CONNECTION_CLOSED;
        m.since = step == STEP_REOPEN ? now : now + RETRY;
        return step;
}

static enum step model_closed_by_server(void)
{
        m.closed_by_server++;
        m.begun -= now < r.window_end ? m.count : 0;
        for (size_t i = 0; i < m.count && plan.rate > 0; i++)
                m.begun_in_window -= request_due(i) >= r.window_begin;
        m.next -= plan.rate > 0 ? m.count : 0;
        m.count = 0;
        return model_end(STEP_REOPEN);
}

/* Resets are the server's habit once it has closed twice after as many replies, and errors else. */
static enum step model_between_replies(bool reset)
{
        if (m.ends.replies != m.answered) {
                m.ends.replies = m.answered;
                m.ends.closes = m.ends.resets = 0;
        }
        if (reset && m.ends.closes < 2) {
                m.ends.resets++;
                m.errors++;
                return model_end(STEP_REOPEN);
        }
        if (!reset && ++m.ends.closes == 2) {
                m.errors -= m.ends.resets;
                m.closed_by_server += m.ends.resets;
        }
        return model_closed_by_server();
}

static enum step model_mismatch(void)
{
        m.mismatches++;
        m.wrong_at_first += m.answered == 0 && m.got == 0;
        return model_end(STEP_CLOSE);
}

static void model_request_end(uint64_t came)
{
        uint64_t due = request_due(0), service = came - m.queue[0].begun;
        bool open_loop = plan.rate > 0, in_window = (open_loop ? due : came) >= r.window_begin,
             late = came >= r.window_end;

        m.early += m.unsent > (m.count - 1) * plan.request_bytes;
        m.count--;
        memmove(m.queue, m.queue + 1, m.count * sizeof *m.queue);
        m.answered++;
        m.got = 0;
        m.since = came;
        m.state = m.count > 0 ? CONNECTION_BUSY : CONNECTION_IDLE;
        m.ended += !late;
        m.answers += in_window && !late;
        m.answers_late += in_window && late;
        if (in_window && (!late || open_loop))
                record(&m.latency, came - due);
        if (in_window && open_loop)
                record(&m.service, service);
}

/* Returns whether what has come ends with the text. */
static bool ends_with(const void *end, size_t size, uint8_t byte)
{
        memmove(m.tail, m.tail + 1, TAIL_MAX - 1);
        m.tail[TAIL_MAX - 1] = byte;
        m.got++;
        return m.got >= size && memcmp(m.tail + TAIL_MAX - size, end, size) == 0;
}

static enum step model_greeting(const uint8_t *bytes, size_t size)
{
        for (size_t i = 0; i < size && !m.greeted; i++)
                m.greeted = !plan.greeting_end || ends_with(plan.greeting_end, plan.greeting_bytes, bytes[i]);
        if (!m.greeted)
                return STEP_WAIT;
        m.got = 0; /* what comes in one piece with its end is part of it */
        return now >= r.load_begin ? model_begin() : STEP_WAIT;
}

static enum step model_received(const uint8_t *bytes, size_t size, uint64_t came)
{
        if (!m.greeted)
                return model_greeting(bytes, size);
        if (came < m.since || came > now)
                came = now;
        if (m.answered == 0 && m.got == 0 && m.connect_began >= r.window_begin && came < r.window_end &&
            m.count > 0)
                record(&m.first_byte, came - m.connect_began);
        for (size_t i = 0, n; i < size; i += n) {
                bool complete = false;
                size_t rest = reply_size() - m.got;
                if (m.count == 0)
                        return model_mismatch();
                if (plan.reply == REPLY_UNTIL) {
                        for (n = 0; i + n < size && !complete; n++)
                                complete = ends_with(plan.reply_text, plan.reply_bytes, bytes[i + n]);
                } else {
                        n = size - i < rest ? size - i : rest;
                        const uint8_t *right = payload_reply(r.payload, INDEX, m.queue[0].sequence) + m.got;
                        bool wrong = plan.verify && plan.reply != REPLY_BYTES &&
                                     memcmp(right, bytes + i, n) != 0;
                        if (wrong || (size - i > rest && m.count == 1))
                                return model_mismatch();
                        m.got += n;
                        complete = n == rest;
                }
                if (complete)
                        model_request_end(came);
        }
        if (m.answered == m.life)
                return model_end(STEP_REOPEN);
        return model_begin();
}

/* Compares all that can be seen. */
static void check_counts(void)
{
        assert(c.state == m.state && c.in_flight == m.count && r.busy == m.count);
        assert(r.open == (m.state >= CONNECTION_IDLE) && r.attempts == m.attempts && r.opened == m.opened);
        assert(r.opened_in_window == m.opened_in_window && r.begun == m.begun && r.ended == m.ended);
        assert(r.abandoned == m.abandoned && r.answered == m.answers && c.replies == m.answers);
        assert(r.answered_late == m.answers_late && r.early == m.early);
        assert(errors_mismatches(&r.errors) == m.mismatches && r.errors.timeout == m.timeouts);
        assert(errors_total(&r.errors) == m.errors + m.mismatches + m.timeouts);
        assert(r.closed_by_server == m.closed_by_server && r.wrong_at_first == m.wrong_at_first);
        assert(r.backlog == m.due - m.next && r.due_in_window == m.due_in_window);
        assert(r.begun_in_window == m.begun_in_window);
        assert(connection_is_due(&c, now) == (m.state == CONNECTION_CLOSED && now >= m.since));
        assert(connection_oldest(&c, &r, now) == (m.count > 0 ? now - request_due(0) : 0));
}

static void check_times(void)
{
        const struct {
                const struct histogram *histogram;
                const struct sum *sum;
        } pairs[] = {{r.latency, &m.latency},          {r.service_time, &m.service},
                     {r.schedule_lag, &m.lag},         {r.first_byte_latency, &m.first_byte},
                     {r.connect_latency, &m.connects}, {r.connect_failure_latency, &m.failures}};

        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
                assert(histogram_count(pairs[i].histogram) == pairs[i].sum->count &&
                       histogram_max(pairs[i].histogram) == pairs[i].sum->max);
}

/* The unsent bytes are the last ones of the requests begun. */
static void check_unsent(void)
{
        struct iovec vectors[CHUNK_MAX];
        const uint8_t *bytes;
        size_t size = plan.request_bytes, place = 0,
               count = connection_unsent_all(&c, &r, vectors, CHUNK_MAX);
        size_t one = connection_unsent(&c, &r, &bytes);

        assert(one == (m.unsent > 0 ? (m.unsent - 1) % size + 1 : 0) &&
               (one == 0 || bytes == vectors->iov_base));
        for (size_t i = 0; i < count; i++)
                for (size_t k = 0; k < vectors[i].iov_len; k++, place++) {
                        size_t left = m.unsent - place;
                        uint64_t sequence = m.sequence - (left - 1) / size;
                        assert(place < m.unsent);
                        assert(((const uint8_t *)vectors[i].iov_base)[k] ==
                               payload_window(r.payload, INDEX, sequence)[size - 1 - (left - 1) % size]);
                }
        assert(place == m.unsent || count == CHUNK_MAX);
}

/* The right bytes, and what is beyond them; for replies that end with a text, such as might. */
static size_t bytes_make(uint8_t bytes[static CHUNK_MAX])
{
        size_t size = next_byte() % CHUNK_MAX + 1, place = m.got;
        unsigned wrong = next_byte();

        for (size_t i = 0; i < size; i++, place++) {
                size_t request = place / reply_size();
                bytes[i] = next_byte() % 2 ? 'a' : 'b';
                if (m.greeted && plan.reply != REPLY_UNTIL && request < m.count)
                        bytes[i] = payload_reply(r.payload, INDEX,
                                                 m.queue[request].sequence)[place % reply_size()];
        }
        if (wrong >= 128 && m.greeted)
                bytes[wrong % size] ^= 1;
        return size;
}

static void receive(void)
{
        uint8_t bytes[CHUNK_MAX];
        uint64_t came = plan.depth == 1 ? now - next_byte() % 4 * NS_PER_MS : now;
        size_t size = bytes_make(bytes);

        if (c.state < CONNECTION_IDLE)
                return;
        enum step step = connection_received(&c, &r, bytes, size, came, now);
        assert(step == model_received(bytes, size, came));
}

static void connect_or_fail(void)
{
        unsigned how = next_byte() % 4;

        if (connection_is_due(&c, now)) {
                connection_connecting(&c, now);
                m.state = CONNECTION_CONNECTING;
                m.since = m.connect_began = now;
                m.answered = 0;
        } else if (c.state == CONNECTION_CONNECTING && how == 0) {
                connection_postponed(&c, now);
                m.state = CONNECTION_CLOSED;
                m.since = now + RETRY;
        } else if (c.state == CONNECTION_CONNECTING) {
                enum step step = connection_opened(&c, &r, now);
                assert(plan.requests_per_connection == 0 ? c.life == UINT64_MAX
                       : r.load_begin == UINT64_MAX ? c.life >= 1 && c.life <= plan.requests_per_connection
                                                    : c.life == plan.requests_per_connection);
                record(&m.connects, now - m.since);
                m.life = c.life;
                m.greeted = !plan.greets;
                m.state = CONNECTION_IDLE;
                m.since = now;
                m.attempts++;
                m.opened++;
                m.opened_in_window += now >= r.window_begin && now < r.window_end;
                assert(step == (now >= r.load_begin ? model_begin() : STEP_WAIT));
        }
}

static void fail_or_close(void)
{
        static const int causes[] = {ECONNRESET, EPIPE, ETIMEDOUT, ECONNREFUSED};
        unsigned how = next_byte();
        int cause = causes[how % 4];
        enum step step, right;

        if (c.state == CONNECTION_CLOSED)
                return;
        bool between = m.answered > 0 && m.got == 0 && m.state != CONNECTION_CONNECTING;
        if (how < 128 || c.state == CONNECTION_CONNECTING) {
                step = connection_failed(&c, &r, how & 4 ? PHASE_SEND : PHASE_RECEIVE, cause, now);
                between = between && (cause == ECONNRESET || cause == EPIPE);
        } else {
                step = connection_closed(&c, &r, how & 1, now);
                between = between && (m.count == 0 || !(how & 1));
        }
        if (between) {
                right = model_between_replies(how < 128);
        } else {
                m.errors++;
                right = model_end(STEP_CLOSE);
        }
        assert(step == right);
}

static void check_limits(void)
{
        uint64_t waited = now - (m.since < now ? m.since : now);
        bool waits = m.state == CONNECTION_BUSY || (m.state == CONNECTION_IDLE && !m.greeted);
        bool late = (waits && waited > REQUEST_TIMEOUT) ||
                    (m.state == CONNECTION_CONNECTING && waited > CONNECT_TIMEOUT);
        enum step step = connection_check(&c, &r, now);

        m.timeouts += late && waits;
        m.errors += late && !waits;
        assert(step == (late ? model_end(STEP_CLOSE) : STEP_WAIT));
}

static void send_some(void)
{
        size_t size = next_byte();

        if (m.unsent == 0 && m.count == 1 && plan.depth == 1) {
                size %= plan.request_bytes;
                connection_sent_part(&c, &r, size);
                m.unsent = plan.request_bytes - size;
                return;
        }
        size = size < m.unsent ? size : m.unsent;
        connection_sent(&c, &r, size);
        m.unsent -= size;
}

/* The load begins, or requests fall due as time goes by. */
static void begin_or_fall_due(void)
{
        if (r.load_begin == UINT64_MAX) {
                r.load_begin = now;
                r.window_begin = now + plan.warmup;
                r.window_end = r.window_begin + WINDOW;
        }
        if (plan.rate == 0) {
                if (c.state >= CONNECTION_IDLE) {
                        enum step step = connection_begin(&c, &r, now);
                        assert(step == model_begin());
                }
                return;
        }
        uint64_t due = due_at(plan_arrival(&plan, INDEX, m.due, 0));
        if (due > now)
                return;
        bool may = m.state == CONNECTION_IDLE || (m.state == CONNECTION_BUSY && m.count < plan.depth);
        enum step step = connection_fall_due(&c, &r, now);
        m.due++;
        m.due_in_window += due >= r.window_begin;
        assert(step == (may ? model_begin() : STEP_WAIT));
        if (step == STEP_SEND && due >= r.window_begin)
                record(&m.lag, now - due);
}

static void plan_choose(void)
{
        unsigned how = next_byte(), more = next_byte(),
                 ending = next_byte() % (sizeof endings / sizeof *endings);

        plan = (struct plan){.request_bytes = next_byte() % REQUEST_MAX + 1,
                             .depth = how % DEPTH_MAX + 1,
                             .connections = CONNECTIONS,
                             .requests_per_connection = next_byte() % 4,
                             .rate = more & 1 ? 80 : 0,
                             .quantum = more & 2 ? 70 * NS_PER_MS : 0,
                             .greets = more & 4,
                             .verify = !(more & 8),
                             .warmup = more & 16 ? 100 * NS_PER_MS : 0,
                             .request = more & 32 ? fixed : NULL,
                             .reply = (enum reply)(how / DEPTH_MAX % (REPLY_UNTIL + 1)),
                             .duration = WINDOW,
                             .connect_timeout = CONNECT_TIMEOUT,
                             .request_timeout = REQUEST_TIMEOUT};
        plan.reply_text = (const uint8_t *)endings[ending];
        plan.reply_bytes = (uint32_t)strlen(endings[ending]);
        if (more & 64) {
                plan.greeting_end = plan.reply_text;
                plan.greeting_bytes = plan.reply_bytes;
        }
        if (plan.reply == REPLY_ECHO)
                plan.reply_text = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static void (*const events[])(void) = {connect_or_fail,   receive,       send_some,
                                               begin_or_fall_due, fail_or_close, check_limits};
        enum { EVENTS = sizeof events / sizeof *events };

        input = data, input_end = data + size;
        plan_choose();
        struct payload *payload = payload_create_for(&plan);
        int error = recorder_init(&r, &plan, payload);
        assert(payload && error == 0);
        m = (struct model){.greeted = true};
        connection_init(&c, &plan, INDEX, plan.depth > 1 ? times : NULL);
        now = NS_PER_S;
        while (input < input_end) {
                unsigned event = next_byte();
                now += event / EVENTS * NS_PER_MS;
                events[event % EVENTS]();
                check_counts();
                check_times();
                check_unsent();
        }
        recorder_fini(&r);
        payload_destroy(payload);
        return 0;
}
