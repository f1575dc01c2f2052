#!/usr/bin/env bash
# Installs what the tests drive: Debian packages named in test/packages.txt, the npm packages of test/node, the PyPI
# packages of test/python. It does only what is missing, and says exactly what that is where it may not install.
set -euo pipefail
cd "$(dirname "$0")"

missing=()
while read -r package _; do
	[[ -z $package || $package == \#* ]] && continue
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok' || missing+=("$package")
done <packages.txt
if ((${#missing[@]})); then
	if [[ $(id -u) -ne 0 ]]; then
		echo "These Debian packages are missing and this user may not install them: ${missing[*]}" >&2
		echo "Run: sudo apt-get install ${missing[*]}" >&2
		exit 1
	fi
	echo "installing ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -q >/dev/null
	# Services must not start on their default ports: the tests start their own.
	printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d
	apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
	rm -f /usr/sbin/policy-rc.d
fi

if [[ -f node/package.json ]] && ! cmp -s node/package.json node/node_modules/.installed; then
	echo "installing npm packages for test/node"
	(cd node && npm install --no-audit --no-fund --no-package-lock --loglevel=error && cp package.json node_modules/.installed)
fi

ric=../examples/lambda/node
if ! cmp -s $ric/package.json $ric/node_modules/.installed; then
	echo "building AWS's runtime client for examples/lambda/node"
	[[ -d /usr/include/node ]] && export npm_config_nodedir=/usr # its headers; elsewhere they are downloaded
	(cd $ric && npm install --no-audit --no-fund --no-package-lock --loglevel=error && cp package.json node_modules/.installed)
fi

if [[ -f python/requirements.txt ]] && ! cmp -s python/requirements.txt ../.cache/python/.installed; then
	echo "installing PyPI packages for test/python"
	mkdir -p ../.cache
	python3 -m venv ../.cache/python
	../.cache/python/bin/pip install -q --disable-pip-version-check -r python/requirements.txt
	cp python/requirements.txt ../.cache/python/.installed
fi

while read -r tool _; do
	[[ -z $tool || $tool == \#* ]] && continue
	name=$(basename "${tool%@*}") done=../.cache/bin/.$(basename "$tool")
	if [[ ! -e $done ]]; then
		echo "building $name"
		mkdir -p ../.cache/bin
		GOBIN=$(cd ../.cache/bin && pwd) GOFLAGS=-mod=mod go install "$tool"
		touch "$done"
	fi
done <tools.txt
