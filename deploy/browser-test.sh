#!/usr/bin/env bash
# Starts a server of its own, takes a clip in and lets real players in headless Chromium play it.
# Screenshots are kept in test-output/.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
data=$(mktemp -d)
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
export SLUICE_DATA_DIR=$data SLUICE_HTTP_LISTEN=127.0.0.1:$port SLUICE_LOG_LEVEL=warn
server=
stop() {
  [ -z "$server" ] || { kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
  rm -rf "$data"
}
trap stop EXIT

echo 'browser: making a clip'
bash deploy/sample.sh "$data/sample.mkv"
bin/sluice serve &
server=$!
bin/sluice ready --wait 60s --pid "$server"
echo 'browser: taking it in'
entry=$(bin/sluice ingest --json "$data/sample.mkv" | node -e 'let s="";process.stdin.on("data",d=>s+=d).on("end",()=>console.log(JSON.parse(s.split("\n")[0]).entry))')
echo "browser: playing entry $entry"
cd api/console/web
BASE_URL=http://127.0.0.1:$port ENTRY_ID=$entry OUTPUT_DIR=$root/test-output npm run --silent e2e
