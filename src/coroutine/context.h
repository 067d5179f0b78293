/* SPDX-License-Identifier: MIT */
/* context: a stack, and the point at which the code on it was left. A switch from one to another is a
 * function call that returns in the other. On x86-64 and aarch64 it is a page of assembly (context_x86_64.S,
 * context_aarch64.S); elsewhere, or with -DCONTEXT_UCONTEXT, it is the C library's swapcontext(3), which
 * makes a system call for the signal mask each time. */
#ifndef COROUTINE_CONTEXT_H
#define COROUTINE_CONTEXT_H

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(CONTEXT_UCONTEXT)
/* All that a context needs to continue is on its stack, from the saved pointer up: once these bytes are kept
 * elsewhere, others can use the stack, until the bytes are put back to the same place. */
#define CONTEXT_IS_ON_STACK 1
#else
#define CONTEXT_IS_ON_STACK 0
#endif

/* The most bytes that context_switch() puts below its caller's frame, a return address included. */
#if !CONTEXT_IS_ON_STACK
enum { CONTEXT_SIZE = 4096 };
#elif defined(__x86_64__)
enum { CONTEXT_SIZE = 64 };
#else
enum { CONTEXT_SIZE = 176 };
#endif

/* Prepares a stack that ends at `top`, a multiple of 16. The first switch to it calls entry(), which must not
 * return. Returns the pointer to switch to. */
void *context_make(void *top, void (*entry)(void));

/* Saves the running context in *from, and continues the one that was saved in `to`. */
void context_switch(void **from, void *to);

#endif
