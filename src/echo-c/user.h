/* SPDX-License-Identifier: MIT */
/* user: whom to become once the privileged ports are bound. */
#ifndef ECHO_C_USER_H
#define ECHO_C_USER_H

#include "base/why.h"

#include <stdbool.h>
#include <sys/types.h>

struct user {
        bool given;
        uid_t uid;
        gid_t gid;
};

/* Reads NAME of /etc/passwd (passwd(5)), or UID:GID. Asks no name service: echo-c is linked statically. Returns 0, or a
 * negative errno and in `why` the reason. */
int user_parse(const char *text, struct user *, struct why *why);

/* Takes the user's rights, or gives them back, for finding out what they allow. Both return 0 or a negative errno. */
int user_try(const struct user *);
int user_return(const struct user *);

/* Becomes the user for good, without supplementary groups. Returns 0 or a negative errno. */
int user_become(const struct user *);

#endif
