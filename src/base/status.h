/* SPDX-License-Identifier: MIT */
/* status: how every program ends. The later of two that apply is not the worse: invalid outranks missed. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

enum status {
        STATUS_SUCCESS,
        STATUS_FAILED,
        STATUS_USAGE,   /* the command line, or a file that it names, is wrong */
        STATUS_INVALID, /* the measurement cannot be trusted */
        STATUS_MISSED,  /* a stated threshold was missed */
};

#endif
