#!/usr/bin/env bash
# Starts hearth on this machine, runs the read-aside program against it, and stops it again.
set -euo pipefail
cd "$(dirname "$0")"
command -v node >/dev/null || { echo "this demo needs Node.js 18 or newer on the PATH" >&2; exit 1; }
[[ -d node_modules/@gomomento/sdk ]] || npm install --no-audit --no-fund --no-package-lock --loglevel=error
port=18080
../../bin/hearth serve --listen 127.0.0.1:$port --resp off --memcache off --admin off --log-level warn >/dev/null &
server=$!
trap 'kill $server 2>/dev/null; wait' EXIT
until curl -fs "http://127.0.0.1:$port/readyz" >/dev/null; do
	kill -0 $server 2>/dev/null || exit 1 # it has said why it ended
	sleep 0.05
done
kill -0 $server 2>/dev/null # whoever answers is this one
node main.mjs 127.0.0.1 $port
