/* SPDX-License-Identifier: MIT */
/* echo_thread: an echo server inside bench, against which the generator is measured. It answers over real
 * sockets on the loopback device, so a request costs the generator what it costs against any server there. */
#ifndef BENCH_ECHO_THREAD_H
#define BENCH_ECHO_THREAD_H

#include "base/address.h"

#include <stddef.h>

struct echo_threads;

/* Starts `count` threads that share the connections of one listener, whose address it writes. 0, or a
 * negative errno of socket(2), epoll_create1(2) or pthread_create(3). */
int echo_threads_start(unsigned count, struct echo_threads **, struct address *address);

/* To be called when the clients have closed their connections: waits at most a second for the server's side
 * of them, then ends the threads. */
void echo_threads_stop(struct echo_threads *);

/* The descriptors that it needs for so many connections. */
size_t echo_threads_descriptors(unsigned count, size_t connections);

#endif
