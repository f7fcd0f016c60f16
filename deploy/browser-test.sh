#!/usr/bin/env bash
# Starts a server of its own, takes clips in and lets real players in headless Chromium play them: one that is ready, and one
# whose tail is still encoded. Screenshots are kept in test-output/console/.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$(mktemp -d)
port=$(node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')
# However full the disk is: what this test needs is little.
export SLUICE_STORAGE_RESERVE_BYTES=67108864
export SLUICE_DATA_DIR=$data SLUICE_HTTP_LISTEN=127.0.0.1:$port SLUICE_HSU_LISTEN= SLUICE_LOG_LEVEL=warn BASE_URL=http://127.0.0.1:$port
server= worker=
end() { [ -z "$1" ] || { kill -CONT "$1" && kill -TERM "$1" && wait "$1"; } 2>/dev/null || true; }
stop() {
  end "$worker"
  end "$server"
  rm -rf "$data"
}
trap stop EXIT
# take FILE [FLAG…] takes a file in and prints the entry's id.
take() { bin/sluice ingest --json "$@" | node -e 'let s="";process.stdin.on("data",d=>s+=d).on("end",()=>console.log(JSON.parse(s.split("\n")[0]).entry))'; }

echo 'browser: making clips'
bash deploy/sample.sh "$data/sample.mkv"
ffmpeg -hide_banner -loglevel error -nostdin -f lavfi -i testsrc2=s=640x360:r=25 -f lavfi -i sine=sample_rate=48000 -t 60 \
  -c:v libx264 -preset ultrafast -g 50 -c:a aac "$data/growing.mp4"
mkdir -p "$data/clips/sub"
ffmpeg -hide_banner -loglevel error -nostdin -f lavfi -i testsrc2=s=640x360:r=25 -f lavfi -i sine=sample_rate=48000 -t 6 \
  -c:v libx264 -preset ultrafast -b:v 6M -minrate 6M -maxrate 6M -bufsize 6M -g 50 -c:a aac "$data/upload.mp4"
ffmpeg -hide_banner -loglevel error -nostdin -f lavfi -i testsrc2=s=320x180:r=25 -t 2 -c:v libx264 -preset ultrafast "$data/clips/top.mp4"
cp "$data/clips/top.mp4" "$data/clips/sub/deep.mp4"
bin/sluice serve --worker-roles=api,feeder,inbox --worker-lease=10m --dropfolder-sweep=1s &
server=$!
bin/sluice worker &
worker=$!
bin/sluice ready --wait 60s --pid "$server"
echo 'browser: taking them in'
entry=$(take "$data/sample.mkv")
end "$worker"
# One core and short spans: the second clip plays long before it is ready. There its worker is frozen.
bin/sluice worker --worker-tokens=1 --engine-span=10s --engine-passthrough=false --worker-lease=10m &
worker=$!
growing=$(take --no-wait "$data/growing.mp4")
GROWING_ID=$growing node deploy/until-playable.mjs
kill -STOP "$worker"
echo "browser: playing entry $entry, and $growing as it grows"
# A drop folder for the pages that show them.
session=$(bin/sluice session --admin)
curl -sf "$BASE_URL/api_v3/service/dropfolder_dropfolder/action/add?format=1" --data-urlencode "ks=$session" -d 'dropFolder[objectType]=KalturaDropFolder' \
  -d 'dropFolder[name]=browser' -d 'dropFolder[path]=browser' -d 'dropFolder[fileHandlerType]=1' -d 'dropFolder[fileSizeCheckInterval]=6' \
  -d 'dropFolder[fileHandlerConfig][objectType]=KalturaDropFolderContentFileHandlerConfig' -d 'dropFolder[fileHandlerConfig][contentMatchPolicy]=1' \
  -o "$data/folder.json"
folder=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).path' "$data/folder.json")
mkdir -p "$folder"
cd api/console/web
ENTRY_ID=$entry GROWING_ID=$growing WORKER_PID=$worker UPLOAD_FILE=$data/upload.mp4 UPLOAD_DIR=$data/clips \
  FOLDER=$folder CLIP=$data/clips/top.mp4 npm run --silent e2e
