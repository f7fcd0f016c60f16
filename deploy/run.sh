#!/usr/bin/env bash
# Starts the server, takes a file in (FILE, else a sample made on the spot), prints the player's URL and stays until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
# In a terminal Ctrl-C reaches every process of the foreground group. It shall end this script, which then ends in order and
# well; it shall not end make as well, which would call that an error: so this script gets a group of its own.
if [ -t 0 ] && [ -z "${RUN_GROUP:-}" ]; then
  set -m
  RUN_GROUP=1 bash deploy/run.sh
  exit
fi
data=${SLUICE_DATA_DIR:-data}
file=${FILE:-}
mkdir -p "$data"
if [ -z "$file" ]; then
  file=$data/sample.mkv
  [ -f "$file" ] || { echo "run: making a sample clip, $file"; bash deploy/sample.sh "$file"; }
fi
[ -r "$file" ] || { echo "run: cannot read $file" >&2; exit 1; }

# The server's group is its own, too: a second signal would end it at once.
set -m
bin/sluice serve --log-level "${SLUICE_LOG_LEVEL:-warn}" </dev/null &
server=$!
set +m
stop() {
  trap - INT TERM HUP EXIT
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" || exit
  exit "$1"
}
trap 'stop 0' INT TERM HUP
trap 'stop $?' EXIT
bin/sluice ready --wait 60s --pid "$server"
bin/sluice ingest --skip-identical "$file"
echo
echo "The server is running; the console is at the address above under /console/. Ctrl-C ends it."
wait "$server"
