/* SPDX-License-Identifier: MIT */
/* The files that a report's page is made of, from src/report or made by the Makefile, each from NAME to NAME_end.
 * Chart.js is empty if Debian's libjs-chart.js was not installed at build time. */
        .macro  asset name, file
        .global \name, \name\()_end
\name:
        .incbin "\file"
\name\()_end:
        .byte   0
        .endm

        .section .rodata
        asset   asset_template, "page.html"
        asset   asset_style, "page.css"
        asset   asset_script, "page.js"
        asset   asset_policy, "policy.txt"
#ifdef HAVE_CHARTJS
        asset   asset_charts, "chart.js"
#else
        .global asset_charts, asset_charts_end
asset_charts:
asset_charts_end:
        .byte   0
#endif
        .section .note.GNU-stack, "", %progbits
