# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2207 # words of compgen; bash 4.2 has no better way that honours IFS
# Completion for PROGRAM, which scripts/from-help makes of this file and of PROGRAM --help.

# How the options of a command are called, and after a = what they take, in the words of --help: $takes. Its words are $files.
_PROGRAM_table() { # COMMAND
        takes='' files=''
        case $1 in
        #TABLE#
        esac
}

# Completes $value to names that exist. A prefix belongs to the value, and not to the name.
_PROGRAM_names() { # PREFIX COMPGEN-OPTION...
        local name
        compopt -o filenames 2>/dev/null # there is no such thing outside a completion
        while IFS= read -r name; do
                COMPREPLY+=("$1$name")
        done < <(compgen "${@:2}" -- "${value#"$1"}" | sort -u)
}

# Completes $value as what an option takes. Words in lower case stand for themselves.
_PROGRAM_value() { # TAKES
        local what
        while read -r -d '|' what; do
                case $what in
                FILE.json) _PROGRAM_names '' -f -X '!*.json' -o plusdirs ;;
                FILE*) _PROGRAM_names '' -f ;;
                DIR) _PROGRAM_names '' -d ;;
                @FILE) [[ $value != @* ]] || _PROGRAM_names @ -f ;;
                ADDR) if [[ $value == unix:* ]]; then
                        _PROGRAM_names unix: -f
                else
                        compopt -o nospace 2>/dev/null
                        COMPREPLY+=($(compgen -W 'unix: 127.0.0.1: [::1]:' -- "$value"))
                fi ;;
                NAME*SIZE*) COMPREPLY+=($(compgen -W "$("$program" --list-models 2>/dev/null | cut -f 1)" -- "$value")) ;;
                NAME) [[ $option != --user ]] || COMPREPLY+=($(compgen -u -- "$value")) ;;
                PID) COMPREPLY+=($(compgen -W "$(cd /proc && compgen -G '[0-9]*')" -- "$value")) ;;
                [a-z]*) COMPREPLY+=($(compgen -W "$what" -- "$value")) ;;
                esac
        done <<<"$1|"
}

_PROGRAM() {
        local IFS=$' \t\n' program=$1 word option='' value='' command='' takes files i
        local -a words=()
        COMPREPLY=()
        # readline splits words at = and :, where COMP_WORDBREAKS has them; here they are whole.
        for ((i = 0; i <= COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [[ $i -gt 1 && ($word == [=:]* || ${COMP_WORDS[i - 1]} == *[=:]) && ${words[-1]} != -- ]]; then
                        words[-1]+=$word
                else
                        words+=("$word")
                fi
        done
        value=${words[-1]}
        unset 'words[-1]'
        [[ " COMMANDS " != *" ${words[1]-} "* ]] || command=${words[1]-}
        _PROGRAM_table "$command"
        for ((i = 1; i < COMP_CWORD; i++)); do
                [[ ${COMP_WORDS[i]} == -- ]] || continue
                if declare -F _command_offset >/dev/null; then # of bash-completion: as that command has it
                        _command_offset $((i + 1))
                else
                        _PROGRAM_names '' "$([[ $((i + 1)) == "$COMP_CWORD" ]] && echo -c || echo -f)"
                fi
                return
        done
        if [[ $value == --*=* ]]; then
                option=${value%%=*} value=${value#*=}
                [[ $COMP_WORDBREAKS == *=* ]] || i=-1
        elif [[ ${words[-1]} == -* ]]; then
                option=${words[-1]}
        fi
        if [[ -n $option && $'\n'$takes == *$'\n'"$option="* ]]; then
                word=${takes#*"$option="}
                _PROGRAM_value "${word%%$'\n'*}"
                [[ $i != -1 ]] || COMPREPLY=("${COMPREPLY[@]/#/$option=}")
        elif [[ $value == -* ]]; then
                COMPREPLY=($(compgen -W "$(sed -n 's/^\(--[a-z-]*=\{0,1\}\).*/\1/p' <<<"$takes")" -- "$value"))
                [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
        else
                [[ -n $command || ${#words[@]} != 1 ]] || COMPREPLY=($(compgen -W 'COMMANDS' -- "$value"))
                [[ -z $files ]] || _PROGRAM_value "$files"
        fi
        # What stands before the last colon is already on the line.
        if [[ $COMP_WORDBREAKS == *:* && $value == *:* ]]; then
                COMPREPLY=("${COMPREPLY[@]#"${value%"${value##*:}"}"}")
        fi
}
complete -F _PROGRAM PROGRAM
