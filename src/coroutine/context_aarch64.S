/* SPDX-License-Identifier: MIT */
/* The switch for aarch64, after the AAPCS64 (https://github.com/ARM-software/abi-aa, 6.1): callee-saved are x19 to
 * x28, the frame pointer x29, the low halves of v8 to v15, and the rounding and trap bits of fpcr; the link
 * register x30 is where the function returns to.
 *
 *         top
 *              fpcr, 0     8 bytes each
 *              d8 to d15
 *              x19 to x28
 *         sp   x29, x30    first, as in any frame record
 *
 * Branch target identification (BTI) asks for a landing pad where an indirect jump may land: hint #34 is "bti c",
 * and no operation on older processors. ret is not watched. */
#if defined(__aarch64__) && !defined(CONTEXT_UCONTEXT)
        .text

        .globl  context_switch
        .type   context_switch, %function
        .p2align 4
context_switch:                         /* x0: where to leave the old stack pointer; x1: the new one */
        .cfi_startproc
        hint    #34
        sub     sp, sp, #176
        stp     x29, x30, [sp]
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mrs     x9, fpcr
        str     x9, [sp, #160]
        mov     x9, sp
        str     x9, [x0]

        mov     sp, x1
        ldr     x9, [sp, #160]
        msr     fpcr, x9
        ldp     d14, d15, [sp, #144]
        ldp     d12, d13, [sp, #128]
        ldp     d10, d11, [sp, #112]
        ldp     d8, d9, [sp, #96]
        ldp     x27, x28, [sp, #80]
        ldp     x25, x26, [sp, #64]
        ldp     x23, x24, [sp, #48]
        ldp     x21, x22, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp]
        add     sp, sp, #176
        ret
        .cfi_endproc
        .size   context_switch, . - context_switch

        .globl  context_make
        .type   context_make, %function
        .p2align 4
context_make:                           /* x0: top of the stack; x1: entry; returns the stack pointer */
        .cfi_startproc
        hint    #34
        sub     x0, x0, #176
        stp     xzr, x1, [x0]           /* the chain of frames ends here; ret goes to the entry */
        stp     xzr, xzr, [x0, #16]
        stp     xzr, xzr, [x0, #32]
        stp     xzr, xzr, [x0, #48]
        stp     xzr, xzr, [x0, #64]
        stp     xzr, xzr, [x0, #80]
        stp     xzr, xzr, [x0, #96]     /* d8 to d15 are zero too */
        stp     xzr, xzr, [x0, #112]
        stp     xzr, xzr, [x0, #128]
        stp     xzr, xzr, [x0, #144]
        mrs     x9, fpcr                /* the new context begins with its maker's rounding */
        stp     x9, xzr, [x0, #160]
        ret
        .cfi_endproc
        .size   context_make, . - context_make
#endif
        .section .note.GNU-stack, "", %progbits
