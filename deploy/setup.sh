#!/usr/bin/env bash
# Installs what building, running and testing sluice needs and this machine lacks. Says what it does; does nothing twice.
set -euo pipefail
cd "$(dirname "$0")/.."

# Build: a C compiler and FFmpeg's libraries. Run: Redis. Test and bench: the peers and real counterparts.
packages=(
  gcc pkg-config git ca-certificates
  libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev
  redis-server
  ffmpeg postgresql chromium nginx-light libxml2-utils clamav-daemon
  curl openssh-client openssh-server openssh-sftp-server lftp vsftpd
)

# A package counts as there when it, or one that provides the same program, is installed.
have() {
  case $1 in
    nginx-light) command -v nginx >/dev/null ;;
    *) dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed' ;;
  esac
}

missing=()
for p in "${packages[@]}"; do have "$p" || missing+=("$p"); done

if [ ${#missing[@]} -gt 0 ]; then
  sudo=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: need root (or sudo) to install: ${missing[*]}" >&2; exit 1; }
    sudo=sudo
  fi
  echo "setup: installing ${missing[*]}"
  # Servers that come with packages must not start by themselves: sluice and its tests start their own.
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null && $sudo chmod +x $policy
    trap '$sudo rm -f $policy' EXIT
  fi
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

for tool in go node npm; do
  command -v $tool >/dev/null || { echo "setup: $tool is not installed; see README.md" >&2; exit 1; }
done

lock=api/console/web/package-lock.json
stamp=api/console/web/node_modules/.package-lock.json
if [ -f $lock ] && { [ ! -f $stamp ] || [ $lock -nt $stamp ]; }; then
  echo 'setup: installing the console'"'"'s npm packages'
  (cd api/console/web && npm ci --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json)
fi
