/* SPDX-License-Identifier: MIT */
/* counters: what a worker counts. There is one slot per worker in a shared mapping, so that a reader of
 * metrics, in this process or another, needs nothing else. */
#ifndef MODELS_COUNTERS_H
#define MODELS_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* So that a slot has 256 bytes, and its address takes a shift to find. */
enum { COUNTERS_OWN_MAX = 16, COUNTERS_ERRORS = 8 };

struct counters {
        _Alignas(64) _Atomic uint64_t accepted; /* connections */
        _Atomic uint64_t closed;                /* connections, for whatever reason */
        _Atomic uint64_t received, sent;        /* bytes */
        _Atomic uint64_t io_errors; /* connections ended by an error: a reset, a lost peer, no memory */
        _Atomic uint64_t idle;      /* connections ended after --idle-timeout */
        _Alignas(64) _Atomic uint64_t accept_errors[COUNTERS_ERRORS]; /* server_accept_error() says which */
        _Alignas(64) _Atomic uint64_t own[COUNTERS_OWN_MAX];          /* see model.metric_name */
};

/* Adds to a counter that no other thread writes: a load and a store, no locked instruction. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
        uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);
        atomic_store_explicit(counter, now + n, memory_order_relaxed);
}

/* The same where several threads share the slot. */
static inline void counter_add_shared(_Atomic uint64_t *counter, uint64_t n)
{
        (void)atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
