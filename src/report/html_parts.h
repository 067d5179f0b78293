/* SPDX-License-Identifier: MIT */
/* html_parts: what the sections of a report's page are made of. What is not known is written as n/a. */
#ifndef REPORT_HTML_PARTS_H
#define REPORT_HTML_PARTS_H

#include "comparison/comparison.h"

#include <stdio.h>

/* A text with what is special in HTML escaped; NULL: nothing. */
void html_text(FILE *, const char *text);

/* The command of a scenario, and a server's name as the head of a row, with a square in its colour. */
void html_command(FILE *, const struct comparison *, size_t scenario);
void html_server_head(FILE *, const struct comparison_server *);

/* A table that scrolls by itself where it is wider than the screen: `heads` ends with NULL. */
void html_table_begin(FILE *, const char *class, const char *label, const char *const *heads);
void html_table_end(FILE *);

/* The same up to its <thead>, which is the caller's, as is the begin of <tbody>. */
void html_table_open(FILE *, const char *class, const char *label);

/* Cells; NaN is not known. */
void html_cell_text(FILE *, const char *text);
void html_cell_count(FILE *, double value);
void html_cell_latency(FILE *, double ns);
void html_cell_percentile(FILE *, const struct histogram *, double share);
void html_cell_bytes(FILE *, double bytes);

#endif
