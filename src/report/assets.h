/* SPDX-License-Identifier: MIT */
/* assets: the files of a report's page, which assets.S holds. */
#ifndef REPORT_ASSETS_H
#define REPORT_ASSETS_H

extern const char asset_template[], asset_template_end[], asset_style[], asset_style_end[], asset_script[],
        asset_script_end[];

/* The Content-Security-Policy, with the hashes of the style and of both scripts (scripts/page-policy). */
extern const char asset_policy[], asset_policy_end[];

/* Chart.js with its licence; empty if it was not installed at build time. */
extern const char asset_charts[], asset_charts_end[];

#endif
