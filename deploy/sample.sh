#!/usr/bin/env bash
# Makes the sample clip that `make run` plays: 40 s of 1080p with two audio languages, subtitles and chapters of colour.
# Usage: sample.sh OUT.mkv
set -euo pipefail
out=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/en.srt" <<'S'
1
00:00:01,000 --> 00:00:05,000
This clip was made on your own machine.

2
00:00:06,000 --> 00:00:12,000
Change the quality, the language, the captions.

3
00:00:14,000 --> 00:00:20,000
Every rendition came from one decode.

4
00:00:24,000 --> 00:00:38,000
Kill the server at any moment: it finishes after a restart.
S
cat >"$dir/de.srt" <<'S'
1
00:00:01,000 --> 00:00:05,000
Dieser Clip entstand auf deinem eigenen Rechner.

2
00:00:06,000 --> 00:00:12,000
Wechsle Qualität, Sprache und Untertitel.

3
00:00:14,000 --> 00:00:38,000
Alle Fassungen stammen aus einem Durchgang.
S
ffmpeg -hide_banner -loglevel error -nostdin -y \
  -f lavfi -i "gradients=s=1920x1080:r=30:nb_colors=6:x0=0:y0=0:x1=1920:y1=1080:speed=0.02" \
  -f lavfi -i "testsrc2=size=640x360:rate=30" \
  -f lavfi -i "aevalsrc='0.2*sin(2*PI*(220+55*floor(mod(t,8)))*t)|0.2*sin(2*PI*(330+55*floor(mod(t,8)))*t)':s=48000" \
  -f lavfi -i "sine=frequency=440:beep_factor=4:sample_rate=48000" \
  -i "$dir/en.srt" -i "$dir/de.srt" -t 40 \
  -filter_complex "[0:v][1:v]overlay=x=(W-w)/2*(1+0.9*sin(t/3)):y=(H-h)/2*(1+0.9*cos(t/2)),format=yuv420p[v]" \
  -map "[v]" -map 2:a -map 3:a -map 4:s -map 5:s \
  -c:v libx264 -preset superfast -crf 23 -g 120 -c:a aac -b:a 160k -ac 2 -c:s srt \
  -metadata:s:a:0 language=eng -metadata:s:a:0 title=Music -metadata:s:a:1 language=deu -metadata:s:a:1 title=Ton \
  -metadata:s:s:0 language=eng -metadata:s:s:1 language=deu -metadata title="A first look at sluice" "$dir/out.mkv"
mv "$dir/out.mkv" "$out"
