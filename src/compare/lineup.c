/* SPDX-License-Identifier: MIT */
#include "compare/lineup.h"

#include "base/number.h"
#include "base/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int server_add(struct lineup *l, const char *name, const char *command, const char *skipped,
                      struct why *why)
{
        if (l->server_count == LINEUP_SERVERS_MAX)
                return why_fail(why, -E2BIG, "more than %d servers", LINEUP_SERVERS_MAX);
        for (size_t i = 0; i < l->server_count; i++)
                if (strcmp(l->servers[i].name, name) == 0)
                        return why_fail(why, -EEXIST, "there are two servers named '%s'", name);
        if (!utf8_is_valid(name, true))
                return why_fail(why, -EILSEQ, "a server's name is printable UTF-8, not '%s'", name);
        if (!utf8_is_valid(command, false))
                return why_fail(why, -EILSEQ, "the command of the server '%.64s' is not UTF-8", name);
        struct lineup_server *s = &l->servers[l->server_count];
        if (strlen(name) >= sizeof s->name || strlen(command) >= sizeof s->command)
                return why_fail(why, -ENAMETOOLONG,
                                "the server '%.32s': a name has at most %zu bytes, a command %zu", name,
                                sizeof s->name - 1, sizeof s->command - 1);
        (void)strcpy(s->name, name); /* both were checked to fit */
        (void)strcpy(s->command, command);
        (void)snprintf(s->skipped, sizeof s->skipped, "%s", skipped);
        utf8_clean(s->skipped);
        l->server_count++;
        return 0;
}

int lineup_add_server(struct lineup *l, const char *text, struct why *why)
{
        char name[LINEUP_NAME_MAX];
        const char *equals = strchr(text, '=');

        if (!equals || equals == text || (size_t)(equals - text) >= sizeof name || equals[1] == '\0')
                return why_set(why, "a server is given as NAME=COMMAND, not '%s'", text);
        (void)snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
        return server_add(l, name, equals + 1, "", why);
}

int lineup_add_scenario(struct lineup *l, const char *flags, struct why *why)
{
        if (l->scenario_count == LINEUP_SCENARIOS_MAX || strlen(flags) >= LINEUP_TEXT_MAX)
                return why_fail(why, -E2BIG, "at most %d scenarios of %d bytes", LINEUP_SCENARIOS_MAX,
                                LINEUP_TEXT_MAX - 1);
        if (!utf8_is_valid(flags, false))
                return why_fail(why, -EILSEQ, "the scenario '%s' is not UTF-8", flags);
        for (size_t i = 0; i < l->scenario_count; i++)
                if (strcmp(l->scenarios[i].flags, flags) == 0)
                        return why_fail(why, -EEXIST, "there are two scenarios '%s'", flags);
        struct lineup_scenario *s = &l->scenarios[l->scenario_count++];
        *s = (struct lineup_scenario){.sweep_value = NAN};
        (void)strcpy(s->flags, flags); /* was checked to fit */
        return 0;
}

size_t lineup_words_split(char *text, const char **words, size_t max)
{
        size_t count = 0;

        while (count < max) {
                text += strspn(text, " \t");
                if (!*text)
                        break;
                char *out = text, quote = '\0';
                words[count++] = text;
                for (; *text && (quote || (*text != ' ' && *text != '\t')); text++)
                        if (*text == quote)
                                quote = '\0';
                        else if (!quote && (*text == '\'' || *text == '"'))
                                quote = *text;
                        else
                                *out++ = *text;
                if (*text)
                        text++;
                *out = '\0';
        }
        return count;
}

/* Adds one scenario of a sweep. Its flag comes last, so it overrides an earlier one. */
static int sweep_add(struct lineup *l, const char *flags, const char *flag, const char *value,
                     struct why *why)
{
        char text[LINEUP_TEXT_MAX * 2];
        double number;

        if (number_parse_decimal(value, 1, HUGE_VAL, &number) != 0)
                return why_set(why, "a sweep's values are numbers of at least 1, not '%s'", value);
        (void)snprintf(text, sizeof text, "%.511s%s%s %.32s", flags, *flags ? " " : "", flag, value);
        int error = lineup_add_scenario(l, text, why);
        if (!error)
                l->scenarios[l->scenario_count - 1].sweep_value = number;
        return error;
}

