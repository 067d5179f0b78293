/* SPDX-License-Identifier: MIT */
/* echo_thread: an echo server inside bench, to measure the generator against. It answers over real sockets of
 * the loopback device, so that a request costs the generator what it costs against any server there. */
#ifndef BENCH_ECHO_THREAD_H
#define BENCH_ECHO_THREAD_H

#include "base/address.h"

#include <stddef.h>

struct echo_threads;

/* Starts `count` threads that share the connections to one listener, and says in *address where it is. 0, or
 * a negative errno of socket(2), epoll_create1(2), pthread_create(3). */
int echo_threads_start(unsigned count, struct echo_threads **, struct address *address);

/* To be called when the clients have closed their connections: waits for the server's side of them, for a
 * second at most, and ends the threads. */
void echo_threads_stop(struct echo_threads *);

/* Descriptors that it needs for so many connections. */
size_t echo_threads_descriptors(unsigned count, size_t connections);

#endif
