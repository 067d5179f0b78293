/* SPDX-License-Identifier: MIT */
/* option: a command line as tables: what options are called, what they take, within which limits, and where the
 * value goes. argp(3) prints --help, --usage and --version from the same rows. It reads better whole. */
#ifndef BASE_OPTION_H
#define BASE_OPTION_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_ROWS_MAX = 64, OPTION_VALUES_MAX = 256 }; /* of a command; further values are wrong usage */
enum option_kind {
        OPTION_HEADING,  /* not an option: `help` is printed above the rows that follow */
        OPTION_FLAG,     /* takes nothing; true is stored */
        OPTION_NUMBER,   /* from min to max */
        OPTION_DURATION, /* from min to max ns */
        OPTION_TEXT,     /* the word itself is stored */
        OPTION_CHOICE,   /* one of `choices`; its index is stored */
        OPTION_CALL,     /* nothing is stored: call() does that */
        OPTION_REFUSED,  /* wrong usage here, for the reason in `help`; --help does not show it */
};
enum option_store { OPTION_NOWHERE, OPTION_BOOL, OPTION_U32, OPTION_U64, OPTION_DOUBLE, OPTION_STRING };

struct option_row {
        const char *name, *alias; /* "-c", "--connections": messages use the first; the second may be NULL */
        const char *takes, *help; /* takes: what --help calls the value; NULL: it takes none */
        enum option_kind kind;
        enum option_store store;
        size_t offset;
        uint64_t min, max;
        const char *const *choices; /* ended by NULL */
        /* NULL, or called once the value is stored; text is NULL if there is none. 0; -EINVAL: wrong usage;
         * else failure. */
        int (*call)(void *into, const char *text, struct why *);
};

/* Stores a row's value in this member of the table's `into`. */
#define OPTION_TO(type, member)                                                                              \
        .offset = offsetof(type, member),                                                                    \
        .store = _Generic(((type *)NULL)->member, bool: OPTION_BOOL, int: OPTION_U32, uint32_t: OPTION_U32,  \
                          uint64_t: OPTION_U64, double: OPTION_DOUBLE, const char *: OPTION_STRING)

struct option_table {
        const void *rows;     /* [count], each `stride` bytes that start with a struct option_row */
        size_t stride, count; /* count 0 ends a list of tables */
        void *into;
        const char *refusal; /* why all of its rows are refused; NULL: they are not */
};
#define OPTION_TABLE(array, ...)                                                                             \
        ((struct option_table){(array), sizeof *(array), sizeof(array) / sizeof *(array), __VA_ARGS__})

struct option_set {
        const struct option_row *rows[OPTION_ROWS_MAX]; /* [row_count]: all that can be given */
        struct option_value {
                const struct option_row *row;
                const char *text;
        } values[OPTION_VALUES_MAX]; /* [value_count]: what was given, in that order */
        size_t row_count, value_count;
        char *const *command; /* the words after --, ended by NULL; NULL: none */
};

struct option_line {
        const char *synopsis, *doc; /* as argp's args_doc and doc */
        bool takes_command;
        int (*word)(void *options, const char *word, struct why *); /* takes a word; returns as call() does */
        int (*check)(void *options, const struct option_set *, struct why *); /* at the end; may be NULL */
};

/* Reads argv. Of two rows with one name the first counts. Wrong usage ends the program with STATUS_USAGE and a
 * line, failure with STATUS_FAILED; option_read returns -EINVAL for both, and `why` says why. */
void option_parse(const struct option_line *, const struct option_table[], void *options, int argc,
                  char **argv, struct option_set *);
int option_read(const struct option_line *, const struct option_table[], void *options, int argc, char **argv,
                struct option_set *, struct why *);

/* `name` is the first name of a row. The text is the last one given, or NULL. */
bool option_given(const struct option_set *, const char *name);
const char *option_text(const struct option_set *, const char *name);

#endif
