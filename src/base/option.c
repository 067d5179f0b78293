/* SPDX-License-Identifier: MIT */
/* argp(3) reads the words and prints the hints and the help. It knows nothing of limits, of where a value
 * goes, nor of what was given, which is what every option of ours needs; so the rows are translated into
 * argp's, and one parser serves all commands. argp's own way of combining tables (children) was rejected: a
 * child cannot replace an option of another, as a command does that has a default of its own. */
#include "base/option.h"

#include "base/duration.h"
#include "base/number.h"
#include "base/status.h"

#include <argp.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_FIRST = 256 }; /* of the options without a letter */

struct parsing {
        const struct option_line *line;
        const struct option_table *tables[OPTION_ROWS_MAX]; /* which one each row of the set is in */
        struct option_set *set;
        void *options;
        struct why *why; /* of option_read; NULL: errors end the program */
};

static const struct option_row *table_row(const struct option_table *t, size_t i)
{
        return (const struct option_row *)((const char *)t->rows + i * t->stride);
}

static size_t row_find(const struct option_set *set, const char *name)
{
        size_t i = 0;

        while (i < set->row_count && strcmp(set->rows[i]->name, name) != 0)
                i++;
        return i;
}

static bool is_long(const char *name)
{
        return name[1] == '-';
}

static struct argp_option argp_option_of(const struct option_row *row, size_t index, bool hidden, int group)
{
        const char *letter = !is_long(row->name) ? row->name : row->alias;
        const char *word = is_long(row->name) ? row->name : row->alias;

        return (struct argp_option){.name = word ? word + strlen("--") : NULL,
                                    .key = letter ? letter[1] : KEY_FIRST + (int)index,
                                    .arg = row->takes,
                                    .flags = hidden ? OPTION_HIDDEN : 0,
                                    .doc = row->help,
                                    .group = group};
}

/* Fills in the set's rows, and argp's for all of them. A heading is shown if a row below it is. */
static void rows_collect(struct parsing *p, const struct option_table *tables, struct argp_option *shown)
{
        const struct option_row *heading = NULL;
        struct option_set *set = p->set;
        int group = 0;

        for (const struct option_table *t = tables; t->count > 0; t++)
                for (size_t i = 0; i < t->count; i++) {
                        const struct option_row *row = table_row(t, i);
                        bool hidden = t->refusal || row->kind == OPTION_REFUSED;
                        if (row->kind == OPTION_HEADING) {
                                heading = row;
                                group++;
                                continue;
                        }
                        if (row_find(set, row->name) < set->row_count)
                                continue;
                        if (heading && !hidden) {
                                *shown++ = (struct argp_option){.doc = heading->help, .group = group};
                                heading = NULL;
                        }
                        assert(set->row_count < OPTION_ROWS_MAX);
                        *shown++ = argp_option_of(row, set->row_count, hidden, group);
                        p->tables[set->row_count] = t;
                        set->rows[set->row_count++] = row;
                }
}

static void value_store(const struct option_row *row, void *into, uint64_t value, const char *text)
{
        void *at = (char *)into + row->offset;

        if (row->store == OPTION_BOOL)
                *(bool *)at = value != 0;
        else if (row->store == OPTION_U32)
                *(uint32_t *)at = (uint32_t)value;
        else if (row->store == OPTION_U64)
                *(uint64_t *)at = value;
        else if (row->store == OPTION_DOUBLE)
                *(double *)at = (double)value;
        else if (row->store == OPTION_STRING)
                *(const char **)at = text;
}

static int number_take(const struct option_row *row, const char *text, uint64_t *value, struct why *why)
{
        if (number_parse(text, row->min, row->max, value) == 0)
                return 0;
        return why_set(why, "%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%s'", row->name,
                       row->min, row->max, text);
}

/* A limit as its help says it: 24h, not 24h0m0s. */
static const char *limit_format(uint64_t ns, char text[static DURATION_TEXT_MAX])
{
        static const char *const zeros[] = {"m0s", "h0m"};

        (void)duration_format(ns, text);
        for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
                size_t length = strlen(text), zero = strlen(zeros[i]);
                if (length > zero && strcmp(text + length - zero, zeros[i]) == 0)
                        text[length - zero + 1] = '\0';
        }
        return text;
}

static int duration_take(const struct option_row *row, const char *text, uint64_t *ns, struct why *why)
{
        char min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];

        if (duration_parse(text, ns) != 0)
                return why_set(why, "%s takes a duration such as 500ms, 5s or 1m30s, not '%s'", row->name,
                               text);
        if (*ns >= row->min && *ns <= row->max)
                return 0;
        return why_set(why, "%s takes a duration from %s to %s, not '%s'", row->name,
                       limit_format(row->min, min), limit_format(row->max, max), text);
}

static int choice_take(const struct option_row *row, const char *text, uint64_t *index, struct why *why)
{
        for (*index = 0; row->choices[*index]; ++*index)
                if (strcmp(text, row->choices[*index]) == 0)
                        return 0;
        (void)why_set(why, "%s takes ", row->name);
        for (size_t i = 0; row->choices[i]; i++)
                (void)why_set(why, "%s%s%s", why->text,
                              i == 0                ? ""
                              : row->choices[i + 1] ? ", "
                                                    : " or ",
                              row->choices[i]);
        return why_set(why, "%s, not '%s'", why->text, text);
}

