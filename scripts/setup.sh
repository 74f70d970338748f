#!/usr/bin/env bash
# Sets the project up: a virtual environment in .venv, Java for Spark, and for `test` also Chromium and kubectl.
#
#   scripts/setup.sh         what up and demo need
#   scripts/setup.sh test    what test needs as well
#
# Run it as often as you like: nothing to do takes well under a second, and an interrupted run is repaired by the next.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PURPOSE="${1:-run}"
readonly VENV=.venv
readonly STAMP="$VENV/.set-up-for"        # holds the digest of the requirements that are installed in full
readonly UNFINISHED="$VENV/.unfinished"   # exists while pip runs: found later, it means pip was interrupted
readonly LOG=.airworthy/setup.log
readonly DISK_GB=8

say() { printf '%s\n' "set-up: $*"; }
die() { # message, next step
  printf '\033[31m%s\033[0m\n  next: %s\n' "set-up: $1" "$2" >&2
  exit 1
}

requirements_digest() { cat requirements.txt requirements-dev.txt pyproject.toml | sha256sum | cut -c1-64; }

# ---- The operating system's packages ----

java_works() {
  local java="${JAVA_HOME:+$JAVA_HOME/bin/}java" major
  command -v "$java" >/dev/null || return 1
  major=$("$java" -version 2>&1 | awk -F '[".]' '/version "/ && !seen++ { print $2 }')
  [ "${major:-0}" -ge 17 ]
}

chromium_works() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null && return 0
  done
  return 1
}

find_python() { # prints the first Python 3.11+ that can make a virtual environment
  local name
  for name in ${PYTHON:-} python3.11 python3.12 python3.13 python3; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return 0
    fi
  done
  return 1
}

# Not `| grep -q`, here and below: it ends at the first match, apt-cache dies of SIGPIPE, and pipefail makes that a no.
has_package() { [[ "$(apt-cache policy "$1" 2>/dev/null)" == *'Candidate: '[^\(]* ]]; }

first_package() { # prints the first of its arguments that this distribution has
  local name
  for name in "$@"; do
    if has_package "$name"; then
      echo "$name"
      return 0
    fi
  done
  return 1
}

missing_packages() { # prints the packages to install, one a line
  if [ ! -x "$VENV/bin/python" ] && ! find_python >/dev/null; then
    if python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      python3 -c 'import sys; print("python3-venv\npython3.%d-venv" % sys.version_info.minor)' |
        while read -r name; do has_package "$name" && echo "$name"; done || true
    elif has_package python3.11 && has_package python3.11-venv; then
      printf '%s\n' python3.11 python3.11-venv
    else
      printf '%s\n' python3 python3-venv
    fi
  fi
  java_works || first_package openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless || true
  [[ "$(/sbin/ldconfig -p 2>/dev/null)" == *libgomp.so.1* ]] || first_package libgomp1 || true # LightGBM links to it
  if [ "$PURPOSE" = test ]; then
    chromium_works || first_package chromium chromium-browser || true
    command -v kubectl >/dev/null || first_package kubernetes-client kubectl || true
  fi
}

everything_is_here() {
  java_works && { [ -x "$VENV/bin/python" ] || find_python >/dev/null; } || return 1
  [ "$PURPOSE" != test ] || { chromium_works && command -v kubectl >/dev/null; }
}

install_packages() {
  command -v apt-get >/dev/null ||
    die "this needs Python 3.11+ and Java 17+ (for tests also Chromium and kubectl), and there is no apt-get here" \
      "install them with this system's package manager, then run the same command again"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then as_root=(sudo -n); else as_root=(needs-root); fi
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get)
  if [ "${as_root[*]}" != needs-root ]; then
    say "refreshing the distribution's package lists"
    "${apt[@]}" update >>"$LOG" 2>&1 || say "apt-get update failed; going on with the lists there are (see $LOG)"
  fi
  local packages
  mapfile -t packages < <(missing_packages)
  [ "${#packages[@]}" -gt 0 ] || return 0
  [ "${as_root[*]}" != needs-root ] ||
    die "missing: ${packages[*]} (and this may not install packages: not root, and sudo asks for a password)" \
      "sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages[*]}"
  say "installing ${packages[*]}"
  "${apt[@]}" install -y --no-install-recommends "${packages[@]}" >>"$LOG" 2>&1 || {
    tail -n 15 "$LOG" >&2
    die "apt-get could not install ${packages[*]} (full log: $LOG)" "mend what the lines above say, then run it again"
  }
}

# ---- Python's packages ----

check_disk() {
  local free_gb
  free_gb=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024 / 1024) }')
  [ "$free_gb" -ge "$DISK_GB" ] ||
    die "only $free_gb GB free in $PWD; torch, Spark and the rest need $DISK_GB GB" "free some space, then run it again"
}

