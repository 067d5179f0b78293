#compdef PROGRAM
# SPDX-License-Identifier: MIT
# Completion for PROGRAM, which scripts/from-help makes of this file and of PROGRAM --help.
local program=$words[1] command=''
local -a subcommands models
subcommands=(
    #SUMMARIES#
)
if (( $#subcommands )); then
    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
        _describe command subcommands
        return
    fi
    if [[ -n ${(M)subcommands:#${words[2]}:*} ]]; then
        command=$words[2]
        shift words
        (( CURRENT-- ))
    fi
fi
models=(${${(f)"$(_call_program models $program --list-models 2>/dev/null)"}%%$'\t'*})
case $command in
#TABLE#
esac
