"""The completion scripts of three shells, written from the nodes of the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..command_line.verb_parser import CommandParser

FILES, FOLDERS = "@files", "@folders"


@dataclass(frozen=True)
class CompletionFlag:
    """A flag: its names, its line of help, and its value: None without one, files, folders, or one of several words."""

    names: tuple[str, ...]
    text: str
    value: str | None


@dataclass(frozen=True)
class CompletionNode:
    """A place on the command line after some verbs: further verbs with their lines of help, flags, and other values."""

    words: str
    verbs: dict[str, str]
    flags: tuple[CompletionFlag, ...]
    value: str


_BASH = r"""# completion of ovenbird for bash; made by `ovenbird completion bash`
_ovenbird() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} place= word i verbs= flags= value=
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = && $COMP_CWORD -gt 1 ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="$place${place:+ }${COMP_WORDS[i]}"
        case "$word" in
            @PLACES@) place=$word ;;
        esac
    done
    case "$place" in
@TABLE@
    esac
    case "$place $prev" in
@VALUES@
    esac
    local IFS=$'\n'
    case "$value" in
        @files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
        @folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")) ;;
        @none) COMPREPLY=() ;;
        ?*) IFS=$' \t\n'; COMPREPLY=($(compgen -W "$value" -- "$cur")) ;;
        *)
            IFS=$' \t\n'
            if [[ $cur == -* ]]; then
                COMPREPLY=($(compgen -W "$flags" -- "$cur"))
            elif [[ $verbs == @folders ]]; then
                IFS=$'\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur"))
            elif [[ $verbs == @files ]]; then
                IFS=$'\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
            fi ;;
    esac
}
complete -F _ovenbird ovenbird
"""
_ZSH = r"""#compdef ovenbird
# completion of ovenbird for zsh; made by `ovenbird completion zsh`
_ovenbird() {
    local place= word value= i prev=${words[CURRENT-1]}
    local -a verbs flags
    local files=
    for ((i = 2; i < CURRENT; i++)); do
        word="$place${place:+ }${words[i]}"
        case "$word" in
            @PLACES@) place=$word ;;
        esac
    done
    case "$place" in
@TABLE@
    esac
    if [[ ${words[CURRENT]} == --*=* ]]; then
        prev=${words[CURRENT]%%=*}
        compset -P '*='
    fi
    case "$place $prev" in
@VALUES@
    esac
    case "$value" in
        @files) _files ;;
        @folders) _files -/ ;;
        @none) ;;
        ?*) compadd -- ${=value} ;;
        *)
            if [[ ${words[CURRENT]} == -* ]]; then
                _describe -o flag flags
            else
                [[ -n $files ]] && _files
                (( $#verbs )) && _describe verb verbs
            fi ;;
    esac
    return 0
}
if [[ $funcstack[1] == _ovenbird ]]; then
    _ovenbird "$@"
else
    compdef _ovenbird ovenbird
fi
"""
_FISH = r"""# completion of ovenbird for fish; made by `ovenbird completion fish`
set -g __ovenbird_places @PLACES@
function __ovenbird_at --argument-names wanted
    set -l place ""
    for word in (commandline -opc)[2..-1]
        set -l longer (string trim -- "$place $word")
        if contains -- "$longer" $__ovenbird_places
            set place $longer
        end
    end
    test "$place" = "$wanted"
end
complete -c ovenbird -e
@TABLE@
"""


def write_bash(nodes: Sequence[CompletionNode]) -> str:
    """Return the script for bash, from 3.2 on, with or without the package bash-completion."""
    table = []
    values = []
    for node in nodes:
        verbs = " ".join(node.verbs) if node.verbs else node.value
        flags = " ".join(name for flag in node.flags for name in flag.names)
        table.append(f"        {_quote(node.words)}) verbs={_quote(verbs)} flags={_quote(flags)} ;;")
        values += _format_values(node)
    return _fill_script(_BASH, nodes, table, values)


def write_zsh(nodes: Sequence[CompletionNode]) -> str:
    """Return the script for zsh: to be sourced after compinit, or as the file `_ovenbird` in a folder of fpath."""
    table = []
    values = []
    for node in nodes:
        verbs = [_quote(f"{name}:{text}") for name, text in node.verbs.items()]
        files = node.value.startswith("@")
        verbs = verbs or ([] if files else [_quote(word) for word in node.value.split()])
        flags = [_quote(f"{name}:{flag.text}") for flag in node.flags for name in flag.names]
        table.append(f"        {_quote(node.words)})")
        table.append(f"            verbs=({' '.join(verbs)}) flags=({' '.join(flags)}) files={'1' if files else ''} ;;")
        values += _format_values(node)
    return _fill_script(_ZSH, nodes, table, values)


def write_fish(nodes: Sequence[CompletionNode]) -> str:
    """Return the script for fish."""
    lines = []
    for node in nodes:
        command = f"complete -c ovenbird -n \"__ovenbird_at '{node.words}'\""
        if not node.value.startswith("@"):
            lines.append(f"{command} -f" + (f" -a {_quote_fish(node.value)}" if node.value and not node.verbs else ""))
        lines += [f"{command} -f -a {_quote_fish(name)} -d {_quote_fish(text)}" for name, text in node.verbs.items()]
        for flag in node.flags:
            for name in flag.names:
                option = f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                lines.append(f"{command} {option}{_format_fish_value(flag.value)} -d {_quote_fish(flag.text)}")
    names = " ".join(_quote_fish(node.words) for node in nodes if node.words)
    return _FISH.replace("@PLACES@", names).replace("@TABLE@", "\n".join(lines))


WRITERS: dict[str, Callable[[Sequence[CompletionNode]], str]] = {
    "bash": write_bash,
    "zsh": write_zsh,
    "fish": write_fish,
}


def build_parser() -> CommandParser:
    """Return the parser of the verb."""
    text = "Print what a shell completes this command by: verbs, flags, words that a flag takes, files."
    parser = CommandParser(prog="ovenbird completion", description=text)
    parser.add_argument("shell", choices=sorted(WRITERS), metavar="|".join(sorted(WRITERS)), help="the shell")
    return parser


def _format_values(node: CompletionNode) -> list[str]:
    """Return a line of `case` for each flag that a value follows."""
    lines = []
    for flag in node.flags:
        if flag.value is not None:
            names = "|".join(_quote(f"{node.words} {name}") for name in flag.names)
            lines.append(f"        {names}) value={_quote(flag.value or '@none')} ;;")
    return lines


def _fill_script(script: str, nodes: Sequence[CompletionNode], table: list[str], values: list[str]) -> str:
    names = "|".join(_quote(node.words) for node in nodes if node.words)
    return script.replace("@PLACES@", names).replace("@TABLE@", "\n".join(table)).replace("@VALUES@", "\n".join(values))


def _quote(text: str) -> str:
    """Return a text as one word of bash and zsh."""
    return text if re.fullmatch(r"[\w@./-]+", text) else "'" + text.replace("'", "'\\''") + "'"


def _quote_fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _format_fish_value(value: str | None) -> str:
    if value is None:
        return ""
    if value == "@files":
        return " -r -F"
    if value == "@folders":
        return " -x -a '(__fish_complete_directories)'"
    return f" -x -a {_quote_fish(value)}" if value else " -x"