make_environment() {
  if [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
  local python
  python=$(find_python) || die "no Python 3.11 or newer that can make virtual environments" \
    "sudo apt-get install python3 python3-venv, or name one: PYTHON=/path/to/python3.11 make up"
  say "virtual environment in $VENV with $("$python" --version)"
  "$python" -m venv --clear "$VENV"
}

# pip takes a package for installed when its metadata is there, and a killed pip may leave that without all the files.
forget_half_installed() {
  say "the last set-up was interrupted: checking what it left"
  "$VENV/bin/python" - <<'PYTHON'
import shutil
import sys
from importlib.metadata import distributions
from pathlib import Path

site = next(path for path in sys.path if path.endswith("site-packages"))
for leftover in Path(site).glob("~*"):
    shutil.rmtree(leftover, ignore_errors=True)
for package in list(distributions(path=[site])):
    def broken(file):
        path = Path(package.locate_file(file))
        return not path.exists() or (file.size is not None and path.stat().st_size != file.size)

    files = package.files
    if not files or any(broken(file) for file in files if not str(file).endswith(".pyc")):
        shutil.rmtree(package._path, ignore_errors=True)
        print(f"set-up: {package._path.name} is incomplete and will be installed again")
PYTHON
}

show_progress() { # pid, start line of the log: one line on a terminal, one every 20 s elsewhere
  local pid=$1 since=$2 started=$SECONDS shown=-20 total phase elapsed
  total=$(grep -chE '^[A-Za-z0-9]' requirements.txt requirements-dev.txt | awk '{ n += $1 } END { print n }')
  while kill -0 "$pid" 2>/dev/null; do
    elapsed=$((SECONDS - started))
    phase=$(tail -n "+$since" "$LOG" | awk -v total="$total" '
      /^Collecting/ { seen++; what = "fetching " $2 }
      /^Requirement already/ { seen++; what = $4 " is there" }
      /^Building wheel/ { late = "building " $4 }
      /^Installing collected/ { late = "installing" }
      END { if (late) print late; else printf "%d of %d: %s", (seen > total ? total : seen), total, what }')
    if [ "$phase" = installing ]; then
      phase="installing, $(find "$VENV"/lib/python*/site-packages -maxdepth 1 -name '*.dist-info' | wc -l) of $total are in place"
    fi
    if [ -t 1 ]; then
      printf '\r\033[Kset-up: Python packages, %d:%02d, %.90s' $((elapsed / 60)) $((elapsed % 60)) "$phase"
    elif [ $((elapsed - shown)) -ge 20 ]; then
      printf 'set-up: Python packages, %d:%02d, %s\n' $((elapsed / 60)) $((elapsed % 60)) "$phase"
      shown=$elapsed
    fi
    sleep 0.5
  done
  [ ! -t 1 ] || printf '\r\033[K'
}

pip_logged() { # runs pip with its output in the log and the progress on the screen
  local since
  since=$(($(wc -l <"$LOG") + 1))
  PYTHONUNBUFFERED=1 "$VENV/bin/python" -m pip --disable-pip-version-check install --no-input --progress-bar off "$@" \
    >>"$LOG" 2>&1 &
  pip_pid=$!
  show_progress "$pip_pid" "$since"
  wait "$pip_pid" || {
    tail -n 15 "$LOG" >&2
    die "pip failed (full log: $LOG)" "mend what the lines above say (often the network), then run it again: it goes on from here"
  }
  pip_pid=
}

install_requirements() {
  check_disk
  make_environment
  [ ! -e "$UNFINISHED" ] || forget_half_installed
  rm -f "$STAMP"
  touch "$UNFINISHED"
  say "Python packages: about 330 and 3 GB, 3 to 10 minutes the first time (log: $LOG)"
  # as constraints too, or pip tries other versions of what somebody asks for with an extra (pandas[parquet])
  pip_logged -c requirements.txt -r requirements.txt -r requirements-dev.txt
  pip_logged --no-deps -e .
  "$VENV/bin/python" -m pip --disable-pip-version-check check >>"$LOG" 2>&1 || {
    tail -n 5 "$LOG" >&2
    die "the installed packages do not fit together" "rm -rf $VENV, then run it again"
  }
  requirements_digest >"$STAMP"
  rm -f "$UNFINISHED"
}

pip_pid=
trap '[ -z "$pip_pid" ] || kill "$pip_pid" 2>/dev/null; echo; say "interrupted; run it again and it goes on from here"; exit 130' INT TERM

mkdir -p .airworthy
up_to_date() { [ ! -e "$UNFINISHED" ] && [ "$(cat "$STAMP" 2>/dev/null)" = "$(requirements_digest)" ]; }
if everything_is_here && up_to_date; then exit 0; fi

chmod 700 .airworthy
: >"$LOG"
everything_is_here || install_packages
java_works || die "Java 17 or newer is missing, which Spark needs" \
  "sudo apt-get install -y --no-install-recommends openjdk-17-jre-headless, or point JAVA_HOME at one"
if [ "$PURPOSE" = test ]; then
  chromium_works || die "Chromium is missing, which the browser test drives" "sudo apt-get install -y chromium"
  command -v kubectl >/dev/null || say "no kubectl, and no package for it here: the tests that use it will be skipped"
fi
up_to_date || install_requirements
say "done in $((SECONDS / 60)):$(printf '%02d' $((SECONDS % 60)))"