int lineup_sweep(struct lineup *l, const char *text, struct why *why)
{
        static const char *const keys[] = {"connections", "rate"}, *const flags[] = {"-c", "-R"};
        static struct lineup_scenario before[LINEUP_SCENARIOS_MAX];
        const char *equals = strchr(text, '=');
        size_t key = 0, count = l->scenario_count;
        int error = 0;

        while (key < 2 && (!equals || strncmp(text, keys[key], (size_t)(equals - text)) != 0 ||
                           keys[key][equals - text]))
                key++;
        if (key == 2 || equals[1] == '\0')
                return why_set(why, "a sweep is given as connections=1,10,100 or rate=1000,2000, not '%s'",
                               text);
        memcpy(before, l->scenarios, sizeof before);
        l->scenario_count = 0;
        l->sweep_key = keys[key];
        for (size_t i = 0; i < (count ? count : 1) && !error; i++) {
                char values[LINEUP_TEXT_MAX], *rest = values, *value;
                (void)snprintf(values, sizeof values, "%s", equals + 1);
                while (!error && (value = strsep(&rest, ",")))
                        error = sweep_add(l, count ? before[i].flags : "", flags[key], value, why);
        }
        return error;
}

/* Adds the model of a line of --list-models: name, availability, summary, caveats, separated by tabs. */
static int model_add(struct lineup *l, const char *directory, char *line, struct why *why)
{
        char command[LINEUP_TEXT_MAX];
        char *availability = strchr(line, '\t');

        if (!availability)
                return why_fail(why, -EPROTO, "echo-c --list-models printed '%s'", line);
        *availability++ = '\0';
        availability[strcspn(availability, "\t\n")] = '\0';
        if (strncmp(availability, "stands for ", 11) == 0)
                return 0;
        (void)snprintf(command, sizeof command, "'%s/echo-c' --model %.63s -l {host}:{port}", directory,
                       line);
        const char *skipped = strcmp(availability, "available") == 0 ? "" : availability;
        int error = server_add(l, line, command, skipped, why);
        if (!error)
                l->servers[l->server_count - 1].pins = true;
        return error;
}

int lineup_add_ours(struct lineup *l, const char *directory, struct why *why)
{
        char command[LINEUP_TEXT_MAX], line[2048];
        int error = 0;

        (void)snprintf(command, sizeof command, "'%s/echo-c' --list-models", directory);
        FILE *pipe = popen(command, "re");
        if (!pipe) {
                (void)why_set(why, "cannot run %s: %s", command, strerror(errno));
                return -errno;
        }
        while (!error && fgets(line, sizeof line, pipe))
                error = model_add(l, directory, line, why);
        if (pclose(pipe) != 0 && !error)
                return why_fail(why, -ENOENT, "%s failed: is echo-c built?", command);
        return error;
}

static bool is_note(const char *name)
{
        size_t size = strlen(name);

        return size > 5 && strcmp(name + size - 5, ".note") == 0;
}

/* Reads the note beside a peer's program, if there is one. */
static void note_read(struct lineup_server *s, const char *directory)
{
        char path[LINEUP_TEXT_MAX * 2];

        (void)snprintf(path, sizeof path, "%s/%s.note", directory, s->name);
        FILE *file = fopen(path, "re");
        if (!file)
                return;
        if (!fgets(s->note, sizeof s->note, file))
                *s->note = '\0';
        s->note[strcspn(s->note, "\n")] = '\0';
        utf8_clean(s->note);
        (void)fclose(file); /* was only read */
}

int lineup_add_peers(struct lineup *l, const char *directory, struct why *why)
{
        char path[LINEUP_TEXT_MAX], command[LINEUP_TEXT_MAX];
        struct dirent **entries;
        int error = 0;

        (void)snprintf(path, sizeof path, "%s/build/peers", directory);
        int count = scandir(path, &entries, NULL, alphasort);
        for (int i = 0; i < count; i++) {
                if (!error && entries[i]->d_name[0] != '.' && !is_note(entries[i]->d_name)) {
                        if (snprintf(command, sizeof command, "'%s/%s' {host} {port}", path,
                                     entries[i]->d_name) >= (int)sizeof command)
                                error = why_fail(why, -ENAMETOOLONG, "the peer '%s/%s': the path is too long",
                                                 path, entries[i]->d_name);
                        else
                                error = server_add(l, entries[i]->d_name, command, "", why);
                        if (!error)
                                note_read(&l->servers[l->server_count - 1], path);
                }
                free(entries[i]);
        }
        if (count >= 0)
                free(entries);
        return error; /* having none is not an error: `make peers` says why */
}

