/* SPDX-License-Identifier: MIT */
#include "bench/command.h"

#include "result/json.h"

#include "base/number.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const char *command_name = "bench";
volatile sig_atomic_t command_interrupted;

int command_fail(int status, const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        fprintf(stderr, "%s: ", command_name);
        (void)vfprintf(stderr, format, arguments);
        (void)fputc('\n', stderr);
        va_end(arguments);
        return status;
}

static void interrupt(int number)
{
        (void)number;
        command_interrupted = 1;
}

void command_catch_signals(void)
{
        const struct sigaction on_interrupt = {.sa_handler = interrupt};
        struct sigaction hang_up;

        (void)sigaction(SIGINT, &on_interrupt, NULL); /* the arguments are valid, here and below */
        (void)sigaction(SIGTERM, &on_interrupt, NULL);
        if (sigaction(SIGHUP, NULL, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN) /* as nohup(1) has it */
                (void)sigaction(SIGHUP, &on_interrupt, NULL);
}

int command_path(char path[static PATH_MAX])
{
        ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

        if (length < 0)
                return -errno;
        path[length] = '\0';
        return 0;
}

void command_words_join(char *text, size_t size, char *const words[])
{
        size_t used = 0;

        *text = '\0';
        for (size_t i = 0; words[i] && used < size; i++)
                used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "", words[i]);
}

int command_file_open(struct outfile *file, const char *path)
{
        int error = path ? outfile_open(file, path) : 0;

        return error ? command_fail(STATUS_FAILED, "cannot write %s: %s", path, strerror(-error)) : 0;
}

int command_file_close(struct outfile *file)
{
        const char *path = file->path;
        int error = outfile_close(file);

        return error ? command_fail(STATUS_FAILED, "cannot write %s: %s", path, strerror(-error)) : 0;
}

int command_json_write(json_t *json, struct outfile *file)
{
        if (file->path && json)
                (void)json_put(json, file->stream); /* closing it shows if it failed */
        json_decref(json);
        return json || !file->path
                       ? command_file_close(file)
                       : command_fail(STATUS_FAILED, "cannot write %s: out of memory", file->path);
}

bool command_stdout_taken(const struct outfile *file)
{
        return file->path && file->stream == stdout;
}

unsigned command_columns(void)
{
        const char *given = getenv("COLUMNS");
        struct winsize size;
        uint64_t columns;

        if (given && number_parse(given, 1, UINT16_MAX, &columns) == 0)
                return (unsigned)columns;
        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
