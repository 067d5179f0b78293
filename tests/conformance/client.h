/* SPDX-License-Identifier: MIT */
/* client: connections to an echo server that never block and check every byte that comes back. The byte at
 * each position follows from the client's key, so a byte that is lost, repeated, swapped or another client's
 * differs from the expected one. */
#ifndef CONFORMANCE_CLIENT_H
#define CONFORMANCE_CLIENT_H

#include "check.h"

#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct client {
        int fd;                  /* -1: none */
        uint64_t key;            /* what its bytes follow from */
        uint64_t sent, received; /* bytes */
        uint64_t pause_until;    /* ns; it sends nothing before */
        bool ended;              /* the server has closed its side */
};

/* Of the client's socket. Small: soon full when it does not read. */
enum buffers { BUFFERS_DEFAULT, BUFFERS_SMALL };

/* Draws a key and begins to connect. Returns 0, even if the connection is not complete yet, or a negative
 * errno: -EAGAIN if the queue of a unix socket is full. */
int client_begin(struct client *, const struct address *, enum buffers, uint64_t *random);

/* Connects, and waits until it is connected. */
void client_connect(struct client *, const struct address *, enum buffers, uint64_t *random);

/* Sends up to `size` of the next bytes. Returns how many the kernel took, perhaps 0. */
size_t client_send(struct client *, size_t size);

/* Receives and checks what is there now. Returns the number of bytes, or 0, and then ->ended may be set. */
size_t client_receive(struct client *);

/* The same two, but they return a negative errno if the connection has ended by an error. */
ssize_t client_try_send(struct client *, size_t size);
ssize_t client_try_receive(struct client *);

/* Sends so many of the next bytes on a unix socket, and beside the first a descriptor or credentials: unix(7), SCM_RIGHTS
 * or SCM_CREDENTIALS. */
void client_send_beside(struct client *, size_t size, int type);

void client_send_all(struct client *, size_t size); /* waits for room without reading */
void client_half_close(struct client *);
void client_close(struct client *);
void client_reset(struct client *); /* closes a TCP connection by a reset */

/* Waits until all bytes sent are back. */
void client_receive_all(struct client *);

/* Waits for the end after all bytes sent are back: a FIN, no reset, no surplus byte. */
void client_expect_end(struct client *);

/* Sends `size` bytes and waits until they are back; returns how long that took in ns. */
uint64_t client_round_trip(struct client *, size_t size);

/* How clients_exchange cuts the bytes. */
enum flow {
        FLOW_WHOLE,  /* as much as fits at a time */
        FLOW_RANDOM, /* chunks of 1 byte to 64 KiB, now and then a pause */
};

/* Each of the clients sends so many bytes and receives them meanwhile. */
void clients_exchange(struct client *, size_t count, uint64_t bytes, enum flow, uint64_t *random);

void clients_connect(struct client *, size_t count, const struct address *, enum buffers, uint64_t *random);
void clients_close(struct client *, size_t count);

/* Each sends without reading, until none of them could send anything for 100 ms, or 400 ms have passed. */
void clients_stall(struct client *, size_t count);

/* Receives for `ms` or until all bytes are back. Returns the number of clients whose bytes are all back. */
size_t clients_complete(struct client *, size_t count, unsigned ms);

#endif
