/* SPDX-License-Identifier: MIT */
/* scrape: HTTP/1.1 (RFC 9112) as far as a scraper of metrics speaks it: GET or HEAD /metrics, one request a connection.
 * Nobody can make it wait, or keep others out: a connection lasts SCRAPE_MS at most, and where all places are taken, a new one
 * takes that of the oldest. */
#ifndef ECHO_C_SCRAPE_H
#define ECHO_C_SCRAPE_H

#include "echo-c/metrics.h"

#include <poll.h>
#include <stdint.h>

enum { SCRAPES_MAX = 8, SCRAPE_MS = 5000, SCRAPE_REQUEST_MAX = 4096 };

/* What scrape_poll() is to wait for: the listener, then the connections. */
enum { SCRAPE_POLLS = 1 + SCRAPES_MAX };

void scrape_begin(int listener,
                  const struct metrics_source *); /* both for good; the listener does not block */

/* Fills in what to wait for, and returns for how many ms at most; -1: for ever. */
int scrape_prepare(struct pollfd fds[static SCRAPE_POLLS]);

/* Does what poll(2) has found that can be done, and ends what has lasted too long. */
void scrape_handle(const struct pollfd fds[static SCRAPE_POLLS]);

#endif
