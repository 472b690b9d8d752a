#!/usr/bin/env bash
# Run the examples: serve `greet`, then the three of `world-cities` (a download, a training, a service with the model).
# Run by `make demo`; everything it starts is stopped, and its store is a temporary folder.
set -euo pipefail
cd "$(dirname "$0")/.."
ovenbird=${OVENBIRD:-.venv/bin/ovenbird}
python=$(dirname "$ovenbird")/python
work=$(mktemp -d)
export OVENBIRD_HOME=$work/home
server= files=
stop() { [ -z "$1" ] || { kill "$1" 2>/dev/null && wait "$1" 2>/dev/null; } || true; }
trap 'stop "$server"; stop "$files"; rm -rf "$work"' EXIT

title() { printf '\n# %s\n' "$1"; }
show() { # show TITLE CURL-ARGUMENTS...
    title "$1"
    printf '$ curl %s\n' "${*:2}"
    curl --silent --show-error --write-out '\n-> %{http_code}\n' "${@:2}"
}
tell() { # tell TITLE OVENBIRD-ARGUMENTS...
    title "$1"
    printf '$ ovenbird %s\n' "${*:2}"
    "$ovenbird" "${@:2}"
}
found() { # found PID FILE PATTERN: wait until a line of the file holds the pattern's URL
    url=
    for _ in $(seq 300); do
        url=$(sed -n "s/$3/\1/p" "$2")
        [ -n "$url" ] && return
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    echo "it did not become ready:"
    cat "$2"
    exit 1
}
serve() { # serve ARGUMENTS...: in the background; $server and $url
    title "\$ ovenbird serve $*"
    "$ovenbird" serve "$@" --port 0 --log-format json 2>"$work/log" &
    server=$!
    found "$server" "$work/log" '.*is served at \(http[^"]*\)".*'
    echo "at $url"
}
drain() {
    kill -TERM "$server"
    wait "$server" && code=0 || code=$?
    server=
    title "SIGTERM: drained and ended with status $code"
    [ "$code" = 0 ]
}

serve examples/greet --init greeting=Hello
show "a call: fields of the JSON object are the function's arguments" "$url" --json '{"name": "Ada", "times": 2}'
show "the same as a query" "$url/?name=Ada"
show "what does not fit is named, each field" "$url" --json '{"nam": "Ada", "times": "two"}'
show "probes, metrics and an OpenAPI document come with it" "$url/_/ready"
show "the function's contract" "$url/_/openapi.json"
drain

cities=examples/world-cities
"$python" $cities/serve_csv.py >"$work/url" 2>/dev/null &
files=$!
found "$files" "$work/url" '\(.*\)'
tell "a job: download a table and keep what the function returns" \
    run $cities/download.py:download --input url="$url" --param min_population=50000 --log-format text
tell "a job: train a model on it, given by key" \
    run $cities/train.py:train --input cities=store://default/dataitem/table/world-cities \
    --log-format text --result-file "$work/result.json"
title "its result file"
cat "$work/result.json"
tell "where the model comes from" lineage store://default/model/sklearn/city-prices

serve $cities/predict.py
show "a service whose init has loaded that model" "$url" --json \
    '{"population": 500000, "area_km2": 200, "elevation_m": 30, "gdp_per_capita": 40000}'
drain
