/* SPDX-License-Identifier: MIT */
/* why: a reason in words, beside the error that a function returns. The caller owns it and prints it; whoever
 * fails first fills it in. */
#ifndef BASE_WHY_H
#define BASE_WHY_H

enum { WHY_TEXT_MAX = 1024 };

struct why {
        char text[WHY_TEXT_MAX]; /* a phrase without a full stop; "": nothing was said */
};

/* Both format like printf(3), cut at WHY_TEXT_MAX, and return an error, for `return why_set(…)`: the first
 * -EINVAL, the second `error`. The arguments may include why->text, to put something before it. */
int why_set(struct why *, const char *format, ...) __attribute__((format(printf, 2, 3)));
int why_fail(struct why *, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
