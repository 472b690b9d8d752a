# Read by every bash that runs a script (BASH_ENV), and of use to one: process 1 that runs the platform's entry point.
# That script runs the processor as its child, and a bash that is process 1 hears no signal and passes none on, so
# nothing would drain and no record of a stopped run be written before the pod is killed. Here process 1 starts the
# script in a process group of its own, hands TERM and INT on to that group, and ends with the script's status.
if [[ $$ == 1 && $0 == /shared/entrypoint.sh ]]; then
    ovenbird_script='' ovenbird_signal=''
    ovenbird_pass_on() {
        ovenbird_signal=$1
        [[ -z $ovenbird_script ]] || kill -s "$1" -- "-$ovenbird_script" 2>/dev/null
    }
    trap 'ovenbird_pass_on TERM' TERM
    trap 'ovenbird_pass_on INT' INT
    set -m # a group of its own for the script, which then does not ignore INT either
    OVENBIRD_PROCESS_ONE=1 "$BASH" "$0" "$@" &
    ovenbird_script=$!
    [[ -z $ovenbird_signal ]] || ovenbird_pass_on "$ovenbird_signal"
    while :; do # `wait` returns at each signal, and reaps orphans meanwhile
        ovenbird_signal=''
        wait "$ovenbird_script"
        ovenbird_status=$?
        [[ -n $ovenbird_signal ]] || break
        kill -0 "$ovenbird_script" 2>/dev/null || break
    done
    if [[ -n $ovenbird_signal ]]; then # it ended together with a signal: its own status is still known
        wait "$ovenbird_script"
        ovenbird_status=$?
    fi
    exit "$ovenbird_status"
elif [[ ${OVENBIRD_PROCESS_ONE-} == "$PPID" ]]; then
    # The script itself: the signal is for what it runs, whose end it waits for. What was killed by it ends the script.
    unset OVENBIRD_PROCESS_ONE BASH_ENV
    trap 'ovenbird_status=$?; ((ovenbird_status < 128)) || exit "$ovenbird_status"' TERM INT
fi
