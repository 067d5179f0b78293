/* SPDX-License-Identifier: MIT */
/* A file without a name (O_TMPFILE) would leave nothing behind even if the program is killed, but it cannot
 * replace another (linkat(2)), and not every file system has it. */
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct outfile *open_files;

static void all_discard(void)
{
        while (open_files)
                outfile_discard(open_files);
}

/* The permissions that it had, or that any new file has. */
static mode_t mode_of(const char *path)
{
        struct stat status;

        if (stat(path, &status) == 0)
                return status.st_mode & 07777;
        mode_t mask = umask(0);
        (void)umask(mask);
        return 0666 & ~mask;
}

/* Creates the temporary file. A descriptor or a negative errno. */
static int temporary_open(struct outfile *f, const char *path)
{
        if (snprintf(f->temporary, sizeof f->temporary, "%s.XXXXXX", path) >= (int)sizeof f->temporary)
                return -ENAMETOOLONG;
        int fd = mkostemp(f->temporary, O_CLOEXEC);
        if (fd < 0)
                return -errno;
        (void)fchmod(fd, mode_of(path)); /* if it fails, only the owner can read it */
        return fd;
}

int outfile_open(struct outfile *f, const char *path)
{
        static int registered;
        struct stat status;

        *f = (struct outfile){.path = path, .stream = stdout};
        if (strcmp(path, "-") == 0)
                return 0;
        int fd = lstat(path, &status) == 0 && !S_ISREG(status.st_mode) ? -EEXIST : temporary_open(f, path);
        if (fd < 0) {
                *f->temporary = '\0';
                fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        }
        f->stream = fd < 0 ? NULL : fdopen(fd, "w"); /* which does not truncate it */
        if (!f->stream) {
                int error = -errno;
                f->path = NULL;
                if (fd >= 0)
                        (void)close(fd);
                if (*f->temporary)
                        (void)unlink(f->temporary);
                return error;
        }
        if (!registered)
                registered = atexit(all_discard) == 0;
        f->next_open = open_files;
        open_files = f;
        return 0;
}

/* Closes the stream. What was written in place may be shorter than what was there. 0 or a negative errno. */
static int stream_close(struct outfile *f, int whole)
{
        struct stat status;
        int error = ferror(f->stream) ? -EIO : 0;

        if (whole && !*f->temporary && fstat(fileno(f->stream), &status) == 0 && S_ISREG(status.st_mode) &&
            (fflush(f->stream) != 0 || ftruncate(fileno(f->stream), ftello(f->stream)) != 0) && !error)
                error = -errno;
        for (struct outfile **at = &open_files; *at; at = &(*at)->next_open)
                if (*at == f) {
                        *at = f->next_open;
                        break;
                }
        return fclose(f->stream) != 0 && !error ? -errno : error;
}

int outfile_close(struct outfile *f)
{
        const char *path = f->path;

        f->path = NULL;
        if (!path || f->stream == stdout)
                return 0;
        int error = stream_close(f, 1);
        if (!error && *f->temporary && rename(f->temporary, path) != 0)
                error = -errno;
        if (error && *f->temporary)
                (void)unlink(f->temporary);
        return error;
}

void outfile_discard(struct outfile *f)
{
        if (f->path && f->stream != stdout) {
                (void)stream_close(f, 0);
                if (*f->temporary)
                        (void)unlink(f->temporary);
        }
        f->path = NULL;
}
