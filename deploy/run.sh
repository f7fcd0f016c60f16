#!/usr/bin/env bash
# Starts the server, takes a file in (FILE, else a sample made on the spot), prints the player's URL and stays until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${SLUICE_DATA_DIR:-data}
file=${FILE:-}
mkdir -p "$data"
if [ -z "$file" ]; then
  file=$data/sample.mkv
  [ -f "$file" ] || { echo "run: making a sample clip, $file"; bash deploy/sample.sh "$file"; }
fi
[ -r "$file" ] || { echo "run: cannot read $file" >&2; exit 1; }

bin/sluice serve --log-level "${SLUICE_LOG_LEVEL:-warn}" &
server=$!
trap 'kill -TERM $server 2>/dev/null; wait $server 2>/dev/null; exit' INT TERM EXIT
bin/sluice ready --wait 60s --pid $server
bin/sluice ingest --skip-identical "$file"
echo
echo "The server is running; the console is at the address above under /console/. Ctrl-C ends it."
wait $server
