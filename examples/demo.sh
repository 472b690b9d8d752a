#!/usr/bin/env bash
# Serve the example `greet`, call it with curl, show the answers, stop it. Run by `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
ovenbird=${OVENBIRD:-.venv/bin/ovenbird}
log=$(mktemp)
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log"' EXIT

"$ovenbird" serve examples/greet --init greeting=Hello --port 0 --log-format json 2>"$log" &
server=$!
url=
for _ in $(seq 300); do
    url=$(sed -n 's/.*is served at \(http[^"]*\)".*/\1/p' "$log")
    [ -n "$url" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$log"; exit 1; }
    sleep 0.1
done
[ -n "$url" ] || { echo "the server did not become ready:"; cat "$log"; exit 1; }

show() { # show TITLE CURL-ARGUMENTS...
    printf '\n# %s\n$ curl %s\n' "$1" "${*:2}"
    curl --silent --show-error --write-out '\n-> %{http_code}\n' "${@:2}"
}
echo "# $ ovenbird serve examples/greet --init greeting=Hello   (at $url)"
show "a call: fields of the JSON object are the function's arguments" "$url" --json '{"name": "Ada", "times": 2}'
show "the same as a query" "$url/?name=Ada"
show "what does not fit is named, each field" "$url" --json '{"nam": "Ada", "times": "two"}'
show "probes, metrics and an OpenAPI document come with it" "$url/_/ready"
show "the function's contract" "$url/_/openapi.json"
kill -TERM "$server"
wait "$server" && code=0 || code=$?
printf '\n# SIGTERM: drained and ended with status %s\n' "$code"
trap - EXIT
rm -f "$log"
exit "$code"
