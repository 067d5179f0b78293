/* SPDX-License-Identifier: MIT */
/* The switch for any machine that has makecontext(3). A context is saved on the stack here too, but what is
 * below it is the C library's affair: such a stack cannot be copied away. */
#include "coroutine/context.h"

#if !CONTEXT_IS_ON_STACK

#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

void *context_make(void *top, void (*entry)(void))
{
        /* The context itself takes the upper end of the stack; makecontext() is told where the rest begins,
         * of which it uses nothing but the end. */
        ucontext_t *new = (ucontext_t *)(((uintptr_t)top - sizeof *new) & ~(uintptr_t)63);

        if (getcontext(new) != 0)
                abort(); /* "never fails", says glibc */
        new->uc_stack.ss_sp = (char *)new - CONTEXT_SIZE;
        new->uc_stack.ss_size = CONTEXT_SIZE;
        new->uc_link = NULL;
        makecontext(new, entry, 0);
        return new;
}

void context_switch(void **from, void *to)
{
        ucontext_t here;

        *from = &here; /* cppcheck-suppress autoVariables // good until this function returns */
        if (swapcontext(&here, to) != 0)
                abort(); /* ENOMEM is the only error, and no memory is asked for */
}

#endif
