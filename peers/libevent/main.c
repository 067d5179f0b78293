/* SPDX-License-Identifier: MIT */
/* A TCP echo server (RFC 862) on libevent: one event base, on one thread.
 *
 * It has the shape of the echo server in libevent's book: an evconnlistener, a bufferevent per connection,
 * and evbuffer_add_buffer(), which moves the input's memory to the output and copies nothing. It differs in
 * two ways. The book's example drops what is unsent when the client has finished sending; here it is sent
 * first. And it goes on reading from a client that does not read, until memory runs out; here reading stops
 * at OUTPUT_MAX, as in libevent's sample/le-proxy.c. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

enum {
        BACKLOG = 65535,         /* as large as it gets: the kernel lowers it to net.core.somaxconn */
        OUTPUT_MAX = 512 * 1024, /* bytes that a client may leave unread */
};

static void closed_when_sent(struct bufferevent *connection, void *unused)
{
        (void)unused;
        bufferevent_free(connection);
}

static void received(struct bufferevent *connection, void *unused)
{
        struct evbuffer *output = bufferevent_get_output(connection);

        (void)unused;
        if (evbuffer_add_buffer(output, bufferevent_get_input(connection)) != 0)
                bufferevent_free(connection);
        else if (evbuffer_get_length(output) > OUTPUT_MAX)
                (void)bufferevent_disable(connection, EV_READ); /* sent() begins again */
}

static void sent(struct bufferevent *connection, void *unused)
{
        (void)unused;
        if (!(bufferevent_get_enabled(connection) & EV_READ) && bufferevent_enable(connection, EV_READ) != 0)
                bufferevent_free(connection);
}

static void ended(struct bufferevent *connection, short events, void *unused)
{
        (void)unused;
        if ((events & BEV_EVENT_EOF) && evbuffer_get_length(bufferevent_get_output(connection)) > 0)
                bufferevent_setcb(connection, NULL, closed_when_sent, ended, NULL);
        else if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
                bufferevent_free(connection);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size,
                     void *unused)
{
        struct bufferevent *connection = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
                                                                BEV_OPT_CLOSE_ON_FREE);

        (void)address, (void)size, (void)unused;
        if (!connection) {
                (void)evutil_closesocket(fd); /* the connection that there is no memory for */
                return;
        }
        bufferevent_setcb(connection, received, sent, ended, NULL);
        if (bufferevent_enable(connection, EV_READ | EV_WRITE) != 0)
                bufferevent_free(connection);
}

static void accept_again(evutil_socket_t unused, short events, void *listener)
{
        (void)unused, (void)events;
        (void)evconnlistener_enable(listener); /* fails as little as it did at the start */
}

/* Most likely out of descriptors: wait for some connections to close. Without this callback, libevent would
 * report the same error as fast as it can. */
static void accept_failed(struct evconnlistener *listener, void *unused)
{
        static const struct timeval pause = {.tv_usec = 100 * 1000};

        (void)unused;
        fprintf(stderr, "echo-libevent: accept: %s\n", evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
        if (evconnlistener_disable(listener) != 0 ||
            event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, accept_again, listener,
                            &pause) != 0)
                exit(1); /* out of memory as well */
}

/* NULL, and in *why what went wrong. */
static struct evconnlistener *listen_on(struct event_base *base, const char *host, const char *port,
                                        const char **why)
{
        const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
        struct addrinfo *found;
        int error = evutil_getaddrinfo(host, port, &hints, &found);

        if (error) {
                *why = evutil_gai_strerror(error);
                return NULL;
        }
        struct evconnlistener *listener = evconnlistener_new_bind(
                base, accepted, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE, BACKLOG, found->ai_addr,
                (int)found->ai_addrlen);
        if (!listener)
                *why = evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR());
        evutil_freeaddrinfo(found);
        return listener;
}

static bool is_port(const char *text)
{
        return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) <= 5 &&
               atoi(text) <= 65535;
}

int main(int argc, char **argv)
{
        const char *host = argc > 1 ? argv[1] : "127.0.0.1", *port = argc > 2 ? argv[2] : "1234";
        const char *why = "no event base";

        if (argc > 3 || *host == '-' || !is_port(port)) {
                fprintf(stderr, "usage: echo-libevent [HOST [PORT]]\n");
                return 2;
        }
        struct event_base *base = event_base_new();
        struct evconnlistener *listener = base ? listen_on(base, host, port, &why) : NULL;
        if (!listener) {
                fprintf(stderr, "echo-libevent: cannot listen on %s port %s: %s\n", host, port, why);
                return 1;
        }
        evconnlistener_set_error_cb(listener, accept_failed);
        fprintf(stderr, "echo-libevent: listening on %s port %s\n", host, port);
        return event_base_dispatch(base) == 0 ? 0 : 1;
}
