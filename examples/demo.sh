#!/usr/bin/env bash
# Run the examples: serve `greet`, then the three of `world-cities` (a download, a training, a service with the model),
# then build the image of `greet` and run it, where there is what that needs.
# Run by `make demo`; everything it starts is stopped. Its store is .cache/demo, which `make ui` shows.
set -euo pipefail
cd "$(dirname "$0")/.."
ovenbird=${OVENBIRD:-.venv/bin/ovenbird}
python=$(dirname "$ovenbird")/python
work=$(mktemp -d)
export OVENBIRD_HOME=$PWD/.cache/demo
rm -rf "$OVENBIRD_HOME" && mkdir -p .cache
server= files= image=
stop() { [ -z "$1" ] || { kill "$1" 2>/dev/null && wait "$1" 2>/dev/null; } || true; }
farewell() { [ "$1" != 0 ] || printf '\n# what was run, in a browser: `make ui`, then http://127.0.0.1:8081 with the token that it prints\n'; }
trap 'code=$?; stop "$server"; stop "$files"; [ -z "$image" ] || podman rmi --force "$image" >/dev/null 2>&1; rm -rf "$work"; farewell "$code"' EXIT

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
    url=${url/0.0.0.0/127.0.0.1} # what a container listens on
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

base() { # base: $version of a base image that is here or can be built, or why there is none
    for version in 3.12 3.13 3.11 3.14 3.10; do
        buildah inspect --type image "localhost/ovenbird:$version" >/dev/null 2>&1 && return
    done
    version=3.12
    title "\$ ovenbird base build $version"
    OVENBIRD_LOG_FORMAT=text "$ovenbird" base build "$version" --quiet >"$work/base" 2>&1 && return
    echo "no image is built: $(grep -m 1 '^error' "$work/base" | cut -c 1-600); OVENBIRD_REGISTRY may name a mirror"
    return 1
}
for program in buildah skopeo podman; do
    type "$program" >/dev/null 2>&1 && continue
    title "an image is built too where buildah, skopeo and podman are: apt-get install buildah skopeo podman"
    exit
done
base || exit 0
image=localhost/ovenbird-demo:$$
tell "an image of the first example, on the base of Python $version" \
    build examples/greet --python "$version" --tag "$image" --result-file "$work/build.json" >"$work/printed" 2>"$work/log" ||
    { cat "$work/printed" "$work/log"; exit 1; }
head -n 3 "$work/printed"
tail -n 1 "$work/log"
if ! podman run --rm --pull never "$image" --version >"$work/podman" 2>&1; then
    echo "podman cannot run containers here: $(tail -n 1 "$work/podman")"
    exit
fi
tell "its function as a job, in a container" \
    run examples/greet --container --image "$image" --param name=Ada --log-format text
serve examples/greet --container --image "$image" --init greeting=Ciao
show "a call to the service in the container" "$url" --json '{"name": "Ada"}'
drain
