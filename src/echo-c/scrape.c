/* SPDX-License-Identifier: MIT */
#include "echo-c/scrape.h"

#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_MAX = 256 };

enum phase { READING, WRITING, ENDING };

struct scrape {
        int fd; /* -1: none */
        enum phase phase;
        uint64_t end; /* ns: at the latest */
        size_t used;  /* bytes of the request */
        size_t size, sent;
        char request[SCRAPE_REQUEST_MAX], response[HEADER_MAX + METRICS_MAX];
};

static struct {
        int listener;       /* -1: none */
        uint64_t resume_at; /* ns: out of descriptors until then */
        const struct metrics_source *source;
        struct scrape scrapes[SCRAPES_MAX];
} server = {.listener = -1};

static void scrape_close(struct scrape *s)
{
        (void)close(s->fd); /* on Linux the descriptor is gone whatever it returns */
        s->fd = -1;
}

static void respond(struct scrape *s, const char *status, const char *more, bool with_body, size_t body_size)
{
        char head[HEADER_MAX];
        int n = snprintf(head, sizeof head,
                         "HTTP/1.1 %s\r\n%sContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                         "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                         status, more, body_size);

        memmove(s->response + n, s->response + HEADER_MAX, with_body ? body_size : 0);
        memcpy(s->response, head, (size_t)n);
        s->size = (size_t)n + (with_body ? body_size : 0);
        s->phase = WRITING;
}

static void refuse(struct scrape *s, const char *status, const char *more, const char *body)
{
        (void)snprintf(s->response + HEADER_MAX, METRICS_MAX, "%s\n", body);
        respond(s, status, more, true, strlen(body) + 1);
}

/* Answers a request, which is whole. */
static void answer(struct scrape *s)
{
        char *method = s->request, *space = strpbrk(method, " \r\n");
        bool is_head = strncmp(method, "HEAD ", 5) == 0;

        if (!space || *space != ' ') {
                refuse(s, "400 Bad Request", "", "a request begins with a method and a path");
                return;
        }
        char *path = space + 1;
        path[strcspn(path, " ?\r\n")] = '\0';
        if (!is_head && strncmp(method, "GET ", 4) != 0)
                refuse(s, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", "only GET and HEAD");
        else if (strcmp(path, "/metrics") != 0)
                refuse(s, "404 Not Found", "", "the metrics are at /metrics");
        else
                respond(s, "200 OK", "", !is_head, metrics_write(server.source, s->response + HEADER_MAX));
}

static void request_read(struct scrape *s)
{
        ssize_t n = recv(s->fd, s->request + s->used, sizeof s->request - 1 - s->used, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                scrape_close(s);
                return;
        }
        s->used += (size_t)n;
        s->request[s->used] = '\0'; /* a zero byte within ends what is looked at */
        if (strstr(s->request, "\r\n\r\n") || strstr(s->request, "\n\n"))
                answer(s);
        else if (s->used == sizeof s->request - 1)
                refuse(s, "431 Request Header Fields Too Large", "", "a request has at most 4095 bytes");
}

static void response_write(struct scrape *s)
{
        ssize_t n = send(s->fd, s->response + s->sent, s->size - s->sent, MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n < 0) {
                scrape_close(s);
                return;
        }
        s->sent += (size_t)n;
        if (s->sent < s->size)
                return;
        (void)shutdown(s->fd, SHUT_WR); /* ENOTCONN: then it is read to its end as well */
        s->phase = ENDING; /* to close with bytes unread would be a reset, which may overtake the response */
}

static void rest_read(struct scrape *s)
{
        char bytes[1024];
        ssize_t n = recv(s->fd, bytes, sizeof bytes, 0);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                scrape_close(s);
}

static struct scrape *place_find(void)
{
        struct scrape *oldest = &server.scrapes[0];

        for (size_t i = 0; i < SCRAPES_MAX; i++) {
                struct scrape *s = &server.scrapes[i];
                if (s->fd < 0)
                        return s;
                oldest = s->end < oldest->end ? s : oldest;
        }
        scrape_close(oldest);
        return oldest;
}

static void scrape_accept(void)
{
        int fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) { /* nobody, or no descriptor: whatever it is, it can wait */
                server.resume_at = errno == EAGAIN ? 0 : clock_now() + NS_PER_S;
                return;
        }
        struct scrape *s = place_find();
        s->fd = fd;
        s->phase = READING;
        s->end = clock_now() + SCRAPE_MS * NS_PER_MS;
        s->used = s->sent = s->size = 0;
}

void scrape_begin(int listener, const struct metrics_source *source)
{
        server.listener = listener;
        server.source = source;
        for (size_t i = 0; i < SCRAPES_MAX; i++)
                server.scrapes[i].fd = -1;
}

int scrape_prepare(struct pollfd fds[static SCRAPE_POLLS])
{
        uint64_t now = clock_now(), first = UINT64_MAX;

        bool paused = server.resume_at > now;
        fds[0] = (struct pollfd){.fd = paused ? -1 : server.listener, .events = POLLIN};
        if (paused)
                first = server.resume_at;
        for (size_t i = 0; i < SCRAPES_MAX; i++) {
                const struct scrape *s = &server.scrapes[i];
                int fd = server.listener < 0 ? -1 : s->fd;
                fds[1 + i] = (struct pollfd){.fd = fd, .events = s->phase == WRITING ? POLLOUT : POLLIN};
                if (fd >= 0 && s->end < first)
                        first = s->end;
        }
        return first == UINT64_MAX ? -1 : first < now ? 0 : (int)((first - now) / NS_PER_MS + 1);
}

void scrape_handle(const struct pollfd fds[static SCRAPE_POLLS])
{
        uint64_t now = clock_now();

        for (size_t i = 0; i < SCRAPES_MAX; i++) {
                struct scrape *s = &server.scrapes[i];
                if (fds[1 + i].fd < 0)
                        continue;
                if (now >= s->end)
                        scrape_close(s);
                else if (fds[1 + i].revents && s->phase == READING)
                        request_read(s);
                else if (fds[1 + i].revents && s->phase == ENDING)
                        rest_read(s);
                if (s->fd >= 0 && s->phase == WRITING)
                        response_write(s);
        }
        if (fds[0].revents)
                scrape_accept();
}
