#!/usr/bin/env bash
# Fuzzes every target for a while: FUZZ_TIME, 60 s unless it is set, or those that match FUZZ, a regular expression. What a target
# finds is written to testdata/fuzz beside it, where every later run of the tests tries it again.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
while IFS=: read -r file _ name; do
  name=$(sed -E 's/^func (Fuzz[A-Za-z0-9_]*).*/\1/' <<<"$name")
  [[ $name =~ ${FUZZ:-.} ]] || continue
  echo "== $name of $(dirname "$file")"
  # Inputs that are merely new are not worth the time to make them short.
  go test -run '^$' -fuzz "^$name\$" -fuzztime "${FUZZ_TIME:-60s}" -fuzzminimizetime 50x "$(dirname "$file")" || status=1
done < <(grep -rn '^func Fuzz' --include='*_test.go' .)
exit $status
