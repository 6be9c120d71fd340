#!/bin/sh
# Makes .venv from a lock, or does nothing when that was done before.
#
# usage: tools/venv.sh core|dev [python]
# `dev` holds everything that `core` does. A stamp named after the lock's hash says what is in.
set -eu

want=$1
python=${2:-}
venv=.venv

say() { printf '%s\n' "$*" >&2; }

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
    for candidate in ${python:-python3 python3.13 python3.12 python3.11}; do
        if fits "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    say "Townsquare needs Python 3.11, 3.12 or 3.13 and found none: apt-get install python3 (Debian 12 or newer), or say make PYTHON=/path/to/python3.12."
    exit 2
}

make_venv() {
    found=$(find_python)
    if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "Python $version has no venv module: apt-get install python3-venv (or python$version-venv), then make again."
        exit 2
    fi
    "$found" -m venv --clear "$venv"
}

# No install of the project itself: a path file makes the clone importable without a build tool.
link_clone() {
    site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    pwd >"$site/townsquare.pth"
    # Not a #! line with the clone's path: that breaks on blanks and when the clone is moved.
    printf '#!/bin/sh\nexec "$(dirname "$0")/python" -m townsquare.cli "$@"\n' >"$venv/bin/townsquare"
    chmod +x "$venv/bin/townsquare"
}

case $want in
    core) lock=requirements.lock ;;
    dev) lock=requirements-dev.lock ;;
    *) say "usage: tools/venv.sh core|dev [python]"; exit 2 ;;
esac

hash() { cksum <"$1" | tr -d ' '; }

core_stamp=$venv/.core-$(hash requirements.lock)
dev_stamp=$venv/.dev-$(hash requirements-dev.lock)
if [ "$want" = core ]; then stamp=$core_stamp; else stamp=$dev_stamp; fi

if ! fits "$venv/bin/python"; then make_venv; fi
if [ -e "$stamp" ] || { [ "$want" = core ] && [ -e "$dev_stamp" ]; }; then exit 0; fi

say "Installing $lock into $venv ..."
"$venv/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r "$lock"
link_clone
rm -f "$venv/.$want"-*
: >"$stamp"
"$venv/bin/python" tools/size.py
