/* SPDX-License-Identifier: MIT */
/* Lineup files: what is accepted has names that are unique and printable, and written out is read the same; a refusal
 * names the line. The first line is also taken for a command line's --server, for a sweep, and for words. */
#include "fuzz.h"

#include "compare/lineup.h"

#include "base/utf8.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static struct lineup lineup, again;
static char path[64];
static int fd = -1;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc, (void)argv;
        fd = memfd_create("lineup", MFD_CLOEXEC);
        (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        assert(fd >= 0);
        return 0;
}

static int read_bytes(struct lineup *l, const void *bytes, size_t size, struct why *why)
{
        assert(ftruncate(fd, 0) == 0 && pwrite(fd, bytes, size, 0) == (ssize_t)size);
        *l = (struct lineup){0};
        return lineup_read(l, path, why);
}

static void check(const struct lineup *l)
{
        assert(l->server_count <= LINEUP_SERVERS_MAX && l->scenario_count <= LINEUP_SCENARIOS_MAX);
        for (size_t i = 0; i < l->server_count; i++) {
                const struct lineup_server *s = &l->servers[i];
                assert(*s->name && utf8_is_valid(s->name, true) && *s->command &&
                       utf8_is_valid(s->command, false));
                assert(utf8_is_valid(s->note, false) && (!*s->colour || strlen(s->colour) == 7));
                for (size_t k = 0; k < i; k++)
                        assert(strcmp(l->servers[k].name, s->name) != 0);
        }
        for (size_t i = 0; i < l->scenario_count; i++)
                for (size_t k = 0; k < i; k++)
                        assert(strcmp(l->scenarios[k].flags, l->scenarios[i].flags) != 0);
}

/* Without the notes, which may be cut. */
static void write_and_read(const struct lineup *l)
{
        struct why why = {0};
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert(out);
        for (size_t i = 0; i < l->server_count; i++) {
                const struct lineup_server *s = &l->servers[i];
                (void)fprintf(out, "[server %s]\ncommand = %s\n", s->name, s->command);
                if (*s->colour)
                        (void)fprintf(out, "colour = %s\n", s->colour);
        }
        (void)fprintf(out, "[scenario]\n");
        for (size_t i = 0; i < l->scenario_count; i++)
                (void)fprintf(out, "flags=%s\n", l->scenarios[i].flags);
        (void)fclose(out);
        int error = read_bytes(&again, text, size, &why);
        assert(error == 0 && again.server_count == l->server_count &&
               again.scenario_count == l->scenario_count);
        for (size_t i = 0; i < l->server_count; i++)
                assert(strcmp(again.servers[i].name, l->servers[i].name) == 0 &&
                       strcmp(again.servers[i].command, l->servers[i].command) == 0 &&
                       strcmp(again.servers[i].colour, l->servers[i].colour) == 0);
        for (size_t i = 0; i < l->scenario_count; i++)
                assert(strcmp(again.scenarios[i].flags, l->scenarios[i].flags) == 0);
        free(text);
}

static void one_line(char *text)
{
        const char *words[8];
        struct why why = {0};

        text[strcspn(text, "\n")] = '\0';
        lineup = (struct lineup){0};
        int error = lineup_add_server(&lineup, text, &why);
        assert(error ? *why.text != '\0' : lineup.server_count == 1);
        check(&lineup);
        lineup = (struct lineup){.scenario_count = 1, .scenarios = {{.flags = "-r 5"}}};
        error = lineup_sweep(&lineup, text, &why);
        assert(!error || *why.text);
        for (size_t i = 0; i < lineup.scenario_count && !error; i++)
                assert(strncmp(lineup.scenarios[i].flags, "-r 5 -", 6) == 0 &&
                       lineup.scenarios[i].sweep_value >= 1);
        size_t length = strlen(text), count = lineup_words_split(text, words, 8);
        assert(count <= 8);
        for (size_t i = 0; i < count; i++)
                assert(words[i] >= text && words[i] + strlen(words[i]) <= text + length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        char *text = fuzz_text(data, size);
        struct why why = {0};

        if (read_bytes(&lineup, data, size, &why) == 0) {
                assert(lineup.server_count + lineup.scenario_count > 0);
                check(&lineup);
                write_and_read(&lineup);
        } else
                assert(strstr(why.text, path));
        one_line(text);
        free(text);
        return 0;
}
