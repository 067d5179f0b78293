/* SPDX-License-Identifier: MIT */
/* claim: a behaviour that every model owes, and the ways of running a model that it is tested under. */
#ifndef CONFORMANCE_CLAIM_H
#define CONFORMANCE_CLAIM_H

#include "check.h"
#include "process.h"

#include <stddef.h>

/* The kinds of set-up, as bits of claim.where. */
enum {
        ON_IPV4 = 1,   /* by default: a listener per CPU where the model can use them */
        ON_SHARED = 2, /* IPv4 with --no-pin: one listener for all */
        ON_IPV6 = 4,
        ON_UNIX = 8,
        ON_VARIANT = 16, /* IPv4 or shared with other numbers of threads */
        ON_ALIAS = 32,   /* a name that stands for a model */

        ON_TCP = ON_IPV4 | ON_SHARED | ON_IPV6,
        ON_ALL = ON_TCP | ON_UNIX | ON_VARIANT,
};

enum { SETUP_ARGUMENTS_MAX = 8, CLAIM_ARGUMENTS_MAX = 4 };

/* A model as it is started for one column of the table. */
struct setup {
        char name[48];                              /* epoll/ipv4-shared */
        char model[24];                             /* epoll */
        char missing[200];                          /* why it cannot be tested here, or "" */
        int where;                                  /* one of the bits above */
        const char *arguments[SETUP_ARGUMENTS_MAX]; /* which model and how, ended by NULL */
        const char *address;                        /* what -l is given, static */
        uint64_t stalled_bytes;                     /* that a client that does not read can hold */
};

struct trial; /* one claim under one set-up */

struct claim {
        const char *name; /* a sentence, in the words of a function's name */
        void (*check)(struct trial *);
        int where;                                  /* the set-ups that it is tested under */
        unsigned seconds;                           /* time limit; 0: TRIAL_SECONDS */
        const char *arguments[CLAIM_ARGUMENTS_MAX]; /* options of echo-c that it needs */
};

enum { TRIAL_SECONDS = 10 };

struct trial {
        const struct setup *setup;
        const struct claim *claim;
        struct process server;         /* is running */
        const struct address *address; /* the first that it listens on */
        uint64_t random;               /* base/random.h; follows from the seed and the test's name */
};

/* Starts one more server with the set-up's and the claim's arguments, on `address`. */
void trial_start_server(const struct trial *, struct process *, const char *address);

/* Waits until the server has ended, and fails the test unless its exit status is 0. */
void trial_expect_success(struct trial *, const char *what);

/* Each table ends with a claim without a name. */
extern const struct claim claims_echo[];   /* every byte, half-close, a reset, clients that do not read */
extern const struct claim claims_limits[]; /* out of descriptors or memory, --max-conns */
extern const struct claim claims_stop[];   /* SIGTERM, SIGINT, --drain-timeout */
extern const struct claim claims_crowd[];  /* ten thousand at once, nothing leaks */
extern const struct claim claims_listen[]; /* addresses: in use, stale, several */

#endif
