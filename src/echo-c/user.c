/* SPDX-License-Identifier: MIT */
#include "echo-c/user.h"

#include "base/number.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_MAX ((uint64_t)UINT32_MAX - 1) /* the last one means "leave it as it is" */

static int numbers_parse(const char *text, struct user *u)
{
        uint64_t uid, gid;
        const char *rest = number_read(text, &uid);

        if (!rest || *rest != ':' || uid > ID_MAX || number_parse(rest + 1, 0, ID_MAX, &gid) != 0)
                return -EINVAL;
        *u = (struct user){true, (uid_t)uid, (gid_t)gid};
        return 0;
}

int user_parse(const char *text, struct user *u, struct why *why)
{
        FILE *file = fopen("/etc/passwd", "re");
        const struct passwd *row;

        while (file && (row = fgetpwent(file)))
                if (strcmp(row->pw_name, text) == 0)
                        *u = (struct user){true, row->pw_uid, row->pw_gid};
        if (file)
                (void)fclose(file); /* it was only read */
        if (!u->given && numbers_parse(text, u) != 0)
                return why_set(why, "--user takes a name in /etc/passwd, or UID:GID, not '%s'", text);
        return 0;
}

int user_try(const struct user *u)
{
        if (!u->given)
                return 0;
        return setegid(u->gid) == 0 && seteuid(u->uid) == 0 ? 0 : -errno;
}

int user_return(const struct user *u)
{
        if (!u->given)
                return 0;
        return seteuid(getuid()) == 0 && setegid(getgid()) == 0 ? 0 : -errno;
}

int user_become(const struct user *u)
{
        if (!u->given)
                return 0;
        if (setgroups(0, NULL) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
            setresuid(u->uid, u->uid, u->uid) != 0)
                return -errno;
        return 0;
}
