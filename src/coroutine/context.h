/* SPDX-License-Identifier: MIT */
/* context: a stack and the point at which the code on it was left. Switching from one to another is a
 * function call that returns in the other. On x86-64 and aarch64 it is a page of assembly (context_x86_64.S,
 * context_aarch64.S); elsewhere, or with -DCONTEXT_UCONTEXT, the C library's swapcontext(3) stands in, which
 * makes a system call for the signal mask each time. */
#ifndef COROUTINE_CONTEXT_H
#define COROUTINE_CONTEXT_H

#if (defined(__x86_64__) || defined(__aarch64__)) && !defined(CONTEXT_UCONTEXT)
/* What a context is left with lies on its stack, from the returned pointer up: who keeps these bytes and puts
 * them back to the same place can use the rest of the stack meanwhile. */
#define CONTEXT_IS_ON_STACK 1
#else
#define CONTEXT_IS_ON_STACK 0
#endif

/* Most bytes that context_switch() puts below its caller's frame, a return address included. */
#if !CONTEXT_IS_ON_STACK
enum { CONTEXT_SIZE = 4096 };
#elif defined(__x86_64__)
enum { CONTEXT_SIZE = 64 };
#else
enum { CONTEXT_SIZE = 176 };
#endif

/* Prepares a stack that ends at `top`, a multiple of 16: switched to, it calls entry(), which must not
 * return. */
void *context_make(void *top, void (*entry)(void));

/* Leaves the running context in *from and goes on with the one that was left in `to`. */
void context_switch(void **from, void *to);

#endif
