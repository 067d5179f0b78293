/* SPDX-License-Identifier: MIT */
/* fake_server: an echo server with a fault, for the tests of bench.
 *
 *      fake_server MODE [-p PORT] [-w 4|6] [-s BYTES] [-e EVERY] [-a AFTER]
 *
 * It listens on 127.0.0.1 (port 0: any), or with -w on every address (6: of both families), prints the port, and
 * takes each request of BYTES as one. A fault befalls every EVERY-th reply of a connection; `exit` and `kill` come
 * after AFTER replies in all; `crowd` opens AFTER listeners. A thread per connection and blocking calls: nothing
 * here is fast. It ends by itself after two minutes, should its test forget it. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { LIFE_S = 120, EXIT_STATUS = 7, SLOW_US = 1000 };

/* One request has been received; sends what the mode makes of it. Returns false to end the connection. */
typedef bool answer_function(int fd, uint8_t *request, size_t size, unsigned long number);

static unsigned long every = 5, after = 1000;
static size_t request_bytes = 1024;
static char wildcard; /* 4 or 6: listens on every address */
static answer_function *answer;
static atomic_ulong answered;

static bool send_all(int fd, const void *bytes, size_t size)
{
        const char *at = bytes;

        while (size > 0) {
                ssize_t n = send(fd, at, size, MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return false;
                at += n;
                size -= (size_t)n;
        }
        return true;
}

static bool echo(int fd, uint8_t *request, size_t size, unsigned long number)
{
        (void)number;
        return send_all(fd, request, size);
}

/* Says more about it than a pipe holds that is emptied now and then. */
static bool chatter(int fd, uint8_t *request, size_t size, unsigned long number)
{
        static const char words[8192] = "One more request has been received, and here is what I think of it:";

        (void)number;
        return write(STDERR_FILENO, words, sizeof words) == sizeof words && send_all(fd, request, size);
}

static bool silent(int fd, uint8_t *request, size_t size, unsigned long number)
{
        (void)fd, (void)request, (void)size, (void)number;
        return true;
}

/* So a connection has at most 1000 replies per second, whatever the machine. */
static bool slow(int fd, uint8_t *request, size_t size, unsigned long number)
{
        (void)number;
        (void)usleep(SLOW_US);
        return send_all(fd, request, size);
}

/* Every EVERY-th reply stays half. */
static bool half(int fd, uint8_t *request, size_t size, unsigned long number)
{
        return send_all(fd, request, number % every ? size : size / 2);
}

static bool corrupt(int fd, uint8_t *request, size_t size, unsigned long number)
{
        if (number % every == 0)
                request[size / 2] ^= 0x10;
        return send_all(fd, request, size);
}

static bool lose(int fd, uint8_t *request, size_t size, unsigned long number)
{
        size_t lost = number % every == 0;

        memmove(request + size / 2, request + size / 2 + lost, size - size / 2 - lost);
        return send_all(fd, request, size - lost);
}

/* A byte comes twice, and the last one not at all. */
static bool repeat(int fd, uint8_t *request, size_t size, unsigned long number)
{
        if (number % every == 0)
                memmove(request + size / 2 + 1, request + size / 2, size - size / 2 - 1);
        return send_all(fd, request, size);
}

static bool surplus(int fd, uint8_t *request, size_t size, unsigned long number)
{
        request[size] = 'x'; /* there is room for it */
        return send_all(fd, request, size + (number % every == 0));
}

/* The latest request of any other connection. */
static bool foreign(int fd, uint8_t *request, size_t size, unsigned long number)
{
        static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
        static uint8_t *latest;
        static int owner = -1;

        (void)pthread_mutex_lock(&lock); /* a plain mutex: cannot fail */
        if (!latest)
                latest = calloc(1, size);
        bool planted = number % every == 0 && latest && owner >= 0 && owner != fd;
        if (!planted && latest) {
                memcpy(latest, request, size);
                owner = fd;
        }
        bool sent = send_all(fd, planted ? latest : request, size);
        (void)pthread_mutex_unlock(&lock);
        return sent;
}

/* Answers each request after its first bytes, which is when it is called, then reads the rest of EVERY MiB and
 * looks whether it is whole: each byte is its place, modulo 251. */
static bool early(int fd, uint8_t *request, size_t size, unsigned long number)
{
        size_t whole = every << 20, at = size;
        uint8_t bytes[4096];
        bool right = true;

        (void)number;
        for (size_t i = 0; i < size; i++)
                right &= request[i] == i % 251;
        if (!send_all(fd, "k\n", 2))
                return false;
        (void)usleep(SLOW_US * 5);
        while (at < whole) {
                ssize_t n = recv(fd, bytes, whole - at < sizeof bytes ? whole - at : sizeof bytes, 0);
                if (n <= 0)
                        return false;
                for (ssize_t i = 0; i < n; i++, at++)
                        right &= bytes[i] == at % 251;
        }
        if (!right)
                (void)fputs("CORRUPT\n", stderr);
        return true;
}

static bool close_after(int fd, uint8_t *request, size_t size, unsigned long number)
{
        return send_all(fd, request, size) && number % every;
}

/* Closing with SO_LINGER of 0 seconds sends a reset. */
static bool reset(int fd, uint8_t *request, size_t size, unsigned long number)
{
        const struct linger now = {.l_onoff = 1};

        (void)request, (void)size, (void)number;
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return false;
}

static bool exit_after(int fd, uint8_t *request, size_t size, unsigned long number)
{
        (void)number;
        if (atomic_fetch_add(&answered, 1) >= after)
                _exit(EXIT_STATUS);
        return send_all(fd, request, size);
}

static bool kill_after(int fd, uint8_t *request, size_t size, unsigned long number)
{
        (void)number;
        if (atomic_fetch_add(&answered, 1) >= after)
                (void)raise(SIGKILL);
        return send_all(fd, request, size);
}

static const struct {
        const char *name;
        answer_function *answer; /* NULL: connections are not served at all */
} modes[] = {
        {"echo", echo},         {"silent", silent}, {"half", half},       {"corrupt", corrupt},
        {"lose", lose},         {"repeat", repeat}, {"surplus", surplus}, {"foreign", foreign},
        {"close", close_after}, {"reset", reset},   {"exit", exit_after}, {"kill", kill_after},
        {"shut", NULL},  /* closes what it accepts at once */
        {"deaf", NULL},  /* accepts and never reads */
        {"queue", NULL}, /* never accepts; the queue holds one connection */
        {"early", early},       {"slow", slow},     {"early-exit", NULL}, {"no-listener", NULL},
        {"chatter", chatter},   {"crowd", NULL},    {"late", echo}, /* listens after half a second */
};

static void *connection_serve(void *argument)
{
        int fd = (int)(intptr_t)argument;
        uint8_t *request = malloc(request_bytes + 1);

        for (unsigned long number = 1; request; number++) {
                size_t received = 0;
                while (received < request_bytes) {
                        ssize_t n = recv(fd, request + received, request_bytes - received, 0);
                        if (n < 0 && errno == EINTR)
                                continue;
                        if (n <= 0)
                                goto close_connection;
                        received += (size_t)n;
                }
                if (!answer(fd, request, request_bytes, number))
                        break;
        }
close_connection:
        free(request);
        (void)close(fd);
        return NULL;
}

/* Exits if it cannot listen. With a port of 0, any. */
static int listener_open(in_port_t port, int backlog)
{
        union {
                struct sockaddr any;
                struct sockaddr_in v4;
                struct sockaddr_in6 v6;
        } a = {.v4 = {.sin_family = AF_INET,
                      .sin_port = htons(port),
                      .sin_addr.s_addr = wildcard == '4' ? INADDR_ANY : htonl(INADDR_LOOPBACK)}};
        socklen_t size = sizeof a.v4;

        if (wildcard == '6') {
                size = sizeof a.v6;
                a.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        }
        int fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) != 0 ||
            setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int)) != 0 ||
            bind(fd, &a.any, size) != 0 || listen(fd, backlog) != 0 || getsockname(fd, &a.any, &size) != 0) {
                perror("fake_server: cannot listen");
                exit(1);
        }
        printf("%u\n", ntohs(a.v4.sin_port)); /* which is where IPv6's is */
        (void)fflush(stdout);                 /* its reader may have gone, which is no matter */
        return fd;
}

