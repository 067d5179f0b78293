/* SPDX-License-Identifier: MIT */
/* Every model over real sockets. An input is what a few clients do at the same time: connect, send, read, close half of
 * their connection, reset it, wait. The client (tests/conformance/client.h) checks every byte: those that come back
 * are the first ones of those sent; after a half-close all are back, and then comes the end. And the server lives.
 *
 * ECHO_C is the program. Each model has one server for all inputs, so it has also seen all that came before. */
#include "fuzz.h"

#include "../conformance/client.h"
#include "../conformance/process.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { MODELS_MAX = 8, CLIENTS = 4, SECONDS = 20, NAME_MAX_BYTES = 32 };

static struct server {
        struct process process;
        char model[NAME_MAX_BYTES];
} servers[MODELS_MAX];
static size_t server_count;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        char command[4096], line[2048];
        const char *program = getenv("ECHO_C");

        (void)argc, (void)argv;
        check_deadline_set(60);
        (void)snprintf(command, sizeof command, "'%s' --list-models", program ? program : "./echo-c");
        FILE *pipe = popen(command, "re");
        assert(pipe);
        while (fgets(line, sizeof line, pipe) && server_count < MODELS_MAX) {
                struct server *s = &servers[server_count];
                char *availability = strchr(line, '\t');
                assert(availability);
                *availability++ = '\0';
                if (strncmp(availability, "available", 9) != 0)
                        continue;
                (void)snprintf(s->model, sizeof s->model, "%s", line);
                process_start(&s->process,
                              (const char *const[]){"--model", s->model, "-l", "127.0.0.1:0", NULL});
                process_await_listening(&s->process);
                server_count++;
        }
        (void)pclose(pipe); /* what it printed is known */
        assert(server_count > 0);
        return 0;
}

/* Does what the next bytes say, and returns how many they are. */
static size_t act(struct client *c, const struct address *a, const uint8_t *data, size_t size,
                  bool *half_closed)
{
        unsigned action = data[0] / CLIENTS % 8;
        size_t bytes = size >= 3 ? (size_t)data[1] << data[2] % 9 : 1;
        uint64_t key = data[0] + 1;

        if (c->fd < 0) {
                client_connect(c, a, action % 2 ? BUFFERS_SMALL : BUFFERS_DEFAULT, &key);
                *half_closed = false;
                return 1;
        }
        switch (action) {
        case 0:
                client_reset(c);
                return 1;
        case 1:
                client_close(c);
                return 1;
        case 2:
                if (!*half_closed)
                        client_half_close(c);
                *half_closed = true;
                return 1;
        case 3:
                client_receive_all(c);
                return 1;
        case 4:
                (void)usleep(data[0]);
                return 1;
        case 5:
                if (!c->ended)
                        (void)client_receive(c); /* checks them */
                assert(!c->ended || *half_closed);
                return 1;
        default:
                if (!*half_closed)
                        (void)client_send(c, bytes); /* as many as there is room for */
                return size >= 3 ? 3 : 1;
        }
}

static void play(const struct server *s, const uint8_t *data, size_t size)
{
        struct client clients[CLIENTS] = {{.fd = -1}, {.fd = -1}, {.fd = -1}, {.fd = -1}};
        bool half_closed[CLIENTS] = {false};

        check_deadline_set(SECONDS);
        for (size_t used; size > 0; data += used, size -= used) {
                size_t i = data[0] % CLIENTS;
                used = act(&clients[i], &s->process.addresses[0], data, size, &half_closed[i]);
        }
        for (size_t i = 0; i < CLIENTS; i++) {
                if (clients[i].fd < 0)
                        continue;
                if (!half_closed[i])
                        client_half_close(&clients[i]);
                client_expect_end(&clients[i]);
                client_close(&clients[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        for (size_t i = 0; i < server_count; i++) {
                struct pollfd ended = {.fd = servers[i].process.pid_fd, .events = POLLIN};
                play(&servers[i], data, size);
                if (poll(&ended, 1, 0) != 0) {
                        (void)fprintf(stderr, "the server under %s has ended\n", servers[i].model);
                        abort();
                }
        }
        return 0;
}
