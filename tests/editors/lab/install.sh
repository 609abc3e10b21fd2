#!/usr/bin/env bash
# Installs VS Code for the tests, as code-server serves it, beside this file: install.sh NODE24 NPM_CLI
# No install script of any package is run: native modules come ready-made in their packages, and the few that do not
# (logging, watching) only make noise in a log. Chromium is Debian's; it is installed where it is missing.
set -euo pipefail
node=$(readlink -f "$1")
npm=$(readlink -f "$2")
cd "$(dirname "${BASH_SOURCE[0]}")"
# npm starts a `node` of its own here and there: let it be this one.
PATH=$(dirname "$node"):$PATH

install() {
    (cd "$1" && "$node" "$npm" "$2" --ignore-scripts --omit=dev --no-bin-links --no-audit --no-fund --loglevel=error)
}

install . ci
vscode=node_modules/code-server/lib/vscode
install "$vscode" install
install "$vscode/extensions" install
ln -sfn code-linux.sh "$vscode/bin/remote-cli/code-server"
ln -sfn browser-linux.sh "$vscode/bin/helpers/browser.sh"

if ! command -v chromium >/dev/null; then
    if [ "$(id -u)" = 0 ]; then as_root=(); else as_root=(sudo); fi
    "${as_root[@]}" apt-get --quiet --quiet update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --quiet --yes install --no-install-recommends \
        chromium fonts-dejavu-core >/dev/null
fi
chromium --version