/* AFTER listening TCP sockets and as many abstract unix ones. */
static void crowd_listen(void)
{
        for (unsigned long i = 0; i < after; i++) {
                struct sockaddr_un a = {.sun_family = AF_UNIX};
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                (void)snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "crowd.%d.%lu", (int)getpid(), i);
                if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1) != 0) {
                        perror("fake_server: cannot listen");
                        exit(1);
                }
                (void)listener_open(0, 1);
        }
}

static void __attribute__((noreturn)) connections_accept(int listener, const char *mode)
{
        pthread_attr_t attributes;
        pthread_t thread;

        (void)pthread_attr_init(&attributes); /* cannot fail on Linux, nor can the two below */
        (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        (void)pthread_attr_setstacksize(&attributes, 64 * 1024);
        for (;;) {
                int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
                if (fd < 0)
                        continue;
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
                if (strcmp(mode, "shut") == 0)
                        (void)close(fd);
                else if (answer &&
                         pthread_create(&thread, &attributes, connection_serve, (void *)(intptr_t)fd) != 0)
                        (void)close(fd);
        }
}

int main(int argc, char **argv)
{
        in_port_t port = 0;
        size_t mode = 0;
        int option;

        if (argc < 2)
                return 2;
        while (mode < sizeof modes / sizeof *modes && strcmp(argv[1], modes[mode].name) != 0)
                mode++;
        if (mode == sizeof modes / sizeof *modes) {
                fprintf(stderr, "fake_server: there is no mode '%s'\n", argv[1]);
                return 2;
        }
        while ((option = getopt(argc - 1, argv + 1, "p:s:e:a:w:")) != -1)
                switch (option) {
                case 'p':
                        port = (in_port_t)strtoul(optarg, NULL, 10);
                        break;
                case 'w':
                        wildcard = *optarg;
                        break;
                case 's':
                        request_bytes = strtoul(optarg, NULL, 10);
                        break;
                case 'e':
                        every = strtoul(optarg, NULL, 10);
                        break;
                case 'a':
                        after = strtoul(optarg, NULL, 10);
                        break;
                default:
                        return 2;
                }
        (void)alarm(LIFE_S);
        answer = modes[mode].answer;
        if (strcmp(argv[1], "early-exit") == 0) {
                fprintf(stderr, "fake_server: today I will not serve\n");
                return 4;
        }
        if (strcmp(argv[1], "crowd") == 0)
                crowd_listen();
        if (strcmp(argv[1], "no-listener") == 0 || strcmp(argv[1], "crowd") == 0)
                for (;;)
                        (void)pause();
        if (strcmp(argv[1], "late") == 0)
                (void)usleep(500000);
        int listener = listener_open(port, strcmp(argv[1], "queue") == 0 ? 0 : SOMAXCONN);
        if (strcmp(argv[1], "queue") == 0)
                for (;;)
                        (void)pause();
        connections_accept(listener, argv[1]);
}
