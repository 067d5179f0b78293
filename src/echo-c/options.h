/* SPDX-License-Identifier: MIT */
/* options: the command line of echo-c, read and checked. */
#ifndef ECHO_C_OPTIONS_H
#define ECHO_C_OPTIONS_H

#include "echo-c/listen.h"
#include "echo-c/log.h"
#include "echo-c/user.h"

#include "base/address.h"
#include "fault/fault_spec.h"
#include "models/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_ADDRESSES_MAX = 16 };

struct options {
        const struct model *model;
        struct address addresses[OPTIONS_ADDRESSES_MAX];
        size_t address_count;             /* 0: none was given */
        bool twin[OPTIONS_ADDRESSES_MAX]; /* it has the port of the one before, and may be missing */
        struct listen_options listen;     /* but `blocking`, which the model decides */
        unsigned workers;                 /* -w; 0: one per CPU */
        unsigned size;                    /* in the model's size_unit; 0: one per CPU */
        size_t connections_max;           /* 0: what the descriptors allow */
        uint64_t drain_timeout;           /* ns */
        uint64_t idle_timeout;            /* ns; 0: never */
        struct gathering gathering;       /* --gather, --spin */
        struct fault_spec fault;          /* --fault; of size 0 without */
        struct user user;                 /* --user */
        struct address metrics;           /* --metrics; of size 0 without */
        enum log_format log_format;
        bool pin, quiet, list_models, sandbox;
};

/* Fills in the options from argv. Wrong usage ends the program with status 2 and one line, --help and
 * --version with status 0, as argp_parse(3) does. */
void options_parse(int argc, char **argv, struct options *);

/* Adds 127.0.0.1:1234, if no address was given. */
void options_default_address(struct options *);

#endif
