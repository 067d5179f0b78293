/* SPDX-License-Identifier: MIT */
/* html_parts: what the sections of a report's page are made of. What is unknown is written as n/a. */
#ifndef REPORT_HTML_PARTS_H
#define REPORT_HTML_PARTS_H

#include "comparison/comparison.h"

#include <stdio.h>

/* A text with the characters that are special in HTML escaped; nothing for NULL. */
void html_text(FILE *, const char *text);

/* A scenario's command. */
void html_command(FILE *, const struct comparison *, size_t scenario);

/* A table that scrolls by itself where it is wider than the screen. `heads` ends with NULL. */
void html_table_begin(FILE *, const char *class, const char *label, const char *const *heads);
void html_table_end(FILE *);

/* The same, except that the caller writes the <thead> and opens the <tbody>. */
void html_table_open(FILE *, const char *class, const char *label);

/* A row that begins with a server's name, and a square in its colour. */
void html_row_begin(FILE *, const struct comparison_server *);
void html_row_end(FILE *);

/* Cells. NaN is unknown. */
void html_cell_text(FILE *, const char *text);
void html_cell_count(FILE *, double value);
void html_cell_latency(FILE *, double ns);
void html_cell_percentile(FILE *, const struct histogram *, double share);
void html_cell_bytes(FILE *, double bytes);
void html_cell_verdicts(FILE *, const struct summary *);

#endif