static int value_take(const struct option_row *row, void *into, const char *text, struct why *why)
{
        uint64_t value = 1;
        int error = 0;

        assert(text || row->kind == OPTION_FLAG || row->kind == OPTION_CALL); /* the others take a value */
        if (row->kind == OPTION_NUMBER)
                error = number_take(row, text, &value, why);
        else if (row->kind == OPTION_DURATION)
                error = duration_take(row, text, &value, why);
        else if (row->kind == OPTION_CHOICE)
                error = choice_take(row, text, &value, why);
        if (error)
                return error;
        value_store(row, into, value, text);
        return row->call ? row->call(into, text, why) : 0;
}

static int option_take(struct parsing *p, int key, const char *text, const struct argp_state *state,
                       struct why *why)
{
        struct option_set *set = p->set;
        size_t i = key >= KEY_FIRST ? (size_t)(key - KEY_FIRST) : 0;

        while (key < KEY_FIRST && argp_option_of(set->rows[i], i, false, 0).key != key)
                i++;
        const struct option_row *row = set->rows[i];
        if (p->tables[i]->refusal || row->kind == OPTION_REFUSED)
                return why_set(why, "%s", p->tables[i]->refusal ? p->tables[i]->refusal : row->help);
        if (text && strcmp(text, "--") == 0 && text == state->argv[state->next - 1])
                return why_set(why, "option '%s' requires an argument", row->name);
        if (set->value_count == OPTION_VALUES_MAX)
                return why_set(why, "more than %d options are given", OPTION_VALUES_MAX);
        set->values[set->value_count++] = (struct option_value){row, text};
        return value_take(row, p->tables[i]->into, text, why);
}

static int word_take(struct parsing *p, const char *word, struct argp_state *state, struct why *why)
{
        bool is_command = state->quoted && state->next - 1 >= state->quoted;

        if (!p->line->takes_command || !is_command)
                return p->line->word(p->options, word, why);
        p->set->command = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
}

static int end_take(struct parsing *p, const struct argp_state *state, struct why *why)
{
        if (p->line->takes_command && state->quoted && !p->set->command)
                return why_set(why, "no command is given after --");
        return p->line->check ? p->line->check(p->options, p->set, why) : 0;
}

static error_t key_parse(int key, char *text, struct argp_state *state)
{
        struct parsing *p = state->input;
        struct why why;
        int error;

        if (key == ARGP_KEY_ARG)
                error = word_take(p, text, state, &why);
        else if (key == ARGP_KEY_END)
                error = end_take(p, state, &why);
        else if (key > 0 && key < KEY_FIRST + OPTION_ROWS_MAX)
                error = option_take(p, key, text, state, &why);
        else
                return ARGP_ERR_UNKNOWN;
        if (error && p->why) {
                *p->why = why;
                return EINVAL;
        }
        if (error == -EINVAL)
                argp_error(state, "%s", why.text);
        else if (error)
                argp_failure(state, STATUS_FAILED, 0, "%s", why.text);
        return 0;
}

/* Returns what argp_parse does. */
static error_t words_parse(struct parsing *p, const struct option_table tables[], int argc, char **argv,
                           unsigned flags)
{
        struct argp_option shown[2 * OPTION_ROWS_MAX + 1] = {0}; /* each row may have a heading */
        const struct argp argp = {
                .options = shown, .parser = key_parse, .args_doc = p->line->synopsis, .doc = p->line->doc};

        *p->set = (struct option_set){0};
        rows_collect(p, tables, shown);
        return argp_parse(&argp, argc, argv, flags, NULL, p);
}

void option_parse(const struct option_line *line, const struct option_table tables[], void *options, int argc,
                  char **argv, struct option_set *set)
{
        argp_err_exit_status = STATUS_USAGE;
        error_t error = words_parse(&(struct parsing){.line = line, .set = set, .options = options}, tables,
                                    argc, argv, 0);
        if (!error)
                return;
        /* errors of the command line have ended the program; this is one of argp's own */
        (void)fprintf(stderr, "%s: cannot read the command line: %s\n", program_invocation_short_name,
                      strerror(error));
        exit(STATUS_FAILED);
}

int option_read(const struct option_line *line, const struct option_table tables[], void *options, int argc,
                char **argv, struct option_set *set, struct why *why)
{
        struct parsing p = {.line = line, .set = set, .options = options, .why = why};

        (void)why_set(why, "an option is unknown, or lacks its value"); /* as argp finds, and does not say */
        return words_parse(&p, tables, argc, argv, ARGP_SILENT) == 0 ? 0 : -EINVAL;
}

/* The last value of an option, or NULL. */
static const struct option_value *value_find(const struct option_set *set, const char *name)
{
        size_t i = set->value_count;

        assert(row_find(set, name) < set->row_count);
        while (i > 0 && strcmp(set->values[i - 1].row->name, name) != 0)
                i--;
        return i > 0 ? &set->values[i - 1] : NULL;
}

bool option_given(const struct option_set *set, const char *name)
{
        return value_find(set, name) != NULL;
}

const char *option_text(const struct option_set *set, const char *name)
{
        const struct option_value *value = value_find(set, name);

        return value ? value->text : NULL;
}
