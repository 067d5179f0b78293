/* SPDX-License-Identifier: MIT */
/* The switch for x86-64, after the System V ABI (https://gitlab.com/x86-psABIs/x86-64-ABI, 3.2.1): to its caller
 * context_switch() is a function like any other, so all registers that a function may change are saved by the
 * compiler around the call. What is left are the callee-saved ones:
 *
 *         top  0           where a return from entry() would go: unwinders stop here
 *              return address
 *              rbp         frame pointer, or a general register
 *              rbx, r12, r13, r14, r15
 *         sp   mxcsr, x87 control word: rounding and exception masks, 8 bytes together
 *
 * Branch tracking (CET IBT) asks for an endbr64 wherever an indirect jump may land: at both entries. The switch
 * itself leaves by ret, which IBT does not watch. A shadow stack would have to be switched too, so the note at the
 * end declares IBT alone, and the linker then asks for no shadow stack for the whole program. */
#if defined(__x86_64__) && !defined(CONTEXT_UCONTEXT)
        .text

        .globl  context_switch
        .type   context_switch, @function
        .p2align 4
context_switch:                         /* rdi: where to leave the old stack pointer; rsi: the new one */
        .cfi_startproc
        endbr64
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        subq    $8, %rsp
        stmxcsr (%rsp)
        fnstcw  4(%rsp)
        movq    %rsp, (%rdi)

        movq    %rsi, %rsp
        ldmxcsr (%rsp)
        fldcw   4(%rsp)
        addq    $8, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret
        .cfi_endproc
        .size   context_switch, . - context_switch

        .globl  context_make
        .type   context_make, @function
        .p2align 4
context_make:                           /* rdi: top of the stack; rsi: entry; returns the stack pointer */
        .cfi_startproc
        endbr64
        leaq    -72(%rdi), %rax
        stmxcsr (%rax)                  /* the new context begins with its maker's rounding */
        fnstcw  4(%rax)
        movq    $0, 8(%rax)             /* r15 */
        movq    $0, 16(%rax)            /* r14 */
        movq    $0, 24(%rax)            /* r13 */
        movq    $0, 32(%rax)            /* r12 */
        movq    $0, 40(%rax)            /* rbx */
        movq    $0, 48(%rax)            /* rbp: the end of the chain of frames */
        movq    %rsi, 56(%rax)          /* ret goes here; rsp is then 8 off a multiple of 16, as after a call */
        movq    $0, 64(%rax)
        ret
        .cfi_endproc
        .size   context_make, . - context_make

        .section .note.gnu.property, "a"
        .p2align 3
        .long   4, 16, 5                /* sizes of name and description, NT_GNU_PROPERTY_TYPE_0 */
        .asciz  "GNU"
        .long   0xc0000002, 4, 1, 0     /* GNU_PROPERTY_X86_FEATURE_1_AND, 4 bytes: IBT; padding */
#endif
        .section .note.GNU-stack, "", @progbits