static char *trim(char *text)
{
        while (*text == ' ' || *text == '\t')
                text++;
        size_t size = strcspn(text, "\n");
        while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t' || text[size - 1] == '\r'))
                size--;
        text[size] = '\0';
        return text;
}

/* Reads a line that follows a server's command. */
static int server_detail(struct lineup_server *s, char *text, char *equals, struct why *why)
{
        char command[LINEUP_TEXT_MAX];
        const char *value = trim(equals + 1), *key;

        *equals = '\0';
        key = trim(text);
        if (strcmp(key, "environment") == 0) {
                if (snprintf(command, sizeof command, "env %s %s", value, s->command) >= (int)sizeof command)
                        return why_fail(why, -ENAMETOOLONG, "environment and command have at most %zu bytes",
                                        sizeof command - 6);
                if (!utf8_is_valid(command, false))
                        return why_fail(why, -EILSEQ, "the environment of the server '%s' is not UTF-8",
                                        s->name);
                (void)strcpy(s->command, command); /* of the same size */
        } else if (strcmp(key, "colour") == 0) {
                if (strlen(value) != 7 || *value != '#' || strspn(value + 1, "0123456789abcdefABCDEF") != 6)
                        return why_set(why, "a colour is #rrggbb, not '%s'", value);
                (void)strcpy(s->colour, value); /* was checked to fit */
        } else if (strcmp(key, "note") == 0) {
                (void)snprintf(s->note, sizeof s->note, "%s", value);
                utf8_clean(s->note); /* it may be cut within a character */
        } else if (strcmp(key, "command") == 0) {
                return why_fail(why, -EEXIST, "the server '%s' already has a command", s->name);
        } else
                return why_set(why,
                               "'environment = ...', 'colour = ...' or 'note = ...' is expected, not '%s'",
                               key);
        return 0;
}

/* Whether the section is that of a server whose command has not come yet. */
static bool lacks_command(const struct lineup *l, const char *section)
{
        return *section &&
               (l->server_count == 0 || strcmp(l->servers[l->server_count - 1].name, section) != 0);
}

/* Reads one line of a lineup file. `section` keeps the server's name between lines, or "" in a scenario. */
static int line_read(struct lineup *l, char *line, char section[static LINEUP_NAME_MAX], struct why *why)
{
        char *text = trim(line), *equals = strchr(text, '=');
        int end = 0;

        if (*text == '\0' || *text == '#')
                return 0;
        if (*text == '[') {
                if (lacks_command(l, section))
                        return why_set(why, "the server '%s' before it has no command", section);
                if (strcmp(text, "[scenario]") == 0)
                        (void)strcpy(section, "");
                else if (sscanf(text, "[server %63[^]\n]]%n", section, &end) != 1 || end == 0 || text[end])
                        return why_set(why, "a section is [server NAME] or [scenario], not '%s'", text);
                return 0;
        }
        if (*section && !lacks_command(l, section) && equals && equals[1])
                return server_detail(&l->servers[l->server_count - 1], text, equals, why);
        const char *key = *section ? "command" : "flags";
        if (equals)
                *equals = '\0';
        if (!equals || strcmp(trim(text), key) != 0 || *trim(equals + 1) == '\0')
                return why_set(why, "'%s = ...' is expected, not '%s'", key, text);
        return *section ? server_add(l, section, trim(equals + 1), "", why)
                        : lineup_add_scenario(l, trim(equals + 1), why);
}

int lineup_read(struct lineup *l, const char *path, struct why *why)
{
        char section[LINEUP_NAME_MAX] = "", *line = NULL;
        size_t line_size = 0, before = l->server_count + l->scenario_count;
        int number = 0, error = 0;
        FILE *file = fopen(path, "re");

        if (!file)
                return why_fail(why, -errno, "cannot read the lineup %s: %s", path, strerror(errno));
        while (!error && getline(&line, &line_size, file) >= 0) {
                number++;
                error = line_read(l, line, section, why);
        }
        if (!error && lacks_command(l, section))
                error = why_set(why, "the server '%s' has no command", section);
        if (error)
                (void)why_set(why, "%s:%d: %s", path, number, why->text);
        else if (ferror(file))
                error = why_fail(why, -errno, "cannot read the lineup %s: %s", path, strerror(errno));
        else if (l->server_count + l->scenario_count == before)
                error = why_set(why, "%s names no server and no scenario", path);
        free(line);
        (void)fclose(file); /* was only read */
        return error;
}
