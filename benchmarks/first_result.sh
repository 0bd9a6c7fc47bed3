#!/usr/bin/env bash
# From `git clone` to the demo's last line, install and run apart.
#   benchmarks/first_result.sh [REPOSITORY]
set -euo pipefail
repository=$(cd "${1:-$(dirname "$0")/..}" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
now() { python3 -c 'import time; print(time.time())'; }
begun=$(now)
git clone --quiet "$repository" "$folder/hansa"
cd "$folder/hansa"
cloned=$(now)
make --silent .venv/.core
installed=$(now)
make --silent demo > "$folder/out.txt"
done_=$(now)
tail -n 3 "$folder/out.txt"
python3 - "$begun" "$cloned" "$installed" "$done_" <<'PY'
import sys
begun, cloned, installed, done = map(float, sys.argv[1:])
print(f"clone {cloned - begun:6.1f} s   install {installed - cloned:6.1f} s   demo {done - installed:6.1f} s   all {done - begun:6.1f} s")
PY
