/* SPDX-License-Identifier: MIT */
/* html: a comparison as one page that needs nothing else: every number in tables, and, where Chart.js was
 * there at build time, charts. */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include "comparison/comparison.h"

#include <stdio.h>

/* Writes the page. 0, -ENOMEM, or -EIO if the stream has an error. */
int report_html(FILE *, const struct comparison *);

/* What the page is put together from. */

/* The sections of the page, with all tables, and the list of links to them. */
void html_sections(FILE *, const struct comparison *, bool with_charts);
void html_contents(FILE *, const struct comparison *);

#endif
