/* SPDX-License-Identifier: MIT */
/* A TCP echo server (RFC 862) on libuv: one loop, on one thread.
 *
 * It has the shape of libuv's own guide (docs/code/tcp-echo-server): uv_read_start() once per connection, and
 * a uv_write() for what each read brought. It differs in two ways. The guide allocates 64 KiB per read; here
 * each connection has one buffer for its life. And the guide goes on reading from a client that does not
 * read, until memory runs out; here reading stops until the buffer has been sent. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

enum {
        BACKLOG = 65535,     /* as large as it gets: the kernel lowers it to net.core.somaxconn */
        BUFFER_SIZE = 65536, /* what libuv suggests; pages that nothing was read into take no memory */
};

struct connection {
        uv_tcp_t tcp;
        uv_write_t write;
        bool is_writing; /* `write` and `buffer` are libuv's until written() */
        bool is_stopped;
        char buffer[BUFFER_SIZE];
};

static void closed(uv_handle_t *tcp)
{
        free(tcp->data);
}

static void connection_close(struct connection *c)
{
        if (!uv_is_closing((uv_handle_t *)&c->tcp))
                uv_close((uv_handle_t *)&c->tcp, closed);
}

/* Without a buffer, libuv reports UV_ENOBUFS instead of reading, and asks again in the loop's next turn, when
 * written() has run. That happens after reads that filled the buffer: there may be more, and libuv looks at
 * once. */
static void buffer_offer(uv_handle_t *tcp, size_t suggested, uv_buf_t *buf)
{
        struct connection *c = tcp->data;

        (void)suggested;
        *buf = uv_buf_init(c->buffer, c->is_writing ? 0 : BUFFER_SIZE);
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void written(uv_write_t *request, int status)
{
        struct connection *c = request->data;

        c->is_writing = false;
        if (uv_is_closing((uv_handle_t *)&c->tcp))
                return;
        if (status < 0) {
                connection_close(c);
        } else if (c->is_stopped) {
                c->is_stopped = false;
                if (uv_read_start((uv_stream_t *)&c->tcp, buffer_offer, received) != 0)
                        connection_close(c);
        }
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
        struct connection *c = stream->data;

        if (n == 0 || n == UV_ENOBUFS)
                return;
        /* At the end of the stream nothing is pending: it is read only after all before it has been sent. */
        uv_buf_t reply = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);
        if (n < 0 || uv_write(&c->write, stream, &reply, 1, written) != 0) {
                connection_close(c);
                return;
        }
        c->is_writing = true;
        /* uv_write() has sent what the socket took. Stopping after each read would cost a system call. */
        if (uv_stream_get_write_queue_size(stream) > 0) {
                c->is_stopped = true;
                (void)uv_read_stop(stream); /* cannot fail */
        }
}

static void connected(uv_stream_t *listener, int status)
{
        if (status < 0) {
                /* Out of descriptors; libuv has closed the connections that it had none for. */
                fprintf(stderr, "echo-libuv: accept: %s\n", uv_strerror(status));
                return;
        }
        struct connection *c = malloc(sizeof *c);
        if (!c) {
                /* The connection waits, and libuv accepts no other, which the guide's example does not avoid
                 * either. */
                fprintf(stderr, "echo-libuv: out of memory\n");
                exit(1);
        }
        c->is_writing = c->is_stopped = false;
        (void)uv_tcp_init(listener->loop, &c->tcp); /* makes no system call, cannot fail */
        c->tcp.data = c->write.data = c;
        if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0 ||
            uv_read_start((uv_stream_t *)&c->tcp, buffer_offer, received) != 0)
                connection_close(c);
}

/* 0, or a negative libuv error. */
static int listen_on(uv_tcp_t *listener, const char *host, const char *port)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
        uv_getaddrinfo_t resolved;
        uv_loop_t *loop = uv_default_loop();
        int error = uv_getaddrinfo(loop, &resolved, NULL, host, port, &hints);

        if (!error)
                error = uv_tcp_init(loop, listener);
        if (!error)
                error = uv_tcp_bind(listener, resolved.addrinfo->ai_addr, 0);
        if (!error)
                error = uv_listen((uv_stream_t *)listener, BACKLOG, connected);
        return error;
}

static bool is_port(const char *text)
{
        return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 5 &&
               atoi(text) <= 65535;
}

int main(int argc, char **argv)
{
        const char *host = argc > 1 ? argv[1] : "127.0.0.1", *port = argc > 2 ? argv[2] : "1234";
        uv_tcp_t listener;

        if (argc > 3 || *host == '-' || !is_port(port)) {
                fprintf(stderr, "usage: echo-libuv [HOST [PORT]]\n");
                return 2;
        }
        int error = listen_on(&listener, host, port);
        if (error) {
                fprintf(stderr, "echo-libuv: cannot listen on %s port %s: %s\n", host, port,
                        uv_strerror(error));
                return 1;
        }
        fprintf(stderr, "echo-libuv: listening on %s port %s\n", host, port);
        return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
