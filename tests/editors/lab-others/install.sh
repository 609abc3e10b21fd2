#!/usr/bin/env bash
# install.sh DIR: Neovim, Emacs, Vim, Helix and tmux in DIR/bin, ALE and Emacs packages beside them.
#
# Nothing is installed on the machine: packages are unpacked with all that they depend on, libc too, and each binary is
# told where its libraries are. So they run on any Linux that has apt-get, dpkg and the keys of Debian's archive.
# APT_MIRROR names another mirror than the one that the machine is configured for. Needs PATCHELF, a path, too.
set -euo pipefail
directory=$(mkdir -p "${1:?directory}" && cd "$1" && pwd)
: "${PATCHELF:?path of patchelf}"

for program in apt-get dpkg; do
    command -v "$program" >/dev/null || { echo >&2 "$program is missing: the editors come out of Debian's packages"; exit 1; }
done

configured_mirror() {
    cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
        sed -nE 's/^(URIs:|deb( \[[^]]*\])?) *(https?:[^ ]*\/debian)\/?( .*)?$/\3/p' | head -n 1
}
mirror=${APT_MIRROR:-$(configured_mirror || true)}
mirror=${mirror:-http://deb.debian.org/debian}

# unpack SUITE PACKAGE…: all of it below DIR/SUITE, as if the machine had nothing installed.
unpack() {
    local suite=$1 apt=$directory/apt/$1 root=$directory/$1
    shift
    rm -rf "$root"
    mkdir -p "$apt"/{lists/partial,cache/archives/partial} "$root"
    : >"$apt/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
    local options=(
        -qq
        -o Dir::State::lists="$apt/lists"
        -o Dir::State::status="$apt/status"
        -o Dir::Cache="$apt/cache"
        -o Dir::Etc::sourcelist="$apt/sources.list"
        -o Dir::Etc::sourceparts=/dev/null
        -o APT::Install-Recommends=false
        -o APT::Keep-Downloaded-Packages=true
        -o APT::Sandbox::User="$(id -un)"
        -o Debug::NoLocking=true
        -o Acquire::Languages=none
        -o Acquire::Retries=3
    )
    apt-get "${options[@]}" update
    apt-get "${options[@]}" --yes --download-only install "$@"
    for package in "$apt"/cache/archives/*.deb; do
        dpkg --extract "$package" "$root"
    done
    rm -rf "$apt"
}

# patch SUITE BINARY: let the binary use the loader and the libraries that were unpacked with it.
patch() {
    local root=$directory/$1 binary=$directory/$1/$2 loader libraries
    loader=$(find "$root" -name 'ld-linux*.so.*' -print -quit)
    libraries=$(find "$root" -maxdepth 3 -type d -path '*/lib/*-linux-gnu*' -printf '%p:')
    "$PATCHELF" --set-interpreter "$loader" --force-rpath --set-rpath "${libraries%:}" "$binary"
}

# wrap NAME SUITE BINARY [VARIABLE=VALUE…]: DIR/bin/NAME starts the binary, which was built to find its files in /usr.
wrap() {
    local name=$1 suite=$2 binary=$3
    shift 3
    patch "$suite" "$binary"
    {
        echo '#!/bin/sh'
        echo 'export LC_ALL=C.UTF-8'
        for setting in "$@"; do printf 'export %s="%s"\n' "${setting%%=*}" "${setting#*=}"; done
        printf 'exec "%s" "$@"\n' "$directory/$suite/$binary"
    } >"$directory/bin/$name"
    chmod +x "$directory/bin/$name"
}

mkdir -p "$directory/bin"

unpack trixie emacs-nox elpa-lsp-mode vim vim-ale hx tmux
trixie=$directory/trixie
wrap tmux trixie usr/bin/tmux
wrap vim trixie usr/bin/vim.basic VIMRUNTIME="$(echo "$trixie"/usr/share/vim/vim[0-9]*)"
wrap hx trixie usr/lib/hx/hx HELIX_RUNTIME="$trixie/usr/lib/hx/runtime"
emacs_files=$(echo "$trixie"/usr/share/emacs/[0-9]*)
emacs_programs=$(echo "$trixie"/usr/libexec/emacs/*/*-linux-gnu)
# Emacs looks for its image beside the binary, too.
ln -sfn "$emacs_programs"/emacs-*.pdmp "$trixie/usr/bin/emacs-nox.pdmp"
wrap emacs trixie usr/bin/emacs-nox EMACSDATA="$emacs_files/etc" EMACSDOC="$emacs_files/etc" \
    EMACSLOADPATH="$emacs_files/lisp" EMACSPATH="$emacs_programs"
ln -sfn "$trixie/usr/share/vim-ale" "$directory/vim-ale"
ln -sfn "$trixie/usr/share/emacs/site-lisp/elpa-src" "$directory/elpa"

# The suite after the stable one: its Neovim is the newest, and moves on.
unpack testing neovim
wrap nvim testing usr/bin/nvim VIMRUNTIME="$directory/testing/usr/share/nvim/runtime"
