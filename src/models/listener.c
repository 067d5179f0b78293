/* SPDX-License-Identifier: MIT */
#include "models/listener.h"

#include <unistd.h>

void listener_unlink(const struct listener *l)
{
        const struct stat *made = &l->made;
        struct stat now;

        /* A file system may use an inode's number again at once, but not at the same time. */
        if (l->path && lstat(l->path, &now) == 0 && now.st_dev == made->st_dev &&
            now.st_ino == made->st_ino && now.st_mtim.tv_sec == made->st_mtim.tv_sec &&
            now.st_mtim.tv_nsec == made->st_mtim.tv_nsec)
                (void)unlink(l->path); /* somebody may have been faster */
}

void listener_leave(struct listener *l)
{
        if (atomic_fetch_sub_explicit(&l->users, 1, memory_order_acq_rel) > 1)
                return;
        listener_unlink(l); /* before the close, after which another server may take the path */
        (void)close(l->fd);
}
