/* SPDX-License-Identifier: MIT */
/* html: a comparison as one page that needs no other file: every number in tables, and charts, if Chart.js
 * was installed at build time. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "comparison/comparison.h"

#include <stdio.h>

/* Writes the page. Returns 0, -ENOMEM, or -EIO if the stream has an error. */
int report_html(FILE *, const struct comparison *);

/* Parts of the page: its sections, with all tables, and the list of links to them. */
void html_sections(FILE *, const struct comparison *, bool with_charts);
void html_contents(FILE *, const struct comparison *);

#endif
